//! Patterns of names.

/// A pattern in which `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[u8]>);

impl Glob {
    /// Any text is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.as_bytes().into())
    }

    /// Whether all of a text is as the pattern says, whatever its case in ASCII.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut pattern, mut rest) = (&*self.0, text);
        // Where to go on if the last `*` stands for one character more.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern, rest) {
                ([b'*', after @ ..], _) => {
                    retry = Some((after, rest));
                    pattern = after;
                }
                ([], []) => return true,
                ([one, after @ ..], [byte, others @ ..])
                    if *one == b'?' || one.eq_ignore_ascii_case(byte) =>
                {
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
