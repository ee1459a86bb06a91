//! Captures read by several workers.
//!
//! Whoever is not behind the others reads the next block, tells whose its packets are, and puts the
//! block into the queue of every worker. So no thread only reads, each flow is one worker's, and its
//! packets stay in order.
//!
//! Reading is the only part that is one worker's at a time. Copying a capture out of the page cache
//! may be half of all the work, so one is always at it while blocks are free.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use capture::Block;
use event::Timestamp;
use flow::{Lookout, Sighting};

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
    let hash_seed = workers.first().map_or(0, Worker::hash_seed);
    let shared = Shared::new(captures, Lookout::new(hash_seed, workers.len()), workers.len());
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
                        shared.wake(&shared.lock());
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
    lookout: Lookout,
    captures: Mutex<&'a mut Captures>,
    state: Mutex<State>,
    changed: Condvar,
    /// Whether blocks are read ahead: not from a pipe, behind which nothing is to wait.
    reads_ahead: bool,
}

struct State {
    /// What each worker has yet to take, in the order of the capture.
    queues: Vec<VecDeque<Arc<Batch>>>,
    /// Batches to be filled again.
    free: Vec<Batch>,
    reading: Reading,
    /// Blocks read.
    read: u64,
    /// Blocks put into the queues, in the order in which they were read.
    queued: u64,
    /// Blocks to be put into the queues when their turn comes, with their numbers.
    early: Vec<(u64, Batch)>,
    /// Workers that have nothing to do.
    waiting: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nobody reads.
    Idle,
    /// A worker reads.
    Busy,
    /// There is no more to read.
    Ended,
}

/// A block of packets and whose they are.
struct Batch {
    block: Block,
    /// For each worker its packets: their places in the block, and what was seen of them.
    shares: Vec<Vec<(u32, Sighting)>>,
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
    fn new(captures: &'a mut Captures, lookout: Lookout, workers: usize) -> Self {
        let batches = workers.saturating_mul(BATCHES_PER_WORKER);
        let empty = || Batch {
            block: Block::new(),
            shares: vec![Vec::new(); workers],
            end: Timestamp::default(),
        };
        let state = State {
            queues: (0..workers).map(|_| VecDeque::with_capacity(batches)).collect(),
            free: (0..batches).map(|_| empty()).collect(),
            reading: Reading::Idle,
            read: 0,
            queued: 0,
            early: Vec::new(),
            waiting: 0,
        };
        Self {
            lookout,
            reads_ahead: captures.are_files(),
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
                    let share = batch.shares.get(index).map(Vec::as_slice).unwrap_or_default();
                    worker.handle_sighted(share.iter().filter_map(|(place, sighting)| {
                        Some((batch.block.packet(*place as usize)?, *sighting))
                    }))?;
                    worker.end_block(batch.end)?;
                    self.recycle(batch);
                }
            }
        }
    }

    /// Waits until there is something to do.
    fn next_task(&self, run: &Run, index: usize) -> Task {
        let mut state = self.lock();
        loop {
            if let Some(task) = self.task(&mut state, run, index) {
                return task;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn task(&self, state: &mut State, run: &Run, index: usize) -> Option<Task> {
        if state.reading == Reading::Idle && run.is_stopped() {
            state.reading = Reading::Ended;
            self.wake(state);
        }
        let own = state.queues.get(index).map_or(0, VecDeque::len);
        let is_behind = state.queues.iter().any(|queue| queue.len() < own);
        if (own == 0 || self.reads_ahead && !is_behind)
            && state.reading == Reading::Idle
            && let Some(batch) = state.free.pop()
        {
            state.reading = Reading::Busy;
            return Some(Task::Read(batch));
        }
        match state.queues.get_mut(index).and_then(VecDeque::pop_front) {
            Some(batch) => Some(Task::Take(batch)),
            None => state.is_over().then_some(Task::End),
        }
    }

    /// Fills `batch` and queues it for every worker. Another worker may read the next one while
    /// this one tells whose packets these are.
    fn read(&self, run: &Run, mut batch: Batch) {
        let has_packets = {
            let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.read_block(&mut batch.block)
        };
        let number = {
            let mut state = self.lock();
            let is_over = !has_packets || run.is_stopped();
            state.reading = if is_over { Reading::Ended } else { Reading::Idle };
            self.wake(&state);
            let number = state.read;
            state.read += u64::from(has_packets);
            number
        };
        if has_packets {
            batch.share(&self.lookout);
            let mut state = self.lock();
            state.queue(number, batch);
            self.wake(&state);
        }
    }

    fn recycle(&self, batch: Arc<Batch>) {
        if let Some(batch) = Arc::into_inner(batch) {
            let mut state = self.lock();
            state.free.push(batch);
            self.wake(&state);
        }
    }

    /// Lets those look that wait, if any do: waking is a system call.
    fn wake(&self, state: &State) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Queues a block for every worker, when its turn comes.
    fn queue(&mut self, number: u64, batch: Batch) {
        self.early.push((number, batch));
        while let Some(place) = self.early.iter().position(|(number, _)| *number == self.queued) {
            let batch = Arc::new(self.early.swap_remove(place).1);
            for queue in &mut self.queues {
                queue.push_back(Arc::clone(&batch));
            }
            self.queued += 1;
        }
    }

    /// Whether nothing will be queued any more.
    fn is_over(&self) -> bool {
        self.reading == Reading::Ended && self.queued == self.read
    }
}

impl Batch {
    /// Tells which packet is whose.
    fn share(&mut self, lookout: &Lookout) {
        for share in &mut self.shares {
            share.clear();
        }
        let mut end = 0;
        for (place, packet) in (0..).zip(self.block.packets()) {
            end = packet.timestamp_ns;
            let sighting = lookout.sight(&packet);
            if let Some(share) = self.shares.get_mut(sighting.shard()) {
                share.push((place, sighting));
            }
        }
        self.end = Timestamp::from_nanos(end);
    }
}

/// Enough for each worker to have one in hand, one waiting and one to read into, and for a worker
/// whose flows are the busier to fall behind for a moment. At about 300 KiB each.
const BATCHES_PER_WORKER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_queued_in_the_order_in_which_they_were_read() {
        let mut captures = Captures::new(Vec::new(), None);
        let shared = Shared::new(&mut captures, Lookout::new(1, 2), 2);
        let mut state = shared.lock();
        state.reading = Reading::Ended;
        state.read = 4;
        for number in [2_u64, 0, 3, 1] {
            assert!(!state.is_over());
            let mut batch = state.free.pop().unwrap();
            batch.end = Timestamp::from_nanos(number.cast_signed());
            state.queue(number, batch);
        }
        assert!(state.is_over() && state.early.is_empty());
        for queue in &state.queues {
            let ends: Vec<_> = queue.iter().map(|batch| batch.end.as_nanos()).collect();
            assert_eq!(ends, [0, 1, 2, 3]);
        }
    }
}
