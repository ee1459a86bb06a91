//! Where the entries of a segment are.

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hmac, rand};
use data_encoding::HEXLOWER;
use wire::Reader;

use crate::keys::{FileError, write_private};

/// By what an entry is found: a keyed hash of a client random, or the name of a context. Without the key
/// the store does not say whether it has a session that somebody saw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 16]);

/// The key of tags.
#[derive(Clone)]
pub struct IndexKey(hmac::Key);

/// What one entry of the index says; `None` if it is damaged.
pub(super) type Located = Option<(Tag, u64)>;

impl IndexKey {
    /// The key in a file; a new one if there is none.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |cause| FileError::Io { path: path.to_owned(), cause };
        if !path.exists() {
            let mut key = [0; 32];
            rand::fill(&mut key).map_err(|_error| failed(std::io::ErrorKind::Other.into()))?;
            write_private(path, &format!("{}\n", HEXLOWER.encode(&key)))?;
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let key = HEXLOWER.decode(text.trim().as_bytes()).ok().filter(|key| key.len() == 32);
        let key = key.ok_or_else(|| failed(std::io::ErrorKind::InvalidData.into()))?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// The tag of a session.
    #[must_use]
    pub fn tag(&self, client_random: &[u8; 32]) -> Tag {
        let tag = hmac::sign(&self.0, client_random);
        Tag(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Appends where an entry is.
pub(super) fn put(tag: Tag, offset: u64, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&tag.0);
    out.extend(offset.to_be_bytes());
    let check = check(out.get(begin..).unwrap_or_default());
    out.extend_from_slice(&check);
}

/// Reads an index. Bytes at its end that are no whole entry are passed over: a kill leaves them.
pub(super) fn entries(bytes: &[u8]) -> impl Iterator<Item = Located> {
    bytes.as_chunks::<INDEX_LEN>().0.iter().map(|entry| {
        let mut reader = Reader::new(entry);
        let tag = Tag(reader.array().ok()?);
        let offset = reader.u64().ok()?;
        let covered = entry.get(..INDEX_LEN - CHECK_LEN)?;
        (check(covered) == reader.rest()).then_some((tag, offset))
    })
}

fn check(bytes: &[u8]) -> [u8; CHECK_LEN] {
    digest(&SHA256, bytes).as_ref().first_chunk().copied().unwrap_or_default()
}

/// Tag, offset and check.
pub(super) const INDEX_LEN: usize = 16 + 8 + CHECK_LEN;
const CHECK_LEN: usize = 8;
