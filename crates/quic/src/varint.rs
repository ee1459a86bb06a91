//! Variable-length integers (RFC 9000 section 16).

use wire::{Reader, Truncated};

/// Reads one variable-length integer; the cursor does not move on an error.
pub(crate) fn varint(reader: &mut Reader<'_>) -> Result<u64, Truncated> {
    let mut ahead = *reader;
    let first = ahead.u8()?;
    let high = u64::from(first & 0x3f);
    let value = match first >> 6 {
        0 => high,
        1 => high << 8 | u64::from(ahead.u8()?),
        2 => high << 24 | u64::from(ahead.u24()?),
        _ => {
            let [a, b, c, d, e, f, g] = ahead.array()?;
            high << 56 | u64::from_be_bytes([0, a, b, c, d, e, f, g])
        }
    };
    *reader = ahead;
    Ok(value)
}

/// Takes the bytes that a variable-length integer in front of them announces; the cursor does not
/// move on an error.
pub(crate) fn prefixed<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let mut ahead = *reader;
    let len = varint(&mut ahead)?;
    // A length that does not fit a `usize` is longer than any datagram.
    let taken = ahead.take(usize::try_from(len).unwrap_or(usize::MAX))?;
    *reader = ahead;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_9000_appendix_a_1_are_read() {
        let cases: [(&[u8], u64); 5] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ];
        for (bytes, value) in cases {
            assert_eq!(varint(&mut Reader::new(bytes)), Ok(value));
            for len in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..len]);
                assert!(varint(&mut reader).is_err(), "prefix of {len} bytes");
                assert_eq!(reader.offset(), 0);
            }
        }
    }
}
