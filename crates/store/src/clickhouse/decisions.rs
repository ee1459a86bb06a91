//! The log of decisions, and what servers of tlsight tell each other beside it.
//!
//! This knows rows, not what is in them: bodies are sealed.

use super::client::Client;
use super::dialect::{Dialect, fixed};
use super::failure::Failure;
use super::rows::Rows;
use super::schema::{AGENT_REPORTS, DECISION_SNAPSHOTS, DECISIONS, SERVERS, SHARED};
use super::url::ClickHouseUrl;
use super::{MAX_VERSION_LEN, schema};
use crate::error::StoreError;

/// The name of an entry, of a server: random.
pub(crate) type Name = [u8; 16];

/// The log of decisions in a database.
pub(crate) struct Decisions {
    client: Client,
}

/// An entry without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) id: Name,
    pub(crate) previous: Name,
    /// Bytes of its body.
    pub(crate) len: u64,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is the next one.
    Yes,
    /// Another one is.
    No,
}

/// A part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) position: u64,
    /// The entry at that position.
    pub(crate) id: Name,
    /// From 0.
    pub(crate) number: u32,
    pub(crate) is_last: bool,
}

/// What an agent said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) agent: String,
    /// To which server.
    pub(crate) server: Name,
    pub(crate) heard: i64,
    pub(crate) is_connected: bool,
    pub(crate) body: Vec<u8>,
    /// When it was written, by the database's clock, in milliseconds.
    pub(crate) written: i64,
}

impl Decisions {
    /// Connects to a database, and makes the tables where there are none; nothing, if it is too old for
    /// a log.
    ///
    /// # Errors
    /// See [`crate::ClickHouseSessions::open`].
    pub(crate) fn open(url: ClickHouseUrl) -> Result<Option<Self>, StoreError> {
        let mut client = Client::new(url)?;
        let is_there = prepare(&mut client).map_err(|error| error.at(client.url()))?;
        Ok(is_there.then_some(Self { client }))
    }

    /// Where it is.
    pub(crate) fn place(&self) -> String {
        self.client.url().to_string()
    }

    /// Entries from a position on, in their order.
    pub(crate) fn heads(&self, from: u64, limit: usize) -> Result<Vec<Head>, StoreError> {
        let table = DECISIONS.read(self.client.url());
        let query = format!(
            "SELECT position, id, previous, toUInt64(length(body)) FROM {table}
             WHERE position >= {from} ORDER BY position, id LIMIT {limit}"
        );
        self.select(&query)
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Result<Option<Head>, StoreError> {
        let table = DECISIONS.read(self.client.url());
        let query = format!(
            "SELECT position, id, previous, toUInt64(length(body)) FROM {table}
             ORDER BY position DESC LIMIT 1"
        );
        Ok(self.select(&query)?.pop())
    }

    fn select(&self, query: &str) -> Result<Vec<Head>, StoreError> {
        let read = self.client.select(query, |row| {
            let (position, id, previous) = (row.u64()?, row.array()?, row.array()?);
            Ok(Head { position, id, previous, len: row.u64()? })
        });
        read.map_err(|error| self.error(error))
    }

    /// What entries say, from one position to another.
    pub(crate) fn bodies(
        &self,
        from: u64,
        to: u64,
        limit: usize,
    ) -> Result<Vec<(Name, Vec<u8>)>, StoreError> {
        let table = DECISIONS.read(self.client.url());
        let query = format!(
            "SELECT id, body FROM {table} WHERE position BETWEEN {from} AND {to} ORDER BY position"
        );
        let read = self.client.select(&query, |row| Ok((row.array()?, row.bytes(limit)?)));
        read.map_err(|error| self.error(error))
    }

    /// Appends an entry if its position is free still.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] if it is not known what became of it, or whether it is on its way.
    pub(crate) fn append(
        &self,
        position: u64,
        id: Name,
        previous: Name,
        body: &[u8],
    ) -> Result<Appended, StoreError> {
        let mut rows = Rows::default();
        rows.u64(position).raw(&id).raw(&previous).text(body);
        let into =
            format!("{} (position, id, previous, body)", DECISIONS.written(self.client.url()));
        let sent = self.client.insert_first(&into, &rows, &format!("decision {position}"));
        let is_there = |heads: &[Head]| {
            let next = heads.iter().find(|head| head.position > position);
            let is_followed =
                |next: &Head| next.position == position.saturating_add(1) && next.previous == id;
            heads.iter().any(|head| head.position == position && head.id == id)
                && next.is_none_or(is_followed)
        };
        let found = self.heads(position, LOOKED_BACK_AT);
        match (sent, found) {
            (_, Ok(heads)) if is_there(&heads) => Ok(Appended::Yes),
            (_, Ok(heads)) if !heads.is_empty() => Ok(Appended::No),
            // A replica that is behind: this entry may be the next one, or another that it had already.
            (Ok(()), Ok(_)) => {
                let reason = "it has an entry of the log that it does not show yet".to_owned();
                Err(StoreError::Unreachable { server: self.place(), reason })
            }
            (Err(error), _) => Err(self.error(error)),
            (Ok(()), Err(error)) => Err(error),
        }
    }

    /// Writes a part of a snapshot.
    pub(crate) fn put_part(&self, part: Part, body: &[u8]) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        rows.u64(part.position).raw(&part.id).u32(part.number).u8(part.is_last.into()).text(body);
        let into = format!(
            "{} (position, id, part, is_last, body)",
            DECISION_SNAPSHOTS.written(self.client.url())
        );
        let written = self.client.insert(&into, &rows, None);
        written.map_err(|error| self.error(error))
    }

    /// Snapshots that are whole, the latest first.
    pub(crate) fn snapshots(&self) -> Result<Vec<(u64, Name)>, StoreError> {
        let query = format!(
            "SELECT position, id FROM {} GROUP BY position, id
             HAVING uniqExact(part) = max(is_last * (toUInt64(part) + 1))
             ORDER BY position DESC, id LIMIT {SNAPSHOTS_LOOKED_AT}",
            DECISION_SNAPSHOTS.read(self.client.url())
        );
        let read = self.client.select(&query, |row| Ok((row.u64()?, row.array()?)));
        read.map_err(|error| self.error(error))
    }

    /// A part of a snapshot, and whether it is the last; none if there is no such part.
    pub(crate) fn part(
        &self,
        (position, id): (u64, Name),
        number: u32,
        limit: usize,
    ) -> Result<Option<(bool, Vec<u8>)>, StoreError> {
        let query = format!(
            "SELECT is_last, body FROM {} WHERE position = {position} AND id = {} AND part = {number}
             LIMIT 1",
            DECISION_SNAPSHOTS.read(self.client.url()),
            fixed(&id),
        );
        let read = self.client.select(&query, |row| Ok((row.u8()? != 0, row.bytes(limit)?)));
        Ok(read.map_err(|error| self.error(error))?.pop())
    }

    /// Forgets entries and snapshots before that of a position, if they are old enough.
    pub(crate) fn forget(&self, before: u64, hours: u32) -> Result<(), StoreError> {
        for table in [DECISIONS, DECISION_SNAPSHOTS] {
            let statement = format!(
                "ALTER TABLE {} DELETE WHERE position < {before}
                 AND written < now() - toIntervalHour({hours})",
                table.altered(self.client.url())
            );
            self.client.run(&statement).map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    /// Says that a server is there.
    pub(crate) fn beat(&self, server: Name, beat: u64) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        rows.raw(&server).u64(beat);
        let into = format!("{} (server, beat)", SERVERS.written(self.client.url()));
        self.client.insert_again(&into, &rows, None).map_err(|error| self.error(error))
    }

    /// The last number of a server.
    pub(crate) fn last_beat(&self, server: Name) -> Result<u64, StoreError> {
        let query = format!(
            "SELECT max(beat) FROM {} WHERE server = {}",
            SERVERS.read(self.client.url()),
            fixed(&server)
        );
        let read = self.client.select(&query, |row| row.u64());
        Ok(read.map_err(|error| self.error(error))?.pop().unwrap_or(0))
    }

    /// Writes what agents said to a server.
    pub(crate) fn put_reports(&self, server: Name, said: &[Said]) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        for said in said {
            rows.text(said.agent.as_bytes()).raw(&server).i64(said.heard);
            rows.u8(said.is_connected.into()).text(&said.body);
        }
        let into = format!(
            "{} (agent, server, heard, is_connected, body)",
            AGENT_REPORTS.written(self.client.url())
        );
        self.client.insert_again(&into, &rows, None).map_err(|error| self.error(error))
    }

    /// What agents said last, if it was written since then, to whichever server.
    pub(crate) fn reports(&self, since: i64, limit: usize) -> Result<Vec<Said>, StoreError> {
        let query = format!(
            "SELECT agent, server, heard, is_connected, body, toInt64(toUnixTimestamp64Milli(written))
             FROM {} WHERE written >= fromUnixTimestamp64Milli(toInt64({since}), 'UTC')
             ORDER BY agent, written DESC LIMIT 1 BY agent",
            AGENT_REPORTS.read(self.client.url())
        );
        let read = self.client.select(&query, |row| {
            Ok(Said {
                agent: row.text(limit)?,
                server: row.array()?,
                heard: row.i64()?,
                is_connected: row.u8()? != 0,
                body: row.bytes(limit)?,
                written: row.i64()?,
            })
        });
        read.map_err(|error| self.error(error))
    }

    fn error(&self, error: Failure) -> StoreError {
        error.at(self.client.url())
    }
}

fn prepare(client: &mut Client) -> Result<bool, Failure> {
    let version = client.select("SELECT version()", |row| row.text(MAX_VERSION_LEN))?;
    let dialect = Dialect::of(version.first().map_or("", String::as_str));
    client.is_modern = dialect == Dialect::Modern;
    if !client.is_modern {
        return Ok(false);
    }
    client.run(&schema::create_database(client.url()))?;
    for statement in SHARED.iter().flat_map(|table| table.create(dialect, client.url())) {
        client.run(&statement)?;
    }
    Ok(true)
}

/// Entries that are looked at to see which one is the next: more than one at a position there are only if
/// the database has forgotten which positions are taken.
const LOOKED_BACK_AT: usize = 16;

/// Snapshots that one is chosen of.
const SNAPSHOTS_LOOKED_AT: usize = 16;
