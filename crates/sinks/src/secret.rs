//! Texts that nobody is to read.

use zeroize::Zeroizing;

/// A password, token or key. It has no `Debug`, `Serialize` or `PartialEq`, so that it ends up in no log or
/// error by accident.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for whom it was written.
    #[must_use]
    pub fn dangerous_text(&self) -> &str {
        &self.0
    }
}
