//! The key that servers share, and what is sealed under it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::NotShared;
use crate::error::StoreError;

/// The key under which decisions are sealed: AES-256-GCM with random nonces. It is in a file as 64
/// hexadecimal digits.
pub(super) struct ControlKey {
    seal: LessSafeKey,
    derive: hmac::Key,
}

/// It was not sealed under this key, or not as what it is said to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotOpened;

impl ControlKey {
    /// Reads the key of a file; none if there is no file.
    ///
    /// # Errors
    /// [`StoreError::File`]; [`NotShared::NoSuchKey`] if it holds something else.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |source| StoreError::File { path: path.display().to_string(), source };
        let file = match OpenOptions::new().read(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE_LEN));
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut text).map_err(failed)?;
        let wrong = || NotShared::NoSuchKey { path: path.display().to_string() };
        let bytes = bytes(text.trim_ascii()).ok_or_else(wrong)?;
        Self::of(&bytes).map(Some)
    }

    /// Makes a key, in a file for its owner only.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub(super) fn make(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::File { path: path.display().to_string(), source };
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(&mut *bytes).map_err(|_unspecified| failed(ErrorKind::Other.into()))?;
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_LEN));
        text.push_str(&Zeroizing::new(digits(&*bytes)));
        text.push('\n');
        // Under another name first: a kill leaves a whole file or none.
        let unfinished = path.with_added_extension("new");
        let put = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, path)
        };
        put().map_err(failed)?;
        Self::of(&bytes)
    }

    fn of(bytes: &[u8; KEY_LEN]) -> Result<Self, StoreError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes);
        let key = key.map_err(|_unspecified| StoreError::Damaged("a key that is none"))?;
        // What is derived must not be what seals.
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derive = hmac::Key::new(
            hmac::HMAC_SHA256,
            hmac::sign(&root, b"tlsight derived secrets").as_ref(),
        );
        Ok(Self { seal: LessSafeKey::new(key), derive })
    }

    /// A secret that only servers with this key know, as hexadecimal digits.
    pub(super) fn derived(&self, purpose: &str) -> String {
        digits(hmac::sign(&self.derive, purpose.as_bytes()).as_ref())
    }

    /// Seals something as what `context` says it is.
    pub(super) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = StoreError::Damaged("the system gives no randomness");
        let mut nonce = [0; NONCE_LEN];
        if rand::fill(&mut nonce).is_err() {
            return Err(failed);
        }
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(OVERHEAD));
        sealed.extend_from_slice(plain);
        let aad = Aad::from(context);
        if self
            .seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .is_err()
        {
            return Err(failed);
        }
        sealed.extend_from_slice(&nonce);
        Ok(sealed)
    }

    /// Opens what was sealed as what `context` says it is.
    pub(super) fn open(&self, context: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, NotOpened> {
        let at = sealed.len().checked_sub(NONCE_LEN).ok_or(NotOpened)?;
        let nonce: [u8; NONCE_LEN] =
            sealed.get(at..).and_then(|nonce| nonce.try_into().ok()).ok_or(NotOpened)?;
        sealed.truncate(at);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.seal.open_in_place(nonce, Aad::from(context), &mut sealed);
        let len = opened.map_err(|_unspecified| NotOpened)?.len();
        sealed.truncate(len);
        Ok(sealed)
    }
}

fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
    text
}

/// The bytes of hexadecimal digits.
fn bytes(text: &[u8]) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    if text.len() != 2 * KEY_LEN {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in digits {
            let value = u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(bytes)
}

const KEY_LEN: usize = 32;

/// Bytes of the file that are looked at: the digits, and room for the ends of lines.
const MAX_FILE_LEN: usize = 2 * KEY_LEN + 16;

/// Bytes that sealing adds: the tag and the nonce.
const OVERHEAD: usize = 16 + NONCE_LEN;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_sealed_opens_as_what_it_is_and_under_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.key");
        assert!(ControlKey::read(&path).unwrap().is_none());
        let key = ControlKey::make(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        let sealed = key.seal(b"first", b"plain").unwrap();
        assert!(sealed != key.seal(b"first", b"plain").unwrap());
        let again = ControlKey::read(&path).unwrap().unwrap();
        assert_eq!(again.open(b"first", sealed.clone()).unwrap(), b"plain");
        assert!(again.open(b"other", sealed.clone()).is_err());
        for at in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            assert!(again.open(b"first", tampered).is_err(), "byte {at}");
            assert!(again.open(b"first", sealed[..at].to_vec()).is_err(), "prefix of {at} bytes");
        }
        let other = ControlKey::make(&folder.path().join("other.key")).unwrap();
        assert!(other.open(b"first", sealed).is_err());
        for text in ["", "zz", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
            std::fs::write(&path, text).unwrap();
            assert!(ControlKey::read(&path).is_err(), "{text}");
        }
    }
}
