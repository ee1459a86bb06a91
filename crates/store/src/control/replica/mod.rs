//! What people decide, the same on several servers.
//!
//! Each server has all of it in its file and answers from there. What a transaction changes becomes an
//! entry of a log in the database that the servers share, at the position behind the last one that this
//! server has applied; of several that try the same position one comes first, and the others apply its
//! entry and do their work again. So all files go through the same changes in the same order. Entries and
//! snapshots are sealed under a key that the servers share: whoever can write to the database can neither
//! read nor decide anything.

mod change;
mod duties;
mod key;
mod log;
mod opening;
mod recorder;
mod reports;
mod snapshot;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use self::change::Changes;
use self::duties::Watch;
pub(super) use self::duties::holder;
use self::key::ControlKey;
use self::log::{Body, MAX_PLAIN_LEN, context_of_entry, packed};
pub(super) use self::recorder::Recorder;
use self::reports::Told;
use super::accounts::SecretText;
use super::file::Failure;
use crate::clickhouse::{Appended, Decisions, Name};
use crate::error::StoreError;
use crate::sqlite::StoreFile;

/// Why a server cannot share what people decide with others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotShared {
    /// The database has no tokens for blocks.
    #[error(
        "{server} is older than ClickHouse 22.2: several servers cannot share what people decide there"
    )]
    TooOld {
        /// Its URL.
        server: String,
    },
    /// Others have begun, and there is no key.
    #[error(
        "other servers share what people decide in {server}, and there is no key at {path}: copy theirs \
         there (control.key in the folder of any of them)"
    )]
    NoKey {
        /// Where the key should be.
        path: String,
        /// The database.
        server: String,
    },
    /// The file of the key holds something else.
    #[error("{path} is no key: 64 hexadecimal digits are expected")]
    NoSuchKey {
        /// The file.
        path: String,
    },
    /// What is in the database was sealed under another key, or changed by somebody.
    #[error(
        "what people decided cannot be opened in {server} ({what}): the key is not that of the other \
         servers (copy theirs, control.key in the folder of any of them), or somebody tampered with it"
    )]
    NotOpened {
        /// The database.
        server: String,
        /// What.
        what: String,
    },
    /// This server has decisions of its own.
    #[error(
        "{path} has decisions of its own, and {server} has those of other servers: move {path} away to \
         join them"
    )]
    OwnFile {
        /// The file.
        path: String,
        /// The database.
        server: String,
    },
    /// The log is not what this server has applied.
    #[error(
        "the log of decisions in {server} is not the one that {path} follows: {why}. Nothing of it was \
         applied; if the log is right, move {path} away"
    )]
    Differs {
        /// The file.
        path: String,
        /// The database.
        server: String,
        /// How it differs.
        why: &'static str,
    },
}

/// What kind of thing was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Decided {
    /// Users, API tokens, log-ins, the audit log.
    Accounts,
    /// Policies, notifiers, settings and other documents.
    Documents,
    /// Violations and verdicts.
    Violations,
    /// What is to be sent.
    Outbox,
    /// Who is enrolled, by which tokens.
    Agents,
    /// Roll-outs.
    Rollouts,
    /// Which server has the duties.
    Duties,
}

impl Decided {
    const ALL: [Self; 7] = [
        Self::Accounts,
        Self::Documents,
        Self::Violations,
        Self::Outbox,
        Self::Agents,
        Self::Rollouts,
        Self::Duties,
    ];

    fn of(table: &str) -> Self {
        match table {
            "documents" => Self::Documents,
            "violations" | "verdicts" => Self::Violations,
            "parcels" | "queues" => Self::Outbox,
            "agents" | "agent_certificates" | "enrolment_tokens" | "authority" => Self::Agents,
            "rollouts" => Self::Rollouts,
            "duties" => Self::Duties,
            _ => Self::Accounts,
        }
    }
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first entry of the log.
    log: Name,
    /// The last entry that was applied.
    position: u64,
    entry: Name,
}

/// A server's part in what several decide.
pub(super) struct Replica {
    decisions: Decisions,
    key: ControlKey,
    /// The name of this server, as long as its process is there.
    server: Name,
    position: AtomicU64,
    /// What others decided since somebody asked.
    news: Mutex<BTreeSet<Decided>>,
    /// Entries and their bytes since a snapshot.
    since_snapshot: Mutex<(u64, u64)>,
    is_snapshot_due: AtomicBool,
    watch: Mutex<Watch>,
    told: Mutex<Told>,
}

impl Replica {
    /// Does something in one transaction that all servers have at the same place, or nothing of it.
    pub(super) fn transact<T>(
        &self,
        file: &StoreFile,
        applier: &mut Connection,
        recorder: &mut Recorder,
        work: &mut dyn FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            self.catch_up(file, applier)?;
            let done = self.attempt(recorder, work);
            let done = done.map_err(|failure| match failure {
                Failure::Database(error) => file.error(error),
                Failure::Refused(error) => error,
            })?;
            if let Some(answer) = done {
                return Ok(answer);
            }
            std::thread::sleep(pause(attempt));
        }
        let reason = "other servers decide so much that this one does not get a turn".to_owned();
        Err(StoreError::Unreachable { server: self.decisions.place(), reason })
    }

    /// Does it; nothing, if another server was faster.
    fn attempt<T>(
        &self,
        recorder: &mut Recorder,
        work: &mut dyn FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let Recorder { connection, tables } = recorder;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        let changes = recorder::take(&transaction, tables)?;
        if changes.is_empty() {
            transaction.commit()?;
            return Ok(Some(answer));
        }
        let place = place(&transaction)?.ok_or(StoreError::Damaged("the file lost its place"))?;
        let next =
            Place { position: place.position.saturating_add(1), entry: random()?, log: place.log };
        let body = self.sealed(next, place.entry, &changes)?;
        match self.decisions.append(next.position, next.entry, place.entry, &body)? {
            Appended::No => Ok(None),
            Appended::Yes => {
                set_place(&transaction, next)?;
                transaction.commit()?;
                self.note(next.position, 1, body.len() as u64);
                if self.is_due() {
                    self.is_snapshot_due.store(true, Ordering::Relaxed);
                }
                Ok(Some(answer))
            }
        }
    }

    fn sealed(&self, at: Place, previous: Name, changes: &Changes) -> Result<Vec<u8>, StoreError> {
        let plain = changes.to_bytes(super::file::SCHEMA.version());
        super::file::at_most("length of a change", plain.len(), MAX_PLAIN_LEN)?;
        let context = context_of_entry(at, previous);
        self.key.seal(&context, &packed(&plain)?)
    }

    /// Notes how far this server is.
    fn note(&self, position: u64, entries: u64, bytes: u64) {
        self.position.store(position, Ordering::Release);
        let mut since = lock(&self.since_snapshot);
        since.0 = since.0.saturating_add(entries);
        since.1 = since.1.saturating_add(bytes);
    }

    fn is_due(&self) -> bool {
        let (entries, bytes) = *lock(&self.since_snapshot);
        entries >= SNAPSHOT_ENTRIES || bytes >= SNAPSHOT_BYTES
    }

    /// How far this server is.
    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// A secret that all servers know.
    pub(super) fn derived_secret(&self, purpose: &str) -> SecretText {
        SecretText::new(self.key.derived(purpose))
    }

    /// What others decided since the last time.
    pub(super) fn news(&self) -> BTreeSet<Decided> {
        std::mem::take(&mut *lock(&self.news))
    }

    fn differs(&self, file: &StoreFile, why: &'static str) -> StoreError {
        let path = file.path.display().to_string();
        NotShared::Differs { path, server: self.decisions.place(), why }.into()
    }

    fn not_opened(&self, what: &Body) -> StoreError {
        NotShared::NotOpened { server: self.decisions.place(), what: what.to_string() }.into()
    }
}

/// How far a file is; nothing if it is of one server alone.
fn place(connection: &Connection) -> rusqlite::Result<Option<Place>> {
    connection
        .prepare_cached("SELECT log, position, entry FROM replica")?
        .query_row([], |row| {
            let position = row.get::<_, i64>(1)?.cast_unsigned();
            Ok(Place { log: row.get(0)?, position, entry: row.get(2)? })
        })
        .optional()
}

fn set_place(connection: &Connection, place: Place) -> rusqlite::Result<()> {
    let Place { log, position, entry } = place;
    connection
        .prepare_cached("INSERT OR REPLACE INTO replica VALUES (1, ?, ?, ?)")?
        .execute(params![log, position.cast_signed(), entry])
        .map(drop)
}

fn random() -> Result<Name, StoreError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)
        .map_err(|_unspecified| StoreError::Damaged("the system gives no randomness"))?;
    Ok(bytes)
}

/// How long whoever was not the first waits: longer each time, and not all alike.
fn pause(attempt: u32) -> Duration {
    let mut byte = [0];
    let spread = rand::fill(&mut byte).map_or(128, |()| u32::from(byte[0]));
    Duration::from_millis(u64::from(spread.saturating_mul(attempt.min(8).saturating_add(1)) / 8))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a transaction is tried. With as many servers that decide all the time, each gets its turn.
const MAX_ATTEMPTS: u32 = 64;

/// Entries after which there is a snapshot: a new server applies these in some seconds.
const SNAPSHOT_ENTRIES: u64 = 1000;

/// Bytes of entries after which there is a snapshot.
const SNAPSHOT_BYTES: u64 = 16 << 20;
