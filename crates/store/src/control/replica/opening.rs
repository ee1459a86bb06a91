//! How a server comes to share what people decide: it begins a log, joins one, or goes on.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use rusqlite::Connection;

use super::change::Changes;
use super::duties::Watch;
use super::key::ControlKey;
use super::reports::Told;
use super::snapshot::Copy;
use super::tables::Table;
use super::{NotShared, Place, Replica, place, random, set_place};
use crate::clickhouse::{Appended, ClickHouseUrl, Decisions, Head, Name};
use crate::error::StoreError;
use crate::sqlite::StoreFile;

impl Replica {
    /// Begins to share a file, which is up to date afterwards.
    ///
    /// # Errors
    /// [`NotShared`], [`StoreError::Unreachable`], and others of the database and the file.
    pub(in crate::control) fn open(
        file: &StoreFile,
        applier: &mut Connection,
        url: ClickHouseUrl,
        key_path: &Path,
    ) -> Result<Self, StoreError> {
        let server = url.to_string();
        let decisions = Decisions::open(url)?;
        let decisions = decisions.ok_or_else(|| NotShared::TooOld { server: server.clone() })?;
        let is_begun = decisions.last()?.is_some();
        let key = match ControlKey::read(key_path)? {
            Some(key) => key,
            None if is_begun => {
                let path = key_path.display().to_string();
                return Err(NotShared::NoKey { path, server }.into());
            }
            None => ControlKey::make(key_path)?,
        };
        let replica = Self {
            decisions,
            key,
            server: random()?,
            position: AtomicU64::new(0),
            news: Mutex::default(),
            since_snapshot: Mutex::default(),
            is_snapshot_due: AtomicBool::new(false),
            watch: Mutex::new(Watch::default()),
            told: Mutex::new(Told::default()),
        };
        if !is_begun {
            replica.begin(file, applier)?;
        }
        replica.join(file, applier)?;
        replica.catch_up(file, applier)?;
        // What there was is nothing new.
        replica.news();
        Ok(replica)
    }

    /// Begins a log with what this file has. If another server does so at the same time, one of them has.
    fn begin(&self, file: &StoreFile, applier: &mut Connection) -> Result<(), StoreError> {
        let failed = |error| file.error(error);
        let id = random()?;
        let first = Place { log: id, position: FIRST, entry: id };
        set_place(applier, first).map_err(failed)?;
        // Whoever finds the entry finds the snapshot.
        self.put_snapshot(&Copy::of(file, applier)?, first)?;
        let body = self.sealed(first, NOTHING, &Changes::default())?;
        match self.decisions.append(FIRST, id, NOTHING, &body)? {
            Appended::Yes => Ok(()),
            Appended::No => leave(applier).map_err(failed),
        }
    }

    /// Sees that the file is one of this log.
    fn join(&self, file: &StoreFile, applier: &mut Connection) -> Result<(), StoreError> {
        let failed = |error| file.error(error);
        let mut found = place(applier).map_err(failed)?;
        if let Some(place) = found.filter(|place| place.position == FIRST) {
            // A log that it was about to begin when it ended is not the one that another server has begun.
            let heads = self.decisions.heads(0, 2)?;
            let is_there = |head: &Head| head.id == place.entry;
            let is_another = |head: &Head| head.position == FIRST && head.id != place.entry;
            if heads.iter().any(is_another) && !heads.iter().any(is_there) {
                leave(applier).map_err(failed)?;
                found = None;
            }
        }
        match found {
            Some(place) => {
                self.note(place.position, 0, 0);
                Ok(())
            }
            None if is_unused(applier).map_err(failed)? => self.load(file, applier),
            None => {
                let path = file.path.display().to_string();
                Err(NotShared::OwnFile { path, server: self.decisions.place() }.into())
            }
        }
    }
}

/// Forgets that a file was to be shared.
fn leave(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM replica", []).map(drop)
}

/// Whether nobody has decided anything in a file.
fn is_unused(connection: &Connection) -> rusqlite::Result<bool> {
    for table in Table::all(connection)? {
        // The token for the first user is made at each start.
        if table.name == "setup" {
            continue;
        }
        let query = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if connection.query_row(&query, [], |row| row.get(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The position of a log's first entry.
const FIRST: u64 = 1;

/// What the first entry names as the one before.
const NOTHING: Name = [0; 16];
