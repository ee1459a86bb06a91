//! GREASE values, sent to keep peers tolerant of the unknown (RFC 8701 section 2).

/// Whether a 16-bit code point is reserved for GREASE in every registry that has one: cipher
/// suites, groups, signature schemes, extension types and versions.
#[inline]
#[must_use]
pub const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Whether an 8-bit code point is reserved for GREASE as a PSK key exchange mode.
#[inline]
#[must_use]
pub const fn is_grease_psk_mode(value: u8) -> bool {
    matches!(value, 0x0b | 0x2a | 0x49 | 0x68 | 0x87 | 0xa6 | 0xc5 | 0xe4)
}

/// The name that events use for a GREASE code point.
pub(crate) fn grease_name(value: u16) -> Option<&'static str> {
    if !is_grease(value) {
        return None;
    }
    NAMES.get(usize::from(value >> 12)).copied()
}

/// The name that events use for a GREASE PSK key exchange mode.
pub(crate) const fn grease_psk_mode_name(value: u8) -> Option<&'static str> {
    Some(match value {
        0x0b => "GREASE (0x0b)",
        0x2a => "GREASE (0x2a)",
        0x49 => "GREASE (0x49)",
        0x68 => "GREASE (0x68)",
        0x87 => "GREASE (0x87)",
        0xa6 => "GREASE (0xa6)",
        0xc5 => "GREASE (0xc5)",
        0xe4 => "GREASE (0xe4)",
        _ => return None,
    })
}

/// By the first digit of the code point.
const NAMES: [&str; 16] = [
    "GREASE (0x0a0a)",
    "GREASE (0x1a1a)",
    "GREASE (0x2a2a)",
    "GREASE (0x3a3a)",
    "GREASE (0x4a4a)",
    "GREASE (0x5a5a)",
    "GREASE (0x6a6a)",
    "GREASE (0x7a7a)",
    "GREASE (0x8a8a)",
    "GREASE (0x9a9a)",
    "GREASE (0xaaaa)",
    "GREASE (0xbaba)",
    "GREASE (0xcaca)",
    "GREASE (0xdada)",
    "GREASE (0xeaea)",
    "GREASE (0xfafa)",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixteen_grease_code_points_and_each_has_its_name() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|value| is_grease(*value)).collect();
        assert_eq!(grease.len(), 16);
        for value in grease {
            assert_eq!(grease_name(value), Some(format!("GREASE ({value:#06x})").as_str()));
        }
        assert_eq!(grease_name(0x0a1a), None);
    }

    #[test]
    fn psk_modes_have_their_own_grease() {
        for value in 0..=u8::MAX {
            let name = is_grease_psk_mode(value).then(|| format!("GREASE ({value:#04x})"));
            assert_eq!(grease_psk_mode_name(value), name.as_deref());
        }
    }
}
