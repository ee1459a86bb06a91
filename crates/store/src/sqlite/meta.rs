//! Numbers that the file keeps of itself.

use rusqlite::{Connection, OptionalExtension as _, params};

/// A number by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meta {
    /// Sessions in blocks.
    Sessions,
    /// Sessions that were forgotten.
    Evicted,
    /// Of these, for space.
    EvictedForSpace,
    /// Up to when sessions were forgotten; 0 if none were.
    EvictedUpTo,
    /// Records refused.
    Refused,
    /// From when on counts of minutes are kept.
    MinutesFrom,
    /// From when on counts of hours are kept.
    HoursFrom,
}

impl Meta {
    const fn key(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Evicted => "evicted",
            Self::EvictedForSpace => "evicted_for_space",
            Self::EvictedUpTo => "evicted_up_to",
            Self::Refused => "refused",
            Self::MinutesFrom => "minutes_from",
            Self::HoursFrom => "hours_from",
        }
    }

    /// The number; 0 if it was never set.
    pub(super) fn read(self, connection: &Connection) -> rusqlite::Result<i64> {
        let mut read = connection.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
        Ok(read.query_row([self.key()], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    pub(super) fn set(self, connection: &Connection, value: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![self.key(), value])
            .map(drop)
    }

    pub(super) fn add(self, connection: &Connection, count: u64) -> rusqlite::Result<()> {
        let sum = self.read(connection)?.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        self.set(connection, sum)
    }

    pub(super) fn subtract(self, connection: &Connection, count: u64) -> rusqlite::Result<()> {
        let rest = self.read(connection)?.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX));
        self.set(connection, rest.max(0))
    }
}
