//! Small documents with versions.

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::file::{Control, at_most, time};
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

impl Collection {
    /// Its number in a database.
    const fn code(self) -> i64 {
        match self {
            Self::Policies => 0,
            Self::Packs => 1,
            Self::Notifiers => 2,
            Self::Settings => 3,
            Self::Baselines => 4,
        }
    }
}

impl Documents for Control {
    fn document(&self, collection: Collection, key: &str) -> Result<Option<Document>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT key, version, updated, body FROM documents
                     WHERE collection = ? AND key = ?",
                )?
                .query_row(params![collection.code(), key], document)
                .optional()
        })
    }

    fn documents(&self, collection: Collection) -> Result<Vec<Document>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT key, version, updated, body FROM documents
                     WHERE collection = ? ORDER BY key",
                )?
                .query_map([collection.code()], document)?
                .collect()
        })
    }

    fn put_document(
        &self,
        collection: Collection,
        key: &str,
        body: &[u8],
        expected: Expected,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        at_most("length of a key", key.len(), Document::MAX_KEY_LEN)?;
        at_most("length of a document", body.len(), Document::MAX_LEN)?;
        self.transact(|connection| {
            let found = version(connection, collection, key)?;
            expected.check(found)?;
            if found == 0 {
                let count = connection
                    .prepare_cached("SELECT count(*) FROM documents WHERE collection = ?")?
                    .query_row([collection.code()], |row| row.get::<_, i64>(0))?;
                if usize::try_from(count).is_ok_and(|count| count >= Document::MAX_COUNT) {
                    let limit = Document::MAX_COUNT;
                    return Err(StoreError::LimitReached { what: "documents", limit }.into());
                }
            }
            let version = found.saturating_add(1);
            connection
                .prepare_cached("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)")?
                .execute(params![
                collection.code(),
                key,
                version.cast_signed(),
                now.as_nanos(),
                body
            ])?;
            Ok(version)
        })
    }

    fn remove_document(
        &self,
        collection: Collection,
        key: &str,
        expected: Expected,
    ) -> Result<bool, StoreError> {
        self.transact(|connection| {
            expected.check(version(connection, collection, key)?)?;
            let removed = connection
                .prepare_cached("DELETE FROM documents WHERE collection = ? AND key = ?")?
                .execute(params![collection.code(), key])?;
            Ok(removed > 0)
        })
    }
}

impl Expected {
    fn check(self, found: u64) -> Result<(), StoreError> {
        let expected = match self {
            Self::Any => return Ok(()),
            Self::Absent => 0,
            Self::Version(version) => version,
        };
        if expected == found { Ok(()) } else { Err(StoreError::Conflict { expected, found }) }
    }
}

/// The version of a document; 0 if there is none.
fn version(connection: &Connection, collection: Collection, key: &str) -> rusqlite::Result<u64> {
    let version = connection
        .prepare_cached("SELECT version FROM documents WHERE collection = ? AND key = ?")?
        .query_row(params![collection.code(), key], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(version.unwrap_or(0).cast_unsigned())
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        key: row.get(0)?,
        version: row.get::<_, i64>(1)?.cast_unsigned(),
        updated: time(row, 2)?,
        body: row.get(3)?,
    })
}
