//! Signed certificate timestamps (RFC 6962 section 3.3).

use wire::Reader;

/// Counts the entries of a `SignedCertificateTimestampList`, as the TLS extension and the contents of
/// the embedded one hold it; `None` if it is malformed.
#[must_use]
pub fn scts(list: &[u8]) -> Option<u32> {
    let mut outer = Reader::new(list);
    let mut entries = Reader::new(outer.prefixed_u16().ok()?);
    let mut count = 0_u32;
    while !entries.is_empty() {
        entries.prefixed_u16().ok().filter(|entry| !entry.is_empty())?;
        count = count.saturating_add(1);
    }
    (outer.is_empty() && count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted() {
        assert_eq!(scts(&[0, 7, 0, 1, 9, 0, 2, 8, 8]), Some(2));
    }

    #[test]
    fn a_list_that_does_not_fit_has_no_count() {
        let list = [0, 7, 0, 1, 9, 0, 2, 8, 8];
        for len in 0..list.len() {
            assert_eq!(scts(&list[..len]), None, "prefix of {len} bytes");
        }
        assert_eq!(scts(&[0, 0]), None);
        assert_eq!(scts(&[0, 2, 0, 0]), None);
        assert_eq!(scts(&[0, 3, 0, 1, 9, 0]), None);
    }
}
