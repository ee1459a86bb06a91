//! Integers with a prefix (RFC 7541 section 5.1).

/// Takes an integer whose first `prefix_bits` are the low bits of the first byte, or `None` if it is
/// cut off or exceeds 2²⁸, which no length or index does.
pub(super) fn take(bytes: &mut &[u8], prefix_bits: u32) -> Option<usize> {
    let (&first, mut rest) = bytes.split_first()?;
    let mask = (1_usize << prefix_bits).saturating_sub(1);
    let mut value = usize::from(first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            value = value.checked_add(usize::from(byte & 0x7f).checked_shl(shift)?)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > MAX_SHIFT {
                return None;
            }
        }
    }
    *bytes = rest;
    Some(value)
}

/// Of the fourth byte behind the prefix.
const MAX_SHIFT: u32 = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (bytes, bits, value) in
            [(&[0b1110_1010][..], 5, 10), (&[31, 0x9a, 0x0a], 5, 1337), (&[42], 8, 42)]
        {
            let mut rest = bytes;
            assert_eq!((take(&mut rest, bits), rest), (Some(value), &[][..]));
            for len in 0..bytes.len() {
                let mut rest = &bytes[..len];
                assert_eq!((take(&mut rest, bits), rest), (None, &bytes[..len]));
            }
        }
    }

    #[test]
    fn endless_integers_are_refused() {
        let bytes = [0xff; 100];
        assert_eq!(take(&mut &bytes[..], 7), None);
        assert_eq!(take(&mut &[0x7f, 0x80, 0x80, 0x80, 0x80, 0][..], 7), None);
        assert_eq!(take(&mut &[0x7f, 0xff, 0xff, 0xff, 0x7f][..], 7), Some(127 + (1 << 28) - 1));
    }
}
