//! The key that beacons are authenticated with.

use aws_lc_rs::{constant_time, hmac, rand};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::keys::NoIdentity;

/// A key that agents and monitors share. Who has it can make monitors try secrets that are none, and open
/// nothing.
pub struct BeaconKey(hmac::Key);

impl BeaconKey {
    /// The text of a new key: for the files that it is kept in only.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn dangerous_new_text() -> Result<Zeroizing<String>, NoIdentity> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(&mut *bytes).map_err(|_error| NoIdentity)?;
        let mut text = Zeroizing::new(String::with_capacity(MAX_TEXT_LEN));
        text.push_str(PREFIX);
        BASE64.encode_append(&*bytes, &mut text);
        text.push('\n');
        Ok(text)
    }

    /// Reads what [`Self::dangerous_new_text`] gives.
    ///
    /// # Errors
    /// It is no key.
    pub fn parse(text: &str) -> Result<Self, NoIdentity> {
        let key = text.trim_end().strip_prefix(PREFIX).ok_or(NoIdentity)?;
        let bytes = BASE64.decode(key.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_error| NoIdentity)?;
        let is_right = bytes.len() == KEY_LEN;
        if is_right { Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))) } else { Err(NoIdentity) }
    }

    /// HMAC-SHA256, of which half is enough for who can only guess (RFC 2104 section 5).
    pub(super) fn tag(&self, bytes: &[u8]) -> [u8; TAG_LEN] {
        hmac::sign(&self.0, bytes).as_ref().first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn verifies(&self, bytes: &[u8], tag: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.tag(bytes), tag).is_ok()
    }
}

impl std::fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeaconKey")
    }
}

pub(super) const TAG_LEN: usize = 16;

const KEY_LEN: usize = 32;
const PREFIX: &str = "tlsight-escrow-beacon ";
const MAX_TEXT_LEN: usize = 80;
