//! What is to be sent, until it is.

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::file::{Control, at_most, cut, maybe_time, time};
use crate::error::StoreError;

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its number.
    pub id: i64,
    /// Who is to get it.
    pub notifier: String,
    /// How often that was tried.
    pub attempts: u32,
    /// When it was put in.
    pub created: Timestamp,
    /// What it says.
    pub body: Vec<u8>,
}

/// How the queue of a notifier does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// What waits.
    pub queued: u64,
    /// What was dropped because the queue was full, the oldest first.
    pub dropped: u64,
    /// Why the last try failed; absent after one that did not.
    pub last_error: Option<String>,
    /// When something was sent last.
    pub last_sent: Option<Timestamp>,
}

/// A queue for each notifier, that outlives the process. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Outbox: Send + Sync {
    /// Puts something in. If the queue has [`Parcel::MAX_QUEUED`], the oldest is dropped and counted.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] beyond [`Parcel::MAX_LEN`].
    fn push_parcel(&self, notifier: &str, body: &[u8], now: Timestamp) -> Result<(), StoreError>;

    /// The same for many, all of them or none.
    ///
    /// # Errors
    /// The same.
    fn push_parcels(&self, parcels: &[(&str, Vec<u8>)], now: Timestamp) -> Result<(), StoreError>;

    /// What is to be sent now, the oldest first.
    fn due_parcels(&self, now: Timestamp, limit: usize) -> Result<Vec<Parcel>, StoreError>;

    /// Takes out what was sent.
    fn parcel_sent(&self, id: i64, now: Timestamp) -> Result<(), StoreError>;

    /// Has something sent again later, and says why.
    fn parcel_failed(&self, id: i64, again: Timestamp, error: &str) -> Result<(), StoreError>;

    /// Takes out what is not worth another try, counted as dropped.
    fn drop_parcel(&self, id: i64, error: &str) -> Result<(), StoreError>;

    /// How the queue of a notifier does.
    fn queue(&self, notifier: &str) -> Result<Queue, StoreError>;

    /// Forgets the queue of a notifier.
    fn remove_queue(&self, notifier: &str) -> Result<(), StoreError>;
}

impl Parcel {
    /// Longest body in bytes.
    pub const MAX_LEN: usize = 1 << 20;
    /// Most that waits for one notifier: a day of an alert each minute and a half.
    pub const MAX_QUEUED: usize = 1000;
    /// Longest reason that is kept, in bytes.
    pub const MAX_ERROR_LEN: usize = 1024;
}

impl Outbox for Control {
    fn push_parcel(&self, notifier: &str, body: &[u8], now: Timestamp) -> Result<(), StoreError> {
        at_most("length of a message", body.len(), Parcel::MAX_LEN)?;
        self.transact(|connection| Ok(push(connection, notifier, body, now)?))
    }

    fn push_parcels(&self, parcels: &[(&str, Vec<u8>)], now: Timestamp) -> Result<(), StoreError> {
        for (_, body) in parcels {
            at_most("length of a message", body.len(), Parcel::MAX_LEN)?;
        }
        self.transact(|connection| {
            for (notifier, body) in parcels {
                push(connection, notifier, body, now)?;
            }
            Ok(())
        })
    }

    fn due_parcels(&self, now: Timestamp, limit: usize) -> Result<Vec<Parcel>, StoreError> {
        let limit = i64::try_from(limit.min(Parcel::MAX_QUEUED)).unwrap_or(i64::MAX);
        self.read(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT id, notifier, attempts, created, body FROM parcels
                 WHERE due <= ? ORDER BY due, id LIMIT ?",
            )?;
            let parcels = read.query_map([now.as_nanos(), limit], |row| {
                Ok(Parcel {
                    id: row.get(0)?,
                    notifier: row.get(1)?,
                    attempts: row.get(2)?,
                    created: time(row, 3)?,
                    body: row.get(4)?,
                })
            })?;
            parcels.collect()
        })
    }

    fn parcel_sent(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO queues (notifier, last_sent)
                     SELECT notifier, ?2 FROM parcels WHERE id = ?1
                     ON CONFLICT DO UPDATE SET last_sent = excluded.last_sent, last_error = NULL",
                )?
                .execute([id, now.as_nanos()])?;
            connection.prepare_cached("DELETE FROM parcels WHERE id = ?")?.execute([id])?;
            Ok(())
        })
    }

    fn parcel_failed(&self, id: i64, again: Timestamp, error: &str) -> Result<(), StoreError> {
        let error = cut(error, Parcel::MAX_ERROR_LEN);
        self.transact(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO queues (notifier, last_error)
                     SELECT notifier, ?2 FROM parcels WHERE id = ?1
                     ON CONFLICT DO UPDATE SET last_error = excluded.last_error",
                )?
                .execute(params![id, error])?;
            connection
                .prepare_cached(
                    "UPDATE parcels SET attempts = min(attempts + 1, 1 << 30), due = ? WHERE id = ?",
                )?
                .execute([again.as_nanos(), id])?;
            Ok(())
        })
    }

    fn drop_parcel(&self, id: i64, error: &str) -> Result<(), StoreError> {
        let error = cut(error, Parcel::MAX_ERROR_LEN);
        self.transact(|connection| {
            let notifier: Option<String> = connection
                .prepare_cached("DELETE FROM parcels WHERE id = ? RETURNING notifier")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            if let Some(notifier) = notifier {
                note_dropped(connection, &notifier, 1, Some(error))?;
            }
            Ok(())
        })
    }

    fn queue(&self, notifier: &str) -> Result<Queue, StoreError> {
        self.read(|connection| {
            let queue = connection
                .prepare_cached(
                    "SELECT dropped, last_error, last_sent FROM queues WHERE notifier = ?",
                )?
                .query_row([notifier], |row| {
                    Ok(Queue {
                        queued: 0,
                        dropped: row.get::<_, i64>(0)?.cast_unsigned(),
                        last_error: row.get(1)?,
                        last_sent: maybe_time(row, 2)?,
                    })
                })
                .optional()?;
            Ok(Queue { queued: waiting(connection, notifier)?, ..queue.unwrap_or_default() })
        })
    }

    fn remove_queue(&self, notifier: &str) -> Result<(), StoreError> {
        self.transact(|connection| {
            connection
                .prepare_cached("DELETE FROM parcels WHERE notifier = ?")?
                .execute([notifier])?;
            connection
                .prepare_cached("DELETE FROM queues WHERE notifier = ?")?
                .execute([notifier])?;
            Ok(())
        })
    }
}

fn push(
    connection: &Connection,
    notifier: &str,
    body: &[u8],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let waiting = waiting(connection, notifier)?;
    let limit = u64::try_from(Parcel::MAX_QUEUED).unwrap_or(u64::MAX);
    if waiting >= limit {
        let oldest = connection
            .prepare_cached(
                "DELETE FROM parcels WHERE id IN (
                 SELECT id FROM parcels WHERE notifier = ? ORDER BY id LIMIT ?)",
            )?
            .execute(params![notifier, (waiting - limit + 1).cast_signed()])?;
        note_dropped(connection, notifier, oldest, None)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO parcels (notifier, attempts, created, due, body)
             VALUES (?1, 0, ?2, ?2, ?3)",
        )?
        .execute(params![notifier, now.as_nanos(), body])
        .map(drop)
}

fn waiting(connection: &Connection, notifier: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM parcels WHERE notifier = ?")?
        .query_row([notifier], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn note_dropped(
    connection: &Connection,
    notifier: &str,
    count: usize,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO queues (notifier, dropped, last_error) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET dropped = dropped + excluded.dropped,
             last_error = coalesce(excluded.last_error, last_error)",
        )?
        .execute(params![notifier, count, error])
        .map(drop)
}
