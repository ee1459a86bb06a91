//! The thread that writes: batches of all connections, and one wait for the disk for as many as came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use super::index::Tag;
use super::recovery::{closed_event, segments};
use super::segment::{SegmentName, SegmentWriter};
use crate::audit::AuditEvent;
use crate::keys::FileError;

/// What one connection has for the store, in order.
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) agent: Arc<str>,
    /// Called when all of it is on the disk, or could not be written.
    pub(crate) done: Box<dyn FnOnce(bool) + Send>,
}

/// One entry to be.
pub(crate) enum Item {
    Context { epoch: u64, name: [u8; 16], bytes: Box<[u8]> },
    Session { epoch: u64, tag: Tag, records: Box<[u8]> },
}

/// The store, as connections see it.
#[derive(Debug)]
pub(crate) struct Store {
    sender: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<()>>,
}

/// What happened to segments, and what is wrong with the disk.
pub(crate) type Tell = dyn Fn(Result<AuditEvent, FileError>) + Send;

impl Store {
    /// Begins to write into a folder. `tell` is called when a segment is closed, and when the disk fails.
    pub(crate) fn start(folder: PathBuf, tell: Box<Tell>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_BATCHES);
        let thread = thread::Builder::new().name("escrow-store".to_owned());
        let thread = thread.spawn(move || {
            Writer { folder, tell, open: BTreeMap::new(), pending: Vec::new() }.run(&receiver);
        })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Hands a batch over; waits if there are many.
    pub(crate) fn push(&self, batch: Batch) {
        if let Some(sender) = &self.sender
            && let Err(error) = sender.send(batch)
        {
            (error.0.done)(false);
        }
    }

    /// Writes what is there, and closes all segments.
    pub(crate) fn stop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic was printed.
            thread.join().ok();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    folder: PathBuf,
    tell: Box<Tell>,
    open: BTreeMap<u64, (SegmentName, SegmentWriter)>,
    /// Of batches that are in the segments' buffers.
    pending: Vec<Box<dyn FnOnce(bool) + Send>>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Batch>) {
        while let Ok(batch) = receiver.recv() {
            self.take(batch);
            loop {
                if self.buffered() >= MAX_BUFFERED {
                    break;
                }
                match receiver.try_recv() {
                    Ok(batch) => self.take(batch),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            self.sync();
        }
        let names: Vec<u64> = self.open.keys().copied().collect();
        for epoch in names {
            self.close(epoch);
        }
    }

    fn take(&mut self, batch: Batch) {
        let mut is_taken = true;
        for item in &batch.items {
            let epoch = match item {
                Item::Context { epoch, .. } | Item::Session { epoch, .. } => *epoch,
            };
            let Some(segment) = self.segment(epoch) else {
                is_taken = false;
                break;
            };
            match item {
                Item::Context { name, bytes, .. } => segment.push_context(*name, bytes),
                Item::Session { tag, records, .. } => {
                    segment.push_session(*tag, &batch.agent, records);
                }
            }
        }
        if is_taken {
            self.pending.push(batch.done);
        } else {
            (batch.done)(false);
        }
    }

    /// The segment of an epoch that is written to.
    fn segment(&mut self, epoch: u64) -> Option<&mut SegmentWriter> {
        let is_full = |(_, writer): &(SegmentName, SegmentWriter)| {
            writer.state().bytes >= MAX_SEGMENT_LEN && writer.buffered() == 0
        };
        if self.open.get(&epoch).is_some_and(is_full) {
            self.close(epoch);
        }
        if !self.open.contains_key(&epoch) {
            match self.create(epoch) {
                Ok(created) => drop(self.open.insert(epoch, created)),
                Err(error) => {
                    (self.tell)(Err(error));
                    return None;
                }
            }
            // Agents' clocks differ by less than an epoch.
            while self.open.len() > MAX_OPEN
                && let Some(oldest) = self.open.keys().next().copied()
            {
                self.sync();
                self.close(oldest);
            }
        }
        self.open.get_mut(&epoch).map(|(_, writer)| writer)
    }

    fn create(&self, epoch: u64) -> Result<(SegmentName, SegmentWriter), FileError> {
        let of_epoch = segments(&self.folder)?.into_iter().filter(|name| name.epoch == epoch);
        let last = of_epoch.map(|name| name.number).max().unwrap_or(0);
        let name = SegmentName { epoch, number: last.saturating_add(1) };
        SegmentWriter::create(&name.file(&self.folder)).map(|writer| (name, writer))
    }

    fn buffered(&self) -> usize {
        self.open.values().map(|(_, writer)| writer.buffered()).sum()
    }

    fn sync(&mut self) {
        let mut failed = Vec::new();
        for (epoch, (_, writer)) in &mut self.open {
            if writer.buffered() > 0
                && let Err(error) = writer.sync()
            {
                (self.tell)(Err(error));
                failed.push(*epoch);
            }
        }
        for done in std::mem::take(&mut self.pending) {
            done(failed.is_empty());
        }
        // What is behind such a failure is not known: another segment goes on, and this one is looked at
        // when the service starts anew.
        for epoch in failed {
            self.open.remove(&epoch);
        }
    }

    fn close(&mut self, epoch: u64) {
        if let Some((name, writer)) = self.open.remove(&epoch) {
            (self.tell)(Ok(closed_event(name, writer.state())));
        }
    }
}

/// Batches that wait for the disk; each is what one read from a connection gave, some 64 KiB.
const MAX_BATCHES: usize = 64;

/// Bytes for which the disk is waited for once.
const MAX_BUFFERED: usize = 4 << 20;

/// A segment is read whole when it is verified, and removed whole.
const MAX_SEGMENT_LEN: u64 = 1 << 30;

/// Epochs that are written to at a time.
const MAX_OPEN: usize = 4;
