//! Captures read by several workers.
//!
//! Whoever has nothing to do reads the next block, says which packet is whose, and puts the block
//! into the queue of every worker. So no thread only reads, each flow is one worker's, and its
//! packets stay in order.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use capture::Block;
use event::Timestamp;

use super::{Counted, Run, Worker, merge};
use crate::captures::Captures;

/// Analyses all of `captures` with `workers`.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn read_with_workers(
    run: &Run,
    captures: &mut Captures,
    workers: Vec<Worker<'_>>,
) -> io::Result<Counted> {
    let shared = Shared::new(captures, workers.len());
    thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(index, worker)| {
                let shared = &shared;
                scope.spawn(move || {
                    let result = shared.work(run, index, worker);
                    if result.is_err() {
                        run.stop();
                        shared.changed.notify_all();
                    }
                    result
                })
            })
            .collect();
        merge(threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }))
    })
}

struct Shared<'a> {
    workers: usize,
    captures: Mutex<&'a mut Captures>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What each worker has yet to take, in the order of the capture.
    queues: Vec<VecDeque<Arc<Batch>>>,
    /// Batches to be filled again.
    free: Vec<Batch>,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nobody reads.
    Idle,
    /// A worker reads, and has not yet queued what it read.
    Busy,
    /// There is no more to read.
    Ended,
}

/// A block of packets and whose they are.
struct Batch {
    block: Block,
    /// For each packet the worker that it belongs to.
    owners: Vec<usize>,
    /// Time of the last packet.
    end: Timestamp,
}

/// What a worker is to do next.
enum Task {
    Take(Arc<Batch>),
    Read(Batch),
    End,
}

impl<'a> Shared<'a> {
    fn new(captures: &'a mut Captures, workers: usize) -> Self {
        let batches = workers.saturating_mul(BATCHES_PER_WORKER);
        let empty = || Batch { block: Block::new(), owners: Vec::new(), end: Timestamp::default() };
        let state = State {
            queues: (0..workers).map(|_| VecDeque::with_capacity(batches)).collect(),
            free: (0..batches).map(|_| empty()).collect(),
            reading: Reading::Idle,
        };
        Self {
            workers,
            captures: Mutex::new(captures),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn work(&self, run: &Run, index: usize, mut worker: Worker<'_>) -> io::Result<Counted> {
        loop {
            match self.next_task(run, index) {
                Task::End => return worker.finish(),
                Task::Read(batch) => self.read(run, batch),
                Task::Take(batch) => {
                    let owners = batch.owners.iter().copied();
                    let packets = batch.block.packets().zip(owners);
                    let own = packets.filter(|(_, owner)| *owner == index);
                    worker.handle_packets(own.map(|(packet, _)| packet))?;
                    worker.end_block(batch.end)?;
                    self.recycle(batch);
                }
            }
        }
    }

    /// Waits until there is something to do. Taking comes before reading, so that nothing waits
    /// behind a pipe that has no more packets yet.
    fn next_task(&self, run: &Run, index: usize) -> Task {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.queues.get_mut(index).and_then(VecDeque::pop_front) {
                return Task::Take(batch);
            }
            match state.reading {
                Reading::Ended => return Task::End,
                Reading::Busy => {}
                Reading::Idle if run.is_stopped() => {
                    state.reading = Reading::Ended;
                    self.changed.notify_all();
                    return Task::End;
                }
                Reading::Idle => {
                    if let Some(batch) = state.free.pop() {
                        state.reading = Reading::Busy;
                        return Task::Read(batch);
                    }
                }
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Fills `batch` and queues it for every worker.
    fn read(&self, run: &Run, mut batch: Batch) {
        let has_packets = {
            let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.read_block(&mut batch.block)
        };
        if has_packets {
            batch.owners.clear();
            let packets = batch.block.packets();
            batch.owners.extend(packets.map(|packet| flow::shard(&packet, self.workers)));
            let last = batch.block.packets().last();
            batch.end = Timestamp::from_nanos(last.map_or(0, |packet| packet.timestamp_ns));
        }
        let mut state = self.lock();
        if has_packets {
            let batch = Arc::new(batch);
            for queue in &mut state.queues {
                queue.push_back(Arc::clone(&batch));
            }
        }
        let is_over = !has_packets || run.is_stopped();
        state.reading = if is_over { Reading::Ended } else { Reading::Idle };
        self.changed.notify_all();
    }

    fn recycle(&self, batch: Arc<Batch>) {
        if let Some(batch) = Arc::into_inner(batch) {
            self.lock().free.push(batch);
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enough for each worker to have one in hand, one waiting and one to read into, and for a worker
/// whose flows are the busier to fall behind for a moment. At about 600 KiB each.
const BATCHES_PER_WORKER: usize = 4;
