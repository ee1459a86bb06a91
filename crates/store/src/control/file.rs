//! The file of what people decide.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use event::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior};

use crate::error::StoreError;
use crate::settings::Durability;
use crate::sqlite::{Schema, StoreFile};

/// What people decide, in a small SQLite file which no other process may use meanwhile.
///
/// There are few changes, and each is on the disk when it is acknowledged.
pub struct Control {
    connection: Mutex<Connection>,
    // Dropped last: it holds the lock.
    file: StoreFile,
}

/// Why a transaction was not done.
pub(super) enum Failure {
    /// SQLite says so.
    Database(rusqlite::Error),
    /// What was asked cannot be done.
    Refused(StoreError),
}

impl Control {
    /// Opens a file, and makes it if there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Newer`], [`StoreError::NotAStore`], [`StoreError::File`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = StoreFile::take(path)?;
        let connection = file.writer(&SCHEMA, Durability::Power)?;
        Ok(Self { connection: Mutex::new(connection), file })
    }

    /// Does something in one transaction, or nothing of it.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        write().map_err(|failure| match failure {
            Failure::Database(error) => self.file.error(error),
            Failure::Refused(error) => error,
        })
    }

    /// Reads something.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        read(&connection).map_err(|error| self.file.error(error))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// Refuses what is larger than it may be.
pub(super) const fn at_most(
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), StoreError> {
    if found > limit { Err(StoreError::TooLarge { what, found, limit }) } else { Ok(()) }
}

/// Refuses one more where there are as many as may be.
pub(super) fn has_room(
    connection: &Connection,
    table: &str,
    what: &'static str,
    limit: usize,
) -> Result<(), Failure> {
    let count = connection
        .prepare_cached(&format!("SELECT count(*) FROM {table}"))?
        .query_row([], |row| row.get::<_, i64>(0))?;
    if usize::try_from(count).is_ok_and(|count| count < limit) {
        return Ok(());
    }
    Err(StoreError::LimitReached { what, limit }.into())
}

/// A point in time of a column.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_nanos)
}

/// A point in time of a column that may be empty.
pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_nanos))
}

/// The begin of a text, at most so many bytes.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// A number that no one of a set has.
pub(super) fn no_such_value(column: usize, value: i64) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(column, value)
}

const SCHEMA: Schema = Schema {
    // "tlsC"
    application_id: 0x746c_7343,
    migrations: &[VERSION_1, VERSION_2],
};

/// Times are nanoseconds since 1970. Verdicts are kept by edge and posture.
const VERSION_1: &str = "
CREATE TABLE documents (
    collection INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
    updated INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (collection, key)
) STRICT;
CREATE TABLE parcels (
    id INTEGER PRIMARY KEY AUTOINCREMENT, notifier TEXT NOT NULL, attempts INTEGER NOT NULL,
    created INTEGER NOT NULL, due INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX parcels_notifier ON parcels (notifier, id);
CREATE INDEX parcels_due ON parcels (due);
CREATE TABLE queues (
    notifier TEXT PRIMARY KEY, dropped INTEGER NOT NULL DEFAULT 0, last_error TEXT, last_sent INTEGER
) STRICT;
CREATE TABLE violations (
    id BLOB PRIMARY KEY, policy TEXT NOT NULL, policy_name TEXT NOT NULL, severity INTEGER NOT NULL,
    edge BLOB NOT NULL, posture BLOB NOT NULL, message TEXT NOT NULL, namespaces TEXT NOT NULL,
    text TEXT NOT NULL, sessions INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    state INTEGER NOT NULL, resolved_at INTEGER, until INTEGER, reason TEXT
) STRICT;
CREATE INDEX violations_order ON violations (severity DESC, max(last, 0) / 1000 DESC, id);
CREATE INDEX violations_policy ON violations (policy);
CREATE INDEX violations_edge ON violations (edge);
CREATE INDEX violations_state ON violations (state, last);
CREATE TABLE verdicts (
    edge BLOB NOT NULL, posture BLOB NOT NULL, pass INTEGER NOT NULL, fail INTEGER NOT NULL,
    unknown INTEGER NOT NULL, PRIMARY KEY (edge, posture)
) STRICT, WITHOUT ROWID;
CREATE TABLE setup (id INTEGER PRIMARY KEY CHECK (id = 1), digest BLOB NOT NULL) STRICT;
CREATE TABLE users (
    name TEXT PRIMARY KEY, role INTEGER NOT NULL, password TEXT NOT NULL, created INTEGER NOT NULL,
    last_login INTEGER
) STRICT;
CREATE TABLE tokens (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, name TEXT NOT NULL, role INTEGER NOT NULL,
    created INTEGER NOT NULL, expires INTEGER, last_used INTEGER
) STRICT;
CREATE TABLE logins (
    cookie BLOB PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX logins_user ON logins (user, created);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, actor TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL, address TEXT NOT NULL, outcome INTEGER NOT NULL
) STRICT;
";

/// Agents elsewhere. Labels and stages are JSON.
const VERSION_2: &str = "
CREATE TABLE enrolment_tokens (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, labels TEXT NOT NULL, created INTEGER NOT NULL,
    created_by TEXT NOT NULL, expires INTEGER NOT NULL, most_uses INTEGER NOT NULL,
    uses INTEGER NOT NULL, last_used INTEGER
) STRICT;
CREATE TABLE agents (
    id TEXT PRIMARY KEY, host TEXT NOT NULL, labels TEXT NOT NULL, token TEXT NOT NULL,
    enrolled INTEGER NOT NULL, revoked_at INTEGER, revoked_by TEXT, heard INTEGER, report BLOB NOT NULL
) STRICT;
CREATE TABLE agent_certificates (
    serial TEXT PRIMARY KEY, agent TEXT NOT NULL, issued INTEGER NOT NULL, not_after INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_certificates_agent ON agent_certificates (agent, not_after);
CREATE TABLE rollouts (
    revision INTEGER PRIMARY KEY AUTOINCREMENT, settings TEXT NOT NULL, note TEXT NOT NULL,
    created INTEGER NOT NULL, created_by TEXT NOT NULL, stages TEXT NOT NULL, begun INTEGER NOT NULL,
    state INTEGER NOT NULL, changed INTEGER NOT NULL
) STRICT;
";
