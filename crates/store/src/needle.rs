//! Parts of texts.

use std::net::IpAddr;

use crate::error::StoreError;

/// A part that texts are searched for, whatever the case of its ASCII letters.
pub(crate) struct Needle<'a>(&'a [u8]);

/// The begin of an address.
pub(crate) enum AddressPart {
    /// Whole octets, and the begin of the next.
    V4 {
        /// Those.
        octets: Vec<u8>,
        /// That.
        last: String,
    },
    /// The begin of the text of RFC 5952.
    V6(String),
}

impl<'a> Needle<'a> {
    /// What a query asks for; nothing if it is empty.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub(crate) fn of(text: Option<&'a str>) -> Result<Option<Self>, StoreError> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if text.len() > MAX_LEN {
            return Err(StoreError::TooLarge { what: "q", found: text.len(), limit: MAX_LEN });
        }
        Ok(Some(Self(text.as_bytes())))
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let Some((first, _)) = self.0.split_first() else { return true };
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        memchr::memchr2_iter(lower, upper, text).any(|at| {
            text.get(at..at.saturating_add(self.0.len()))
                .is_some_and(|part| part.eq_ignore_ascii_case(self.0))
        })
    }

    /// The addresses that begin with it, if any can.
    pub(crate) fn addresses(&self) -> Option<AddressPart> {
        let text = std::str::from_utf8(self.0).ok()?;
        let is = |allowed: fn(u8) -> bool| text.bytes().all(allowed);
        if text.contains(':') && is(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        {
            return Some(AddressPart::V6(text.to_ascii_lowercase()));
        }
        let (whole, last) = text.rsplit_once('.')?;
        let octets = whole.split('.').map(|octet| octet.parse().ok());
        let octets = octets.take(MAX_OCTETS + 1).collect::<Option<Vec<u8>>>()?;
        let is_part = last.len() <= 3 && last.bytes().all(|byte| byte.is_ascii_digit());
        (octets.len() <= MAX_OCTETS && is_part)
            .then(|| AddressPart::V4 { octets, last: last.to_owned() })
    }
}

impl AddressPart {
    /// Whether an address begins with it.
    pub(crate) fn is_begin_of(&self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Self::V4 { octets, last }, IpAddr::V4(ip)) => {
                let found = ip.octets();
                found.starts_with(octets)
                    && found.get(octets.len()).is_some_and(|next| {
                        last.is_empty() || next.to_string().starts_with(last.as_str())
                    })
            }
            (Self::V6(begin), IpAddr::V6(ip)) => ip.to_string().starts_with(begin.as_str()),
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Octets of an IPv4 address before the last.
const MAX_OCTETS: usize = 3;

/// Longest part in bytes: the longest server name.
const MAX_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_wherever_it_is_and_whatever_its_case() {
        let needle = Needle::of(Some(" Ex%a' ")).unwrap().unwrap();
        assert!(needle.is_in("an eX%A'mple"));
        assert!(needle.is_in("EX%A'"));
        assert!(!needle.is_in("example") && !needle.is_in("ex%a"));
        assert!(!needle.is_in(""));
        assert!(Needle::of(Some("  ")).unwrap().is_none());
        assert!(Needle::of(Some(&"x".repeat(4096))).is_err());
    }

    #[test]
    fn an_address_is_found_by_its_begin() {
        let begins = |part: &str, ip: &str| {
            let part = Needle::of(Some(part)).unwrap().unwrap().addresses();
            part.is_some_and(|part| part.is_begin_of(ip.parse().unwrap()))
        };
        for part in ["10.", "10.1", "10.1.", "10.1.2.", "10.1.2.3", "10.1.2.34"] {
            assert!(begins(part, "10.1.2.34"), "{part}");
        }
        for part in ["10", "1.", "10.2", "10.1.2.4", "10.1.2.34.", "10..", "10.1.2.34.5", "256."] {
            assert!(!begins(part, "10.1.2.34"), "{part}");
        }
        assert!(begins("2001:DB8::", "2001:db8::1") && !begins("2001:db8:1", "2001:db8::1"));
        assert!(!begins("::", "10.1.2.34") && !begins("10.", "::ffff:a01:222"));
    }
}
