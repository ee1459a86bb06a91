//! All that a file holds, read part by part, for another store.

use std::path::Path;

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::meta::Meta;
use super::{blocks, dictionaries, tables};
use crate::batch::Source;
use crate::block::{Lines, Row, Rows};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::settings::Durability;
use crate::sqlite::StoreFile;

/// A file that nobody writes to meanwhile.
pub(crate) struct Export {
    connection: Connection,
    pub(crate) catalog: Catalog,
    // Dropped last: it holds the lock.
    file: StoreFile,
}

/// Sessions or failures of a step of time; of a pair, or of a grade and a class.
pub(crate) struct Counted {
    pub(crate) step: i64,
    pub(crate) time: i64,
    pub(crate) key: (u32, u32),
    pub(crate) sessions: u64,
    pub(crate) failures: u64,
}

/// A batch that was taken.
pub(crate) struct Taken {
    pub(crate) source: String,
    pub(crate) id: String,
    pub(crate) received: i64,
    pub(crate) sums: [u64; 2],
    pub(crate) refused: u64,
}

/// Who sent.
pub(crate) struct Sender {
    pub(crate) source: Source,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) sessions: u64,
}

/// Something that was not seen in an hour.
pub(crate) struct Lost {
    pub(crate) time: i64,
    pub(crate) source: String,
    pub(crate) cause: String,
    pub(crate) count: u64,
}

/// Numbers that the file keeps of itself.
pub(crate) struct Totals {
    pub(crate) sessions: u64,
    pub(crate) evicted: u64,
    pub(crate) evicted_for_space: u64,
    pub(crate) evicted_up_to: i64,
    pub(crate) refused: u64,
    pub(crate) minutes_from: i64,
    pub(crate) hours_from: i64,
}

/// A session of a block, with its line.
pub(crate) type Session = (Row, Box<[u8]>);

impl Export {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// As [`super::SqliteSessions::open`].
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        std::fs::metadata(path).map_err(|source| {
            let path = path.display().to_string();
            StoreError::File { path, source }
        })?;
        let file = StoreFile::take(path)?;
        let connection = file.writer(&tables::SESSIONS, Durability::Process)?;
        let catalog = dictionaries::load(&connection).map_err(|error| file.error(error))?;
        Ok(Self { connection, catalog, file })
    }

    /// What tells this content from any other, and from what it is when more has come in.
    pub(crate) fn fingerprint(&self) -> Result<[u8; 32], StoreError> {
        self.read(|connection| {
            let batches: (i64, i64) = connection.query_row(
                "SELECT count(*), coalesce(max(received), 0) FROM batches",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let blocks: i64 =
                connection
                    .query_row("SELECT coalesce(max(id), 0) FROM blocks", [], |row| row.get(0))?;
            let mut hash = Sha256::new();
            for number in [batches.0, batches.1, blocks, Meta::Sessions.read(connection)?] {
                hash.update(number.to_be_bytes());
            }
            Ok(hash.finalize().into())
        })
    }

    pub(crate) fn totals(&self) -> Result<Totals, StoreError> {
        self.read(|connection| {
            let count =
                |meta: Meta| Ok::<_, rusqlite::Error>(meta.read(connection)?.cast_unsigned());
            Ok(Totals {
                sessions: count(Meta::Sessions)?,
                evicted: count(Meta::Evicted)?,
                evicted_for_space: count(Meta::EvictedForSpace)?,
                evicted_up_to: Meta::EvictedUpTo.read(connection)?,
                refused: count(Meta::Refused)?,
                minutes_from: Meta::MinutesFrom.read(connection)?,
                hours_from: Meta::HoursFrom.read(connection)?,
            })
        })
    }

    /// Numbers of the blocks of sessions, in order.
    pub(crate) fn blocks(&self) -> Result<Vec<i64>, StoreError> {
        self.all("SELECT id FROM blocks ORDER BY id", |row| row.get(0))
    }

    /// The sessions of a block.
    pub(crate) fn block(&self, id: i64) -> Result<Vec<Session>, StoreError> {
        self.read(|connection| {
            let packed = blocks::rows(connection, id)?.unwrap_or_default();
            let rows = Rows::open(&packed).and_then(|mut rows| rows.select(|_| true));
            let rows = rows.map_err(blocks::damaged)?;
            let packed = blocks::lines(connection, id)?.unwrap_or_default();
            let lines = Lines::unpack(&packed).map_err(blocks::damaged)?;
            let lines = lines.all().map_err(blocks::damaged)?;
            let line = |row: Row| {
                let place = usize::try_from(row.place).ok()?;
                let line = Box::from(*lines.get(place)?);
                Some((row, line))
            };
            Ok(rows.into_iter().filter_map(line).collect())
        })
    }

    /// Counts of pairs.
    pub(crate) fn counts(&self) -> Result<Vec<Counted>, StoreError> {
        self.all(
            "SELECT step, time, pair, 0, sessions, failures FROM counts ORDER BY step, time, pair",
            counted,
        )
    }

    /// Counts of grades and classes.
    pub(crate) fn series(&self) -> Result<Vec<Counted>, StoreError> {
        self.all(
            "SELECT step, time, grade, class, sessions, 0 FROM series
             ORDER BY step, time, grade, class",
            counted,
        )
    }

    pub(crate) fn batches(&self) -> Result<Vec<Taken>, StoreError> {
        self.all(
            "SELECT sources.name, batches.id, received, accepted, duplicates, refused
             FROM batches JOIN sources ON sources.id = batches.source
             ORDER BY sources.name, batches.id",
            |row| {
                let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok(Taken {
                    source: row.get(0)?,
                    id: row.get(1)?,
                    received: row.get(2)?,
                    sums: [number(3)?, number(4)?],
                    refused: number(5)?,
                })
            },
        )
    }

    pub(crate) fn senders(&self) -> Result<Vec<Sender>, StoreError> {
        self.all(
            "SELECT name, host, version, first, last, sessions FROM sources ORDER BY name",
            |row| {
                let source = Source { id: row.get(0)?, host: row.get(1)?, version: row.get(2)? };
                let sessions = row.get::<_, i64>(5)?.cast_unsigned();
                Ok(Sender { source, first: row.get(3)?, last: row.get(4)?, sessions })
            },
        )
    }

    pub(crate) fn losses(&self) -> Result<Vec<Lost>, StoreError> {
        self.all(
            "SELECT time, sources.name, cause, count FROM losses
             JOIN sources ON sources.id = losses.source ORDER BY time, sources.name, cause",
            |row| {
                let count = row.get::<_, i64>(3)?.cast_unsigned();
                Ok(Lost { time: row.get(0)?, source: row.get(1)?, cause: row.get(2)?, count })
            },
        )
    }

    fn all<T>(
        &self,
        query: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(|connection| {
            connection.prepare_cached(query)?.query_map(params![], read)?.collect()
        })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        read(&self.connection).map_err(|error| self.file.error(error))
    }
}

fn counted(row: &rusqlite::Row<'_>) -> rusqlite::Result<Counted> {
    Ok(Counted {
        step: row.get(0)?,
        time: row.get(1)?,
        key: (row.get(2)?, row.get(3)?),
        sessions: row.get::<_, i64>(4)?.cast_unsigned(),
        failures: row.get::<_, i64>(5)?.cast_unsigned(),
    })
}
