//! The file of what people decide.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior};

use super::accounts::SecretText;
use super::replica::{Decided, Recorder, Replica, holder};
use super::replication::{AuthorityPem, Replication, put_authority, read_authority};
use crate::clickhouse::ClickHouseUrl;
use crate::error::StoreError;
use crate::settings::Durability;
use crate::sqlite::{Schema, StoreFile};

/// What people decide, in a small SQLite file which no other process may use meanwhile. Several servers may
/// share it by way of a database: then each has all of it in its own file ([`Control::open_shared`]).
///
/// There are few changes, and each is on the disk when it is acknowledged. Reading waits for none.
pub struct Control {
    writer: Mutex<Writer>,
    reader: Mutex<Connection>,
    replica: Option<Replica>,
    // Dropped last: it holds the lock.
    file: StoreFile,
}

/// What changes the file.
struct Writer {
    connection: Connection,
    /// What notes the changes for other servers, if there are any.
    recorder: Option<Recorder>,
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
        let reader = Mutex::new(file.reader()?);
        let writer = Mutex::new(Writer { connection, recorder: None });
        Ok(Self { writer, reader, replica: None, file })
    }

    /// Opens a file that this server shares with others by way of a database: what any of them decides
    /// is decided for all. The first one begins with what its file has; others begin with none. All have
    /// the same key, in a file, which the first one makes if there is none.
    ///
    /// # Errors
    /// The same, and [`StoreError::NotShared`], [`StoreError::Unreachable`], [`StoreError::Database`].
    pub fn open_shared(
        path: &Path,
        database: ClickHouseUrl,
        key: &Path,
    ) -> Result<Self, StoreError> {
        let file = StoreFile::take(path)?;
        let mut connection = file.writer(&SCHEMA, Durability::Power)?;
        let replica = Replica::open(&file, &mut connection, database, key)?;
        let recorder = Recorder::new(file.writer(&SCHEMA, Durability::Power)?);
        let recorder = Some(recorder.map_err(|error| file.error(error))?);
        let reader = Mutex::new(file.reader()?);
        let writer = Mutex::new(Writer { connection, recorder });
        Ok(Self { writer, reader, replica: Some(replica), file })
    }

    /// Does something in one transaction, or nothing of it. It may be done several times, where other
    /// servers decide at the same time; what it did is forgotten then.
    pub(super) fn transact<T>(
        &self,
        mut work: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer();
        let Writer { connection, recorder } = &mut *writer;
        match (&self.replica, recorder) {
            (Some(replica), Some(recorder)) => {
                replica.transact(&self.file, connection, recorder, &mut work)
            }
            _ => self.change(connection, work),
        }
    }

    /// Changes what no other server has.
    pub(super) fn note<T>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.change(&mut self.writer().connection, work)
    }

    fn change<T>(
        &self,
        connection: &mut Connection,
        mut work: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut write = || {
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
        let connection = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read(&connection).map_err(|error| self.file.error(error))
    }

    /// What this server shares with others, if it does.
    pub(super) const fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replication for Control {
    fn position(&self) -> Option<u64> {
        self.replica.as_ref().map(Replica::position)
    }

    fn follow(&self) -> Result<BTreeSet<Decided>, StoreError> {
        let Some(replica) = &self.replica else { return Ok(BTreeSet::new()) };
        let mut writer = self.writer();
        // What was applied before something failed is news as well: it is told the next time.
        replica.catch_up(&self.file, &mut writer.connection)?;
        let copy = replica.copy_if_due(&self.file, &writer.connection)?;
        drop(writer);
        if let Some((copy, place)) = copy {
            replica.put_due_snapshot(&copy, place)?;
        }
        Ok(replica.news())
    }

    fn look_after_duties(&self, now: Duration) -> Result<(), StoreError> {
        let Some(replica) = &self.replica else { return Ok(()) };
        let Some(term) = replica.look_after(self.read(holder)?, now)? else { return Ok(()) };
        self.transact(|connection| Ok(replica.take_duties(connection, term)?))?;
        replica.look_after(self.read(holder)?, now).map(drop)
    }

    fn has_duties(&self, now: Duration) -> Result<bool, StoreError> {
        let Some(replica) = &self.replica else { return Ok(true) };
        self.read(|connection| replica.has_duties(connection, now))
    }

    fn give_up_duties(&self) -> Result<(), StoreError> {
        let Some(replica) = &self.replica else { return Ok(()) };
        self.transact(|connection| Ok(replica.give_up_duties(connection)?))
    }

    fn derived_secret(&self, purpose: &str) -> Option<SecretText> {
        self.replica.as_ref().map(|replica| replica.derived_secret(purpose))
    }

    fn authority(&self) -> Result<Option<AuthorityPem>, StoreError> {
        self.read(read_authority)
    }

    fn share_authority(&self, authority: &AuthorityPem) -> Result<AuthorityPem, StoreError> {
        self.transact(|connection| match read_authority(connection)? {
            Some(shared) => Ok(shared),
            None => {
                put_authority(connection, authority)?;
                Ok(authority.clone())
            }
        })
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

pub(super) const SCHEMA: Schema = Schema {
    // "tlsC"
    application_id: 0x746c_7343,
    migrations: &[VERSION_1, VERSION_2, VERSION_3],
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

/// Several servers. What agents said last is of each server alone, and so is how far it is.
const VERSION_3: &str = "
CREATE TABLE agent_reports (
    agent TEXT PRIMARY KEY, heard INTEGER NOT NULL, report BLOB NOT NULL
) STRICT;
INSERT INTO agent_reports SELECT id, heard, report FROM agents WHERE heard IS NOT NULL;
ALTER TABLE agents DROP COLUMN heard;
ALTER TABLE agents DROP COLUMN report;
CREATE TABLE replica (
    id INTEGER PRIMARY KEY CHECK (id = 1), log BLOB NOT NULL, position INTEGER NOT NULL,
    entry BLOB NOT NULL
) STRICT;
CREATE TABLE duties (id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL, holder BLOB) STRICT;
CREATE TABLE authority (
    id INTEGER PRIMARY KEY CHECK (id = 1), certificate TEXT NOT NULL, key TEXT NOT NULL
) STRICT;
";
