//! Small documents with versions.

use event::Timestamp;

use crate::error::StoreError;

/// What kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Policies that people wrote.
    Policies,
    /// Which packs are on.
    Packs,
    /// Where violations are told, with their secrets.
    Notifiers,
    /// Settings that are changed while the server runs.
    Settings,
    /// Locked postures of edges.
    Baselines,
}

/// A document. Its body is up to whoever wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name within the collection.
    pub key: String,
    /// Grows by one with each change, from 1.
    pub version: u64,
    /// When it was changed.
    pub updated: Timestamp,
    /// What it says; at most [`Document::MAX_LEN`] bytes.
    pub body: Vec<u8>,
}

/// What must be so for a change to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// There is none of this key.
    Absent,
    /// It still has this version.
    Version(u64),
}

/// Documents by key. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Documents: Send + Sync {
    /// One document.
    fn document(&self, collection: Collection, key: &str) -> Result<Option<Document>, StoreError>;

    /// All documents of a collection, by key.
    fn documents(&self, collection: Collection) -> Result<Vec<Document>, StoreError>;

    /// Writes a document and returns its version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not as expected; [`StoreError::TooLarge`];
    /// [`StoreError::LimitReached`] beyond [`Document::MAX_COUNT`].
    fn put_document(
        &self,
        collection: Collection,
        key: &str,
        body: &[u8],
        expected: Expected,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Removes a document; returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not as expected.
    fn remove_document(
        &self,
        collection: Collection,
        key: &str,
        expected: Expected,
    ) -> Result<bool, StoreError>;
}

impl Document {
    /// Longest key in bytes.
    pub const MAX_KEY_LEN: usize = 256;
    /// Longest body in bytes; the longest policy of a pack has some kilobytes.
    pub const MAX_LEN: usize = 1 << 20;
    /// Most documents of a collection: all are read at once.
    pub const MAX_COUNT: usize = 10_000;
}
