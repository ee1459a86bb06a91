//! Patterns of names.

use std::convert::Infallible;
use std::str::FromStr;

/// A pattern with `*` for any text and `?` for any one character; ASCII letters match in either
/// case. The empty pattern matches sessions without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<char>);

impl Glob {
    /// The pattern that a text is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.chars().map(|c| c.to_ascii_lowercase()).collect())
    }

    /// Whether all of `name` fits the pattern.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().map(|c| c.to_ascii_lowercase()).collect();
        let (mut at, mut next) = (0, 0);
        // Where to go on after the last `*`, if what followed it did not match.
        let mut retry: Option<(usize, usize)> = None;
        while next < name.len() {
            match self.0.get(at) {
                Some('*') => {
                    retry = Some((at, next));
                    at = at.saturating_add(1);
                }
                Some(wanted) if *wanted == '?' || Some(wanted) == name.get(next) => {
                    at = at.saturating_add(1);
                    next = next.saturating_add(1);
                }
                _ => {
                    let Some((star, from)) = retry else { return false };
                    let from = from.saturating_add(1);
                    retry = Some((star, from));
                    (at, next) = (star.saturating_add(1), from);
                }
            }
        }
        self.0.iter().skip(at).all(|rest| *rest == '*')
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
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
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends() {
        let glob: Glob = "*a".repeat(60).parse().unwrap();
        assert!(!glob.matches(&"a".repeat(59)));
        assert!(glob.matches(&"a".repeat(255)));
    }
}
