//! What the threads of the agent tell each other: lines, counts, and how each of them does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use event::{Losses, TlsEvent};
use fleet::agent::UplinkMeter;
use flow::Counters;
use probe::LeftInKernel;
use spool::Inbox;
use workload::Meter;

use super::edges::{Edges, edge_of};
use super::feed::Feed;
use super::metrics::Meters;
use super::settings::OutputSettings;
use super::singles::Singles;
use super::uplink::Pushed;
use super::writer::count;
use crate::output::loss;
use crate::pipeline::Observer;
use crate::setup::add_loss;

/// Whole lines on their way to the output.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) lines: Vec<u8>,
    /// When they were put in.
    pub(super) since: Instant,
}

/// What all threads share.
#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) queue: Inbox<Chunk>,
    pub(super) meters: Meters,
    edges: Mutex<Edges>,
    is_grouping: AtomicBool,
    watched: Vec<Mutex<Watched>>,
    output_settings: Mutex<Option<OutputSettings>>,
    output_works: AtomicBool,
    /// Lines dropped, by reason.
    dropped: [AtomicU64; 2],
    begin: Instant,
    /// When each worker was last seen at work, in milliseconds since `begin`.
    beats: Vec<AtomicU64>,
    /// What is counted of the ends of sessions.
    meter: OnceLock<Meter>,
    /// Where lines go besides the output.
    feed: OnceLock<Arc<Feed>>,
    sessions: AtomicU64,
    /// Which sessions a server is sent singly, if there is a server.
    singles: Option<Singles>,
    uplink: OnceLock<UplinkMeter>,
    pushed: Mutex<Option<Pushed>>,
}

/// What a worker has counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// What was lost.
    pub(super) losses: Losses,
    /// What was seen.
    pub(super) counters: Counters,
    /// What was not, because the kernel kept it: of all workers, told by the first.
    pub(super) left_in_kernel: LeftInKernel,
    /// Bytes of the ring that are used.
    pub(super) ring_used: u64,
    /// The most that were used at a time.
    pub(super) ring_peak: u64,
    /// Bytes of the ring.
    pub(super) ring_len: u64,
}

/// Why lines are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// The output does not take them in time.
    QueueFull,
    /// The output does not work.
    OutputFailed,
}

/// The ways of a line at which its delay is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// From the packet to its analysis.
    Capture,
    /// From the end of the handshake to its record.
    Analysis,
    /// From the record to the output.
    Output,
}

impl Monitor {
    /// The state of an agent with so many workers that has seen nothing.
    pub(super) fn new(workers: usize, is_grouping: bool) -> Self {
        Self {
            queue: Inbox::new(QUEUE_BYTES),
            meters: Meters::default(),
            edges: Mutex::default(),
            is_grouping: AtomicBool::new(is_grouping),
            watched: (0..workers).map(|_| Mutex::default()).collect(),
            output_settings: Mutex::default(),
            output_works: AtomicBool::new(true),
            dropped: [AtomicU64::new(0), AtomicU64::new(0)],
            begin: Instant::now(),
            beats: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            meter: OnceLock::new(),
            feed: OnceLock::new(),
            sessions: AtomicU64::new(0),
            singles: None,
            uplink: OnceLock::new(),
            pushed: Mutex::default(),
        }
    }

    /// The same for an agent that sends some sessions singly to a server.
    pub(super) fn with_singles(self, singles: Option<Singles>) -> Self {
        Self { singles, ..self }
    }

    /// Which sessions are sent singly, if there is a server.
    pub(super) const fn singles(&self) -> Option<&Singles> {
        self.singles.as_ref()
    }

    /// Takes what tells how the connection to the server does; only the first is.
    pub(super) fn set_uplink(&self, meter: UplinkMeter) {
        self.uplink.set(meter).ok();
    }

    /// How the connection to the server does, if there is a server.
    pub(super) fn uplink(&self) -> Option<&UplinkMeter> {
        self.uplink.get()
    }

    /// Has the supervisor take settings of the server.
    pub(super) fn push_settings(&self, pushed: Pushed) {
        *locked(&self.pushed) = Some(pushed);
    }

    /// Settings of the server, once.
    pub(super) fn take_pushed(&self) -> Option<Pushed> {
        locked(&self.pushed).take()
    }

    /// Sessions seen.
    pub(super) fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Takes what is counted of the ends of sessions; only the first is.
    pub(super) fn set_meter(&self, meter: Meter) {
        self.meter.set(meter).ok();
    }

    /// What is counted of the ends of sessions.
    pub(super) fn meter(&self) -> Option<&Meter> {
        self.meter.get()
    }

    /// Takes where lines go besides the output; only the first is.
    pub(super) fn set_feed(&self, feed: Arc<Feed>) {
        self.feed.set(feed).ok();
    }

    /// Where lines go besides the output.
    pub(super) fn feed(&self) -> Option<&Arc<Feed>> {
        self.feed.get()
    }

    /// Gives lines to all sinks.
    pub(super) fn put_into_sinks(&self, lines: &[u8]) {
        if let Some(feed) = self.feed() {
            feed.put(lines);
        }
    }

    /// Puts lines into the queue to the output; false if there is no room.
    pub(super) fn enqueue(&self, lines: &[u8]) -> bool {
        self.queue.push(Chunk { lines: lines.to_vec(), since: Instant::now() }, lines.len()).is_ok()
    }

    /// Takes lines for the output, or drops and counts them; and for the sinks.
    pub(super) fn put(&self, lines: &[u8]) {
        self.put_into_sinks(lines);
        if !self.enqueue(lines) {
            self.dropped(Dropped::QueueFull, count(lines));
        }
    }

    /// Counts dropped lines.
    pub(super) fn dropped(&self, reason: Dropped, lines: u64) {
        let [full, failed] = &self.dropped;
        let counter = if reason == Dropped::QueueFull { full } else { failed };
        counter.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines that were dropped for a reason.
    pub(super) fn lines_dropped(&self, reason: Dropped) -> u64 {
        let [full, failed] = &self.dropped;
        let counter = if reason == Dropped::QueueFull { full } else { failed };
        counter.load(Ordering::Relaxed)
    }

    /// Counts lines that were written.
    pub(super) fn wrote(&self, lines: u64) {
        self.meters.lines_written.inc_by(lines);
    }

    /// Takes note of how long a line was on a part of its way.
    pub(super) fn lag(&self, stage: Stage, seconds: f64) {
        self.meters.lag(stage, seconds);
    }

    /// Whether the output takes lines.
    pub(super) fn output_works(&self) -> bool {
        self.output_works.load(Ordering::Relaxed)
    }

    /// Takes note of whether the output takes lines.
    pub(super) fn set_output_works(&self, works: bool) {
        self.output_works.store(works, Ordering::Relaxed);
    }

    /// Has the writer take other settings.
    pub(super) fn change_output(&self, settings: OutputSettings) {
        *locked(&self.output_settings) = Some(settings);
    }

    /// Other settings for the writer, once.
    pub(super) fn take_output_settings(&self) -> Option<OutputSettings> {
        locked(&self.output_settings).take()
    }

    /// Counts sessions as edges, or no longer.
    pub(super) fn set_grouping(&self, is_grouping: bool) {
        self.is_grouping.store(is_grouping, Ordering::Relaxed);
    }

    /// The edges.
    pub(super) fn edges(&self) -> MutexGuard<'_, Edges> {
        locked(&self.edges)
    }

    /// Takes note that a worker is at work.
    pub(super) fn beat(&self, worker: usize) {
        if let Some(beat) = self.beats.get(worker) {
            let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            beat.store(millis, Ordering::Relaxed);
        }
    }

    /// For how long the worker that is most behind was not seen at work.
    pub(super) fn silence(&self) -> Duration {
        let oldest = self.beats.iter().map(|beat| beat.load(Ordering::Relaxed)).min();
        self.begin.elapsed().saturating_sub(Duration::from_millis(oldest.unwrap_or(0)))
    }

    /// What a worker has counted, to be changed.
    pub(super) fn watched(&self, worker: usize) -> Option<MutexGuard<'_, Watched>> {
        self.watched.get(worker).map(locked)
    }

    /// What all workers have counted.
    pub(super) fn sum(&self) -> Watched {
        let mut sum = Watched::default();
        for worker in &self.watched {
            let worker = locked(worker);
            for (cause, count) in &worker.losses {
                add_loss(&mut sum.losses, cause, *count);
            }
            sum.counters += &worker.counters;
            let (sum_left, left) = (&mut sum.left_in_kernel, worker.left_in_kernel);
            sum_left.packets = sum_left.packets.saturating_add(left.packets);
            sum_left.bytes = sum_left.bytes.saturating_add(left.bytes);
            sum.ring_used = sum.ring_used.saturating_add(worker.ring_used);
            sum.ring_peak = sum.ring_peak.saturating_add(worker.ring_peak);
            sum.ring_len = sum.ring_len.saturating_add(worker.ring_len);
        }
        let lines = self
            .lines_dropped(Dropped::QueueFull)
            .saturating_add(self.lines_dropped(Dropped::OutputFailed));
        add_loss(&mut sum.losses, loss::LINES_DROPPED, lines);
        add_loss(&mut sum.losses, loss::EDGES_OVER_LIMIT, self.edges().over_limit());
        if let Some(uplink) = self.uplink() {
            let counters = uplink.counters();
            for (cause, count) in [
                (loss::SPOOL_TOO_SLOW, counters.dropped_sessions),
                (loss::SPOOL_FAILED, counters.unspooled_sessions),
                (loss::SPOOL_EVICTED, counters.evicted_sessions),
                (loss::SPOOL_DAMAGED, counters.damaged_sessions.max(counters.damaged_batches)),
                (loss::SERVER_REFUSED, counters.refused_sessions),
                (loss::SERVER_REJECTED, counters.rejected_lines),
            ] {
                add_loss(&mut sum.losses, cause, count);
            }
        }
        sum
    }
}

impl Observer for Monitor {
    fn session(&self, event: &TlsEvent) -> bool {
        let now = crate::watch::wall_clock();
        self.lag(Stage::Analysis, seconds(now.nanos_since(event.event.end)));
        self.meters.session(event);
        self.sessions.fetch_add(1, Ordering::Relaxed);
        if !self.is_grouping.load(Ordering::Relaxed) {
            return true;
        }
        let edge = edge_of(event);
        let single = self.singles.as_ref().and_then(|it| it.choose(event, &edge, now));
        // What is told singly is not counted once more.
        if single.is_none() {
            self.edges().add(edge, event);
        }
        single.is_some()
    }
}

/// Some thousand sessions: what comes in the second in which a disk is slow.
pub(super) const QUEUE_BYTES: usize = 8 << 20;

/// Nanoseconds in seconds.
pub(super) fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
