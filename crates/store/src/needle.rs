//! Parts of texts.

use crate::error::StoreError;

/// A part that texts are searched for, whatever the case of its ASCII letters.
pub(crate) struct Needle<'a>(&'a [u8]);

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
        let first = first.to_ascii_lowercase();
        (0..text.len()).any(|at| {
            text.get(at).is_some_and(|byte| byte.to_ascii_lowercase() == first)
                && text
                    .get(at..at.saturating_add(self.0.len()))
                    .is_some_and(|part| part.eq_ignore_ascii_case(self.0))
        })
    }

    /// Whether an address may begin with it or hold it.
    pub(crate) fn is_address_like(&self) -> bool {
        self.0.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
            && self.0.iter().any(|byte| matches!(byte, b'.' | b':'))
    }
}

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
        assert!(Needle::of(Some("  ")).unwrap().is_none());
        assert!(Needle::of(Some(&"x".repeat(4096))).is_err());
    }
}
