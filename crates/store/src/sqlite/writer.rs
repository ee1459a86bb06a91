//! The one thread that writes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use event::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::prepare::Prepared;
use super::retention::{self, Forgotten};
use super::{Shared, compact, ingest, prune};
use crate::batch::Ingested;
use crate::error::StoreError;
use crate::intake::Added;

/// What the thread is asked to do.
enum Job {
    Ingest(Vec<Prepared>, SyncSender<IngestAnswer>),
    /// One step of maintenance.
    Maintain(Timestamp, SyncSender<Result<Forgotten, StoreError>>),
}

/// What became of batches; these go back with it, so that the thread does not spend its time on
/// freeing what others made.
type IngestAnswer = (Result<Vec<Ingested>, StoreError>, Vec<Prepared>);

/// The way to the thread. When it is dropped, the thread ends.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>, connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel(QUEUED);
        let path = shared.file.path.display().to_string();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || State { shared, connection }.run(&queue))
            .map_err(|source| StoreError::File { path, source })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has batches written, all of them or none, and waits for that.
    pub(super) fn ingest(&self, prepared: Vec<Prepared>) -> Result<Vec<Ingested>, StoreError> {
        let (answer, _freed) = self.ask(|answer| Job::Ingest(prepared, answer))?;
        answer
    }

    /// Has a step of maintenance done, and waits for that.
    pub(super) fn maintain(&self, now: Timestamp) -> Result<Forgotten, StoreError> {
        self.ask(|answer| Job::Maintain(now, answer))?
    }

    fn ask<T>(&self, job: impl FnOnce(SyncSender<T>) -> Job) -> Result<T, StoreError> {
        let (sender, answer) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job(sender)).map_err(|_closed| StoreError::Closed)?;
        answer.recv().map_err(|_closed| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to write.
            thread.join().ok();
        }
    }
}

struct State {
    shared: Arc<Shared>,
    connection: Connection,
}

impl State {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            match job {
                Job::Ingest(mut prepared, answer) => {
                    let result = self.ingest(&mut prepared);
                    let is_new = |answers: &Vec<Ingested>| answers.iter().any(|it| !it.is_repeat);
                    let is_written = result.as_ref().is_ok_and(is_new);
                    // Whoever asked may have gone; the batches are written nevertheless.
                    answer.send((result, prepared)).ok();
                    if is_written {
                        let result = self.tidy();
                        self.note(result.err());
                    }
                }
                Job::Maintain(now, answer) => {
                    let result = self.maintain(now);
                    self.note(result.as_ref().err().map(ToString::to_string));
                    answer.send(result).ok();
                }
            }
        }
        // What is in the log is read back from there if this fails.
        self.connection.pragma_query(None, "optimize", |_| Ok(())).ok();
    }

    fn ingest(&mut self, prepared: &mut [Prepared]) -> Result<Vec<Ingested>, StoreError> {
        let shared = Arc::clone(&self.shared);
        let retention = shared.retention();
        let mut added = Vec::with_capacity(prepared.len());
        let write = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behavior)?;
            let mut written = Vec::with_capacity(prepared.len());
            for batch in prepared {
                let mut new = Added::default();
                let result =
                    ingest::write(&transaction, &shared.catalog, batch, retention, &mut new);
                added.push(new);
                written.push(result?);
            }
            transaction.commit()?;
            Ok(written)
        };
        let result = write();
        let mut catalog = shared.catalog.write().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(written) => {
                let take = |batch: ingest::Written| {
                    batch.counts.apply(&mut catalog);
                    batch.answer
                };
                Ok(written.into_iter().map(take).collect())
            }
            Err(error) => {
                // The last first: what an earlier one changed, a later one may have changed again.
                added.into_iter().rev().for_each(|added| added.forget(&mut catalog));
                Err(shared.file.error(error))
            }
        }
    }

    /// Merges small blocks and makes room, after a batch, and no longer than its writing took.
    fn tidy(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        for _ in 0..MERGES {
            let merged = self.transact(|connection| {
                let catalog = shared.catalog.read().unwrap_or_else(PoisonError::into_inner);
                compact::step(connection, &catalog)
            });
            if !merged.map_err(|error| error.to_string())? {
                break;
            }
        }
        for _ in 0..EVICTIONS {
            let forgotten = self.make_room().map_err(|error| error.to_string())?;
            if !forgotten.has_more {
                break;
            }
        }
        Ok(())
    }

    fn maintain(&mut self, now: Timestamp) -> Result<Forgotten, StoreError> {
        let retention = self.shared.retention();
        let now = now.as_nanos();
        let aged = self.transact(|connection| retention::by_age(connection, retention, now))?;
        if aged.has_more {
            return Ok(aged);
        }
        let room = self.make_room()?;
        if room.has_more {
            return Ok(room);
        }
        let shared = Arc::clone(&self.shared);
        let pruned = self.transact(|connection| {
            let catalog = shared.catalog.read().unwrap_or_else(PoisonError::into_inner);
            prune::step(connection, &catalog, retention, now)
        })?;
        let has_more = pruned.has_more();
        let mut catalog = shared.catalog.write().unwrap_or_else(PoisonError::into_inner);
        pruned.forget(&mut catalog);
        Ok(Forgotten { sessions: 0, has_more })
    }

    /// Forgets the oldest sessions if the file is over its limit, and shrinks it if it may.
    fn make_room(&mut self) -> Result<Forgotten, StoreError> {
        let limit = self.shared.retention().max_bytes;
        let sizes = retention::used_bytes(&self.connection);
        let (used, free) = sizes.map_err(|error| self.shared.file.error(error))?;
        if used > limit {
            let forgotten = self.transact(retention::for_space)?;
            return Ok(forgotten);
        }
        if used.saturating_add(free) > limit && free > 0 {
            self.transact(retention::shrink)?;
        }
        Ok(Forgotten::default())
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let write = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behavior)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        let result = write();
        result.map_err(|error| self.shared.file.error(error))
    }

    fn note(&self, error: Option<String>) {
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// Jobs that wait for the thread: enough for it never to wait for the next, and whoever sends more
/// waits.
const QUEUED: usize = 8;

/// Merges after one batch; each makes one block of sixteen.
const MERGES: usize = 4;

/// Evictions after one batch, of eight blocks each: as many sessions as a batch may bring.
const EVICTIONS: usize = 16;
