//! A secret that was taken.

use arrayvec::ArrayVec;
use zeroize::Zeroize as _;

use crate::label::Label;

/// Longest secret: a master secret, or a digest of SHA-384.
pub const MAX_SECRET_LEN: usize = 48;

/// A secret of a session. It is wiped when dropped, and cannot be copied, compared or printed.
pub struct TakenSecret {
    label: Label,
    bytes: ArrayVec<u8, MAX_SECRET_LEN>,
}

impl TakenSecret {
    /// Takes a copy of `bytes`; `None` if no secret with this label is that long.
    #[must_use]
    pub fn new(label: Label, bytes: &[u8]) -> Option<Self> {
        if !label.allows(bytes.len()) {
            return None;
        }
        ArrayVec::try_from(bytes).ok().map(|bytes| Self { label, bytes })
    }

    /// What it is.
    #[must_use]
    pub const fn label(&self) -> Label {
        self.label
    }

    /// The secret itself: to be sent to the agent, or kept by it.
    #[must_use]
    pub fn dangerous_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for TakenSecret {
    fn drop(&mut self) {
        self.bytes.as_mut_slice().zeroize();
    }
}
