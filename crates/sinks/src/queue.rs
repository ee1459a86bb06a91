//! The queue of a sink: what puts lines in, and what is taken out of it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use event::Timestamp;
use spool::{Inbox, Next, NotKept, Spool};

use crate::line::{self, Line};
use crate::meter::Meter;
use crate::receiver::Limits;
use crate::settings::Log;

/// A queue on the disk, shared by who fills and who empties it.
pub(crate) struct Queue {
    name: String,
    spool: Mutex<Spool>,
    filled: Condvar,
    meter: Arc<Meter>,
    log: Log,
}

/// Whole lines of one host, on their way into a queue.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) host: Arc<str>,
    pub(crate) lines: Vec<u8>,
    /// When they were given, in nanoseconds since 1970.
    pub(crate) at: i64,
    /// Nothing is sent; who waits until they are in the queue is told by the end of it.
    pub(crate) told: Option<mpsc::Sender<()>>,
}

/// Lines that were taken out of a queue, and stay in it until they are acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<Line>,
    /// The number of the last entry.
    last: Option<u64>,
    unreadable: u64,
}

impl Queue {
    pub(crate) fn new(name: &str, spool: Spool, meter: Arc<Meter>, log: Log) -> Self {
        let queue = Self {
            name: name.to_owned(),
            spool: Mutex::new(spool),
            filled: Condvar::new(),
            meter,
            log,
        };
        // What was damaged before this process began.
        queue.count_lost(&mut queue.spool());
        queue
    }

    /// Puts what comes in into the queue until the inbox is closed and empty.
    pub(crate) fn fill(&self, inbox: &Inbox<Chunk>) {
        let (mut is_failing, mut synced, mut is_dirty) = (false, Instant::now(), false);
        loop {
            match inbox.pop(LONGEST_WAIT) {
                Next::Item(chunk) => {
                    is_dirty = true;
                    for part in parts(&chunk.lines) {
                        self.put(&chunk.host, part, chunk.at, &mut is_failing);
                    }
                    self.filled.notify_one();
                    drop(chunk.told);
                }
                Next::Nothing => {}
                Next::Closed => break,
            }
            if is_dirty && synced.elapsed() >= SYNC_EVERY {
                (synced, is_dirty) = (Instant::now(), false);
                self.sync(&mut is_failing);
            }
        }
        self.sync(&mut is_failing);
    }

    fn put(&self, host: &str, lines: &[u8], at: i64, is_failing: &mut bool) {
        let count = count(lines);
        let mut spool = self.spool();
        match spool.push(at, count, &line::entry(host, lines)) {
            Ok(()) => self.meter.queued.add(count),
            Err(NotKept::TooLarge { .. }) => self.meter.not_kept.add(count),
            Err(NotKept::Disk(error)) => {
                self.meter.not_kept.add(count);
                self.tell(is_failing, &error);
            }
        }
        self.count_lost(&mut spool);
    }

    fn sync(&self, is_failing: &mut bool) {
        match self.spool().sync() {
            Ok(()) => *is_failing = false,
            Err(error) => self.tell(is_failing, &error),
        }
    }

    /// Says once that the disk fails.
    fn tell(&self, is_failing: &mut bool, error: &std::io::Error) {
        if !std::mem::replace(is_failing, true) {
            let name = &self.name;
            (self.log)(&format!(
                "sink {name}: its queue cannot be written to: {error}; what has no room is dropped and counted"
            ));
        }
    }

    /// The oldest lines that were not taken out yet, for which is waited up to `timeout`; none if there are none.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn take(&self, limits: Limits, timeout: Duration) -> std::io::Result<Option<Batch>> {
        let mut spool = self.spool();
        let Some(mut entry) = spool.read()? else {
            // What is put in meanwhile wakes it; the next call finds it.
            drop(self.filled.wait_timeout(spool, timeout));
            return Ok(None);
        };
        let (mut batch, mut bytes) = (Batch::default(), 0_usize);
        loop {
            bytes = bytes.saturating_add(entry.bytes.len());
            let (lines, unreadable) = line::lines(&entry.bytes);
            batch.lines.extend(lines);
            batch.unreadable = batch.unreadable.saturating_add(unreadable);
            batch.last = Some(entry.id.number);
            if bytes >= limits.bytes || batch.lines.len() >= limits.lines {
                break;
            }
            // What cannot be read is told by the next call.
            match spool.read() {
                Ok(Some(next)) => entry = next,
                Ok(None) | Err(_) => break,
            }
        }
        self.count_lost(&mut spool);
        Ok(Some(batch))
    }

    /// Removes what was taken out: it is somewhere else, or nobody will ever take it.
    ///
    /// # Errors
    /// The disk's: it may come again with the next process.
    pub(crate) fn acknowledge(&self, batch: &Batch) -> std::io::Result<()> {
        self.meter.rejected.add(batch.unreadable);
        let Some(last) = batch.last else { return Ok(()) };
        self.spool().acknowledge(last)
    }

    /// Wakes who waits in [`Queue::take`].
    pub(crate) fn wake(&self) {
        self.filled.notify_all();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.spool().bytes()
    }

    /// For how long the oldest line waits.
    pub(crate) fn lag(&self, now: Timestamp) -> Duration {
        let oldest = self.spool().oldest_at();
        let waits = oldest.map(|at| now.nanos_since(Timestamp::from_nanos(at)));
        Duration::from_nanos(waits.unwrap_or(0))
    }

    fn count_lost(&self, spool: &mut Spool) {
        let lost = spool.take_lost();
        self.meter.evicted.add(lost.evicted_weight);
        self.meter.damaged_entries.add(lost.damaged);
    }

    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts lines into parts of whole lines for an entry each.
pub(crate) fn parts(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let last = rest.get(..ENTRY_BYTES).map_or(Some(rest.len()), |begin| {
            let before = begin.iter().rposition(|byte| *byte == b'\n');
            before.map(|at| at.saturating_add(1))
        });
        // A line that is longer is an entry of its own.
        let next = || rest.iter().position(|byte| *byte == b'\n').map(|at| at.saturating_add(1));
        let at = last.or_else(next).unwrap_or(rest.len());
        let (part, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        rest = behind;
        Some(part)
    })
}

pub(crate) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Small enough that requests are filled well, large enough that some hundred thousand entries are a queue.
const ENTRY_BYTES: usize = 128 << 10;

/// What a power cut may cost, beside what comes in memory.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How long the end of the run may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_into_entries_of_whole_lines() {
        let line = |len: usize| [vec![b'x'; len - 1], vec![b'\n']].concat();
        let text = [line(100), line(ENTRY_BYTES - 50), line(ENTRY_BYTES + 7), line(3), line(4)];
        let lines = text.concat();
        let parts: Vec<_> = parts(&lines).collect();
        assert_eq!(parts.concat(), lines);
        let lens: Vec<_> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(lens, [100, ENTRY_BYTES - 50, ENTRY_BYTES + 7, 7]);
        assert_eq!(super::parts(b"").count(), 0);
        assert_eq!(super::parts(b"no end").collect::<Vec<_>>(), [b"no end"]);
    }
}
