//! Which server does what one of them has to do.
//!
//! Who has the duties is decided as anything else is, so all servers agree on it in the order of the log.
//! Whoever has them says in a table of its own that it is there, by a number that grows. Another server
//! takes them when it has not seen that number change for long, by its own clock; whoever could not say
//! so stops sooner than that. No clocks are compared.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Replica, lock};
use crate::clickhouse::Name;
use crate::error::StoreError;

/// Who has the duties, since when nothing was heard of it, and what this server said of itself.
#[derive(Default)]
pub(super) struct Watch {
    /// The number of this server.
    beat: u64,
    /// When it said so last with success, if it has the duties.
    renewed: Option<Duration>,
    /// Whoever has them, its last number, and when that changed.
    seen: Option<(Holder, u64, Duration)>,
}

/// Who has the duties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) struct Holder {
    /// Grows with each change.
    term: i64,
    /// None, if whoever had them gave them up.
    server: Option<Name>,
}

impl Replica {
    /// Says that this server is there if it has the duties, and looks after whoever has them if not.
    /// `now` is of a clock that only goes forward. Returns the term to take them from, if that is to be.
    pub(in crate::control) fn look_after(
        &self,
        holder: Holder,
        now: Duration,
    ) -> Result<Option<i64>, StoreError> {
        if holder.server == Some(self.server) {
            let beat = {
                let mut watch = lock(&self.watch);
                watch.beat = watch.beat.saturating_add(1);
                watch.beat
            };
            self.decisions.beat(self.server, beat)?;
            lock(&self.watch).renewed = Some(now);
            return Ok(None);
        }
        lock(&self.watch).renewed = None;
        let Some(server) = holder.server else { return Ok(Some(holder.term)) };
        let beat = self.decisions.last_beat(server)?;
        let mut watch = lock(&self.watch);
        match watch.seen {
            Some((seen, number, since)) if seen == holder && number == beat => {
                let is_gone = now.saturating_sub(since) >= TAKEN_AFTER;
                Ok(is_gone.then_some(holder.term))
            }
            _ => {
                watch.seen = Some((holder, beat, now));
                Ok(None)
            }
        }
    }

    /// Takes the duties, if whoever had them has them still.
    pub(in crate::control) fn take_duties(
        &self,
        connection: &Connection,
        term: i64,
    ) -> rusqlite::Result<()> {
        if holder(connection)?.term == term {
            put(connection, Holder { term: term.saturating_add(1), server: Some(self.server) })?;
        }
        Ok(())
    }

    /// Gives the duties up, if this server has them.
    pub(in crate::control) fn give_up_duties(
        &self,
        connection: &Connection,
    ) -> rusqlite::Result<()> {
        let Holder { term, server } = holder(connection)?;
        if server == Some(self.server) {
            put(connection, Holder { term: term.saturating_add(1), server: None })?;
        }
        Ok(())
    }

    /// Whether this server has the duties, and has said so lately enough that no other one took them.
    pub(in crate::control) fn has_duties(
        &self,
        reader: &Connection,
        now: Duration,
    ) -> rusqlite::Result<bool> {
        let renewed = lock(&self.watch).renewed;
        let is_fresh = renewed.is_some_and(|at| now.saturating_sub(at) < KEPT_FOR);
        Ok(is_fresh && holder(reader)?.server == Some(self.server))
    }
}

/// Who has the duties, as far as this file knows.
pub(in crate::control) fn holder(connection: &Connection) -> rusqlite::Result<Holder> {
    let found = connection
        .prepare_cached("SELECT term, holder FROM duties")?
        .query_row([], |row| Ok(Holder { term: row.get(0)?, server: row.get(1)? }))
        .optional()?;
    Ok(found.unwrap_or(Holder { term: 0, server: None }))
}

fn put(connection: &Connection, holder: Holder) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO duties VALUES (1, ?1, ?2)
             ON CONFLICT DO UPDATE SET term = excluded.term, holder = excluded.holder",
        )?
        .execute(params![holder.term, holder.server])
        .map(drop)
}

/// After which time without a sign another server takes the duties.
const TAKEN_AFTER: Duration = Duration::from_secs(30);

/// For how long a server has the duties after it said that it is there. What it does in one go takes less
/// than the rest of [`TAKEN_AFTER`].
const KEPT_FOR: Duration = Duration::from_secs(15);
