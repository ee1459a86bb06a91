//! Why the store did not do what it was asked.

use crate::control::NotShared;
use crate::page::NotACursor;

/// Why the store did not do what it was asked. Nothing is half done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full; what was asked works again when there is space.
    #[error("no space left for the store at {path}: make room, or lower its limits")]
    Full {
        /// The file, or the URL of the server.
        path: String,
    },
    /// The database does not answer, or is not ready; what was asked works again when it is.
    #[error("{server} does not answer: {reason}")]
    Unreachable {
        /// Its URL, without user and password.
        server: String,
        /// Why.
        reason: String,
    },
    /// The file is of a later version of tlsight.
    #[error("{path} has schema {found}, but this tlsight knows only up to {known}: update tlsight")]
    Newer {
        /// The file, or the URL of the server.
        path: String,
        /// Its schema.
        found: i64,
        /// The latest known schema.
        known: i64,
    },
    /// The file belongs to something else.
    #[error("{path} is not a store of tlsight")]
    NotAStore {
        /// The file.
        path: String,
    },
    /// Another process has the file open for writing.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// The database cannot do what it is asked.
    #[error("{path}: {source}")]
    Database {
        /// The file, or the URL of the server.
        path: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// Something is larger than it may be.
    #[error("{what}: {found}, more than {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The largest that is taken.
        limit: usize,
    },
    /// A table holds as much as it may.
    #[error("there are {limit} {what} already, and more are not kept")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many are kept.
        limit: usize,
    },
    /// Somebody else changed it since it was read.
    #[error("it was changed in the meantime: version {found}, not {expected}")]
    Conflict {
        /// The version that the change was based on.
        expected: u64,
        /// The version that there is; 0 if there is none.
        found: u64,
    },
    /// There is one of that name already.
    #[error("{what} '{name}' exists already")]
    Exists {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is none of that name.
    #[error("there is no {what} '{name}'")]
    Missing {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nobody would be left who may everything.
    #[error("this is the last admin: make another one first")]
    LastAdmin,
    /// What people decide cannot be shared with other servers.
    #[error(transparent)]
    NotShared(#[from] NotShared),
    /// A cursor that no page gave, or one of another list.
    #[error(transparent)]
    Cursor(#[from] NotACursor),
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
    /// A file cannot be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}
