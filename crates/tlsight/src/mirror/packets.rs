//! Packets of records, on their way out.

use std::time::{Duration, Instant};

use capture::SinkCounters;
use event::Timestamp;
use forge::{Forger, Frames, Mtu, PortMap, Record, Settings};

use super::outputs::Outputs;
use crate::cli::PacketArgs;

/// Makes packets of records, and sends them.
pub(crate) struct Packets {
    forger: Forger,
    frames: Frames,
    outputs: Outputs,
    flushed_at: Instant,
}

impl Packets {
    /// Packets as they were chosen to look, for these outputs.
    pub(crate) fn new(args: &PacketArgs, outputs: Outputs) -> Self {
        let settings = Settings {
            mtu: args.mtu.and_then(Mtu::new).unwrap_or_else(|| outputs.mtu()),
            ports: PortMap::new(args.port_map.iter().map(|pair| (pair.from, pair.to))),
            vlan: args.vlan,
            key: random(),
            ..Settings::default()
        };
        Self {
            forger: Forger::new(settings),
            frames: Frames::new(),
            outputs,
            flushed_at: Instant::now(),
        }
    }

    /// Takes a record; nothing is made of it if there is nowhere to send it.
    pub(crate) fn take(&mut self, record: &Record<'_>) {
        if self.outputs.is_empty() {
            return;
        }
        self.forger.handle(record, &mut self.frames);
        if self.frames.is_full() {
            self.send();
        }
    }

    /// Lets the time be `now`, and sends what there is.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        self.forger.handle_timeout(now, &mut self.frames);
        self.send();
        if self.flushed_at.elapsed() >= FLUSH_EVERY {
            self.flushed_at = Instant::now();
            self.outputs.flush();
        }
    }

    /// Ends what is open.
    pub(crate) fn finish(&mut self, now: Timestamp) {
        while self.forger.open_connections() > 0 {
            self.forger.finish(now, &mut self.frames);
            self.send();
        }
        self.send();
        self.outputs.flush();
    }

    /// What became of the records.
    pub(crate) const fn forged(&self) -> &forge::Counters {
        self.forger.counters()
    }

    /// What became of the packets.
    pub(crate) fn sent(&self) -> SinkCounters {
        self.outputs.counters()
    }

    /// Whether an output has failed at some time.
    pub(crate) fn has_failed(&self) -> bool {
        self.outputs.has_failed()
    }

    fn send(&mut self) {
        if !self.frames.is_empty() {
            self.outputs.send(&self.frames);
            self.frames.clear();
        }
    }
}

/// A number that nobody guesses.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// A reader of the file waits no longer than that.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
