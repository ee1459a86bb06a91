//! Object identifiers: compared as numbers and shown as text.

use std::borrow::Cow;
use std::fmt::Write;

use event::Name;

/// An object identifier of at most 15 bytes, which are all that have names here.
///
/// The bytes of its DER form below a one, so that two are equal when the identifiers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oid(u128);

impl Oid {
    /// The identifier with the text `dotted`; one that does not fit stops the compiler where this makes
    /// a constant.
    pub(super) const fn new(dotted: &str) -> Self {
        let mut packed = 1;
        let mut arc: u32 = 0;
        let mut first = None;
        let mut text = dotted.as_bytes();
        while let [character, rest @ ..] = text {
            if *character != b'.' {
                arc = arc * 10 + (*character - b'0') as u32;
            }
            if *character == b'.' || rest.is_empty() {
                match first {
                    None => first = Some(arc * 40),
                    Some(root) => {
                        packed = push_arc(packed, root + arc);
                        first = Some(0);
                    }
                }
                arc = 0;
            }
            text = rest;
        }
        Self(packed)
    }

    /// Reads the contents of the DER form; `None` if they are malformed or too long.
    ///
    /// Zeros before an arc do not count, as they do not show in the text.
    pub(super) fn read(contents: &[u8]) -> Option<Self> {
        if contents.len() > MAX_SHOWN_LEN || contents.last()? & 0x80 != 0 {
            return None;
        }
        let mut packed = 1_u128;
        let mut before_arc = true;
        for byte in contents {
            if before_arc && *byte == 0x80 {
                continue;
            }
            if packed >> 120 != 0 {
                return None;
            }
            packed = packed << 8 | u128::from(*byte);
            before_arc = byte & 0x80 == 0;
        }
        Some(Self(packed))
    }
}

const fn push_arc(packed: u128, arc: u32) -> u128 {
    let mut packed = packed;
    let mut groups = 5;
    while groups > 0 {
        groups -= 1;
        let group = arc >> (7 * groups);
        if group != 0 || groups == 0 {
            let more = if groups == 0 { 0 } else { 0x80 };
            assert!(packed >> 120 == 0, "an identifier with a name takes at most 15 bytes");
            packed = packed << 8 | (group & 0x7f | more) as u128;
        }
    }
    packed
}

/// Looks the contents of an object identifier up in tables of names, or else writes it as [`text`].
pub(super) fn named(tables: &[&[(Oid, &'static str)]], contents: &[u8]) -> Name {
    let oid = Oid::read(contents);
    let mut entries = tables.iter().flat_map(|table| table.iter());
    let known = oid.and_then(|oid| entries.find(|(known, _)| *known == oid));
    known.map_or_else(|| Cow::Owned(text(contents)), |(_, name)| Cow::Borrowed(*name))
}

/// The dotted text of an object identifier from the contents of its DER form.
///
/// An identifier with an arc over 64 bits, or not well-formed, is `0x` and hexadecimal.
pub(super) fn text(contents: &[u8]) -> String {
    dotted(contents).unwrap_or_else(|| {
        let shown = contents.get(..MAX_SHOWN_LEN).unwrap_or(contents);
        format!("0x{}", data_encoding::HEXLOWER.encode(shown))
    })
}

fn dotted(contents: &[u8]) -> Option<String> {
    if contents.len() > MAX_SHOWN_LEN {
        return None;
    }
    let mut text = String::new();
    let mut arc = 0_u64;
    for byte in contents {
        arc = arc.checked_mul(1 << 7)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc.checked_sub(first.checked_mul(40)?)?).ok()?;
        } else {
            write!(text, ".{arc}").ok()?;
        }
        arc = 0;
    }
    (contents.last()? & 0x80 == 0).then_some(text)
}

/// Longest identifier that is shown whole, in bytes: the longest in use, of Microsoft's certificate
/// templates, take 30.
const MAX_SHOWN_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_the_same_from_text_and_from_der() {
        for (dotted, der) in [
            ("1.2.840.113549.1.1.11", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11][..]),
            ("2.5.29.37.0", &[0x55, 0x1d, 0x25, 0]),
            ("2.999.4294967295", &[0x88, 0x37, 0x8f, 0xff, 0xff, 0xff, 0x7f]),
            ("0.9", &[9]),
        ] {
            assert_eq!(Oid::read(der), Some(Oid::new(dotted)));
            assert_eq!(text(der), dotted);
            for len in 0..der.len() {
                assert_ne!(Oid::read(&der[..len]), Some(Oid::new(dotted)), "prefix of {len} bytes");
            }
        }
    }

    #[test]
    fn zeros_before_an_arc_do_not_count() {
        let padded = [0x55, 0x80, 0x80, 0x1d, 0x80, 0x25, 0x80, 0];
        assert_eq!(Oid::read(&padded), Some(Oid::new("2.5.29.37.0")));
        assert_eq!(text(&padded), "2.5.29.37.0");
        assert_ne!(Oid::read(&[0x55, 0x1d, 0x25, 0]), Oid::read(&[0x55, 0x1d, 0x25]));
    }

    #[test]
    fn an_identifier_that_is_malformed_or_too_long_has_no_name() {
        assert_eq!(Oid::read(&[]), None);
        assert_eq!(Oid::read(&[0x55, 0x80]), None);
        assert!(Oid::read(&[1; 15]).is_some());
        assert_eq!(Oid::read(&[1; 16]), None);
        let mut padded = vec![0x80; 64];
        padded[63] = 1;
        assert_eq!(Oid::read(&padded), Oid::read(&[1]));
        padded.insert(0, 0x80);
        assert_eq!(Oid::read(&padded), None);
    }
}
