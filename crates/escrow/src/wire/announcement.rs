//! What the service knows of keys. Whoever gets it verifies each statement.

use serde::{Deserialize, Serialize};

use super::frame::MAX_ANNOUNCEMENT_LEN;
use crate::malformed::Malformed;

/// The epochs of about now, and the monitors that are subscribed, as texts of signed statements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announcement {
    pub(crate) epochs: Vec<String>,
    /// Grant and key.
    pub(crate) monitors: Vec<(String, String)>,
}

impl Announcement {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Texts in lists are always JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(bytes).map_err(|_error| Malformed::Value)
    }

    /// Whether it may be told, for its length.
    pub(crate) fn fits(&self) -> bool {
        self.to_bytes().len() <= MAX_ANNOUNCEMENT_LEN
    }
}
