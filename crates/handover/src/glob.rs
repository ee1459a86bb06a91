//! Patterns of names: of servers, programs, workloads.

use std::convert::Infallible;
use std::str::FromStr;

/// A pattern in which `*` stands for any characters and `?` for one. Letters of ASCII match in either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[u8]>);

impl Glob {
    /// Any text is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.as_bytes().into())
    }

    /// Whether all of a text is as the pattern says. A character is one of UTF-8; of other bytes, each that does not
    /// continue one before.
    #[must_use]
    pub fn matches(&self, text: impl AsRef<[u8]>) -> bool {
        let (mut pattern, mut rest) = (&*self.0, text.as_ref());
        // Where to go on if the last `*` stands for one character more.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern, rest) {
                ([b'*', after @ ..], _) => {
                    retry = Some((after, rest));
                    pattern = after;
                }
                ([], []) => return true,
                ([b'?', after @ ..], [_, others @ ..]) => {
                    (pattern, rest) = (after, without_continuation(others));
                }
                ([one, after @ ..], [byte, others @ ..]) if one.eq_ignore_ascii_case(byte) => {
                    (pattern, rest) = (after, others);
                }
                _ => {
                    let Some((after, [_, others @ ..])) = retry else { return false };
                    retry = Some((after, others));
                    (pattern, rest) = (after, others);
                }
            }
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

/// What follows the first byte of a character, without the rest of it (RFC 3629 section 3).
fn without_continuation(mut bytes: &[u8]) -> &[u8] {
    while let [0x80..=0xbf, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, expected) in [
            ("*.example.com", "www.EXAMPLE.com", true),
            ("*.example.com", "example.com", false),
            ("*", "anything", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xaxbx", true),
            ("*a*b", "xaxbx", false),
            ("*aab", "aaaab", true),
            ("a?c", "a\u{20ac}c", true),
            ("a??c", "a\u{20ac}c", false),
            ("*??", "\u{20ac}", false),
            ("*?c", "\u{20ac}c", true),
            ("\u{e9}*", "\u{e9}t\u{e9}", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} {name}");
        }
        assert!(Glob::new("a?c").matches(b"a\xffc") && !Glob::new("a?c").matches(b"a\xff\xffc"));
    }

    #[test]
    fn a_pattern_of_many_stars_ends() {
        let glob = Glob::new(&"*a".repeat(60));
        assert!(!glob.matches("a".repeat(59)));
        assert!(glob.matches("a".repeat(255)));
    }
}
