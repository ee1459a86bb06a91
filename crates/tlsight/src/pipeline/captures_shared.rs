//! Captures read by several workers.
//!
//! Whoever is not behind the others reads the next piece of the capture, finds its packets when all
//! pieces before it have been framed, tells whose they are, and puts the block into the queue of
//! every worker. So no thread only reads, each flow is one worker's, and its packets stay in order.
//!
//! Copying a capture out of the page cache may be half of all the work, so the pieces of a file are
//! read at the same time. What comes through a pipe or a decompressor is read by one worker at a time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use capture::{Block, Filled};
use event::Timestamp;
use flow::{Lookout, Sighting};

use super::{Counted, Run, Worker, merge};
use crate::captures::{Captures, Claim};

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
                        shared.fail();
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
    /// Blocks claimed, which are numbered in the order of the capture.
    claimed: u64,
    /// Blocks whose packets have been found.
    framed: u64,
    /// Blocks put into the queues, or found to be empty.
    queued: u64,
    /// Blocks to be put into the queues when their turn comes, with their numbers.
    early: Vec<(u64, Option<Batch>)>,
    /// Workers that have nothing to do.
    waiting: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Nobody claims.
    Idle,
    /// A worker claims what to read, or reads what can only be read in order.
    Busy,
    /// There is no more to read.
    Ended,
    /// A worker has failed, and what it has read will not come.
    Failed,
}

/// A block of packets and whose they are.
struct Batch {
    block: Block,
    /// For each worker its packets: their places in the block, and what was seen of them.
    shares: Vec<Vec<(u32, Sighting)>>,
    /// Time of the last packet.
    end: Timestamp,
}

/// A block that has been read and waits for those before it to be framed.
struct Unframed {
    number: u64,
    /// The capture that it is of, unless its packets have been found.
    filled: Option<(u64, Filled)>,
    batch: Batch,
}

/// What a worker is to do next.
enum Task {
    Take(Arc<Batch>),
    Read(Batch),
    Frame(Unframed),
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
            claimed: 0,
            framed: 0,
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
        let mut unframed = VecDeque::with_capacity(MAX_UNFRAMED);
        loop {
            match self.next_task(run, index, &mut unframed) {
                Task::End => return worker.finish(),
                Task::Read(batch) => unframed.extend(self.read(batch)),
                Task::Frame(block) => self.frame(block),
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
    fn next_task(&self, run: &Run, index: usize, unframed: &mut VecDeque<Unframed>) -> Task {
        let mut state = self.lock();
        loop {
            if let Some(task) = self.task(&mut state, run, index, unframed) {
                return task;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn task(
        &self,
        state: &mut State,
        run: &Run,
        index: usize,
        unframed: &mut VecDeque<Unframed>,
    ) -> Option<Task> {
        if let Some(block) = unframed.pop_front_if(|block| block.number == state.framed) {
            return Some(Task::Frame(block));
        }
        if state.reading == Reading::Failed {
            return Some(Task::End);
        }
        if state.reading == Reading::Idle && run.is_stopped() {
            state.reading = Reading::Ended;
            self.wake(state);
        }
        let own = state.queues.get(index).map_or(0, VecDeque::len);
        let is_behind = state.queues.iter().any(|queue| queue.len() < own);
        if (own == 0 || self.reads_ahead && !is_behind)
            && unframed.len() < MAX_UNFRAMED
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

    /// Reads the next block, which is to be framed in its turn.
    fn read(&self, mut batch: Batch) -> Option<Unframed> {
        let claim = {
            let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.claim(&mut batch.block)
        };
        let number = self.number(&claim);
        match claim {
            Claim::End => {
                let mut state = self.lock();
                state.free.push(batch);
                None
            }
            Claim::Packets => Some(Unframed { number, filled: None, batch }),
            Claim::Piece(capture, piece) => {
                let filled = Some((capture, piece.read(&mut batch.block)));
                Some(Unframed { number, filled, batch })
            }
        }
    }

    /// The number of the block that a claim is for. Others may claim from then on.
    fn number(&self, claim: &Claim) -> u64 {
        let mut state = self.lock();
        let number = state.claimed;
        let is_over = matches!(claim, Claim::End);
        state.claimed += u64::from(!is_over);
        if state.reading == Reading::Busy {
            state.reading = if is_over { Reading::Ended } else { Reading::Idle };
        }
        self.wake(&state);
        number
    }

    /// Finds the packets of a block whose turn it is, and lets others look for theirs while this
    /// worker tells whose they are.
    fn frame(&self, block: Unframed) {
        let Unframed { number, filled, mut batch } = block;
        if let Some((capture, filled)) = filled {
            let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
            captures.frame(capture, filled, &mut batch.block);
        }
        {
            let mut state = self.lock();
            state.framed += 1;
            self.wake(&state);
        }
        batch.share(&self.lookout);
        let mut state = self.lock();
        if batch.block.is_empty() {
            state.free.push(batch);
            state.queue(number, None);
        } else {
            state.queue(number, Some(batch));
        }
        self.wake(&state);
    }

    /// Lets nobody wait for this worker.
    fn fail(&self) {
        let mut state = self.lock();
        state.reading = Reading::Failed;
        self.wake(&state);
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
    /// Queues a block for every worker, when its turn comes; `None` is one without packets.
    fn queue(&mut self, number: u64, batch: Option<Batch>) {
        self.early.push((number, batch));
        while let Some(place) = self.early.iter().position(|(number, _)| *number == self.queued) {
            if let (_, Some(batch)) = self.early.swap_remove(place) {
                let batch = Arc::new(batch);
                for queue in &mut self.queues {
                    queue.push_back(Arc::clone(&batch));
                }
            }
            self.queued += 1;
        }
    }

    /// Whether nothing will be queued any more.
    fn is_over(&self) -> bool {
        self.reading == Reading::Ended && self.queued == self.claimed
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

/// Blocks that a worker has read and cannot frame yet: the one in front of them is being read.
const MAX_UNFRAMED: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_queued_in_the_order_in_which_they_were_read() {
        let mut captures = Captures::new(Vec::new(), None);
        let shared = Shared::new(&mut captures, Lookout::new(1, 2), 2);
        let mut state = shared.lock();
        state.reading = Reading::Ended;
        state.claimed = 4;
        for number in [2_u64, 0, 3, 1] {
            assert!(!state.is_over());
            let mut batch = state.free.pop().unwrap();
            batch.end = Timestamp::from_nanos(number.cast_signed());
            state.queue(number, Some(batch));
        }
        assert!(state.is_over() && state.early.is_empty());
        for queue in &state.queues {
            let ends: Vec<_> = queue.iter().map(|batch| batch.end.as_nanos()).collect();
            assert_eq!(ends, [0, 1, 2, 3]);
        }
    }
}
