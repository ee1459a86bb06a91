//! Texts that nobody is to read.

use zeroize::Zeroizing;

/// A password, a token or the address of a webhook. It has no `Debug`, `Serialize` or `PartialEq`, so
/// that it ends up in no log, error or answer by accident.
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

/// As the body of a request has it.
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
