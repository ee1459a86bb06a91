//! One worker: its own analysis, counts and output buffer.

use std::io;
use std::sync::{Mutex, PoisonError};

use event::{Evidence, Timestamp, TlsEvent};
use flow::{BulkFlow, Counters, Limits, Lookout, Sighting};
use probe::{Batch, CutOff, SocketCapture};
use session::{Analyzer, DatagramSink, Settings, TextSink};
use wire::Packet;
use workload::{Meter, Workloads};

use super::{Counted, Run};
use crate::output::{Chunk, Span, Tally};

/// Analyses its share of the flows.
pub(crate) struct Worker<'a> {
    run: &'a Run,
    analyzer: Analyzer,
    /// Made, and to be written at once; kept for its memory.
    events: Vec<(TlsEvent, Option<u32>)>,
    hash_seed: u64,
    lookout: Lookout,
    chunk: Chunk,
    tally: Tally,
    timed_at: Timestamp,
    /// Time of the last packet from an interface or a file.
    seen_at: Timestamp,
    evidence: Evidence,
    /// What completes the events of sockets.
    workloads: Option<Workloads>,
}

impl<'a> Worker<'a> {
    /// A worker that has seen nothing yet.
    pub(crate) fn new(run: &'a Run, settings: Settings, limits: Limits) -> Self {
        Self {
            run,
            evidence: settings.evidence,
            analyzer: Analyzer::new(settings, limits),
            events: Vec::with_capacity(EVENTS_AT_ONCE),
            hash_seed: limits.hash_seed,
            lookout: Lookout::new(limits.hash_seed, 1),
            chunk: Chunk::default(),
            tally: Tally::default(),
            timed_at: Timestamp::default(),
            seen_at: Timestamp::default(),
            workloads: None,
        }
    }

    /// The same, which tells what is behind the ends of sessions.
    pub(crate) fn with_workloads(self, workloads: Workloads) -> Self {
        Self { workloads: Some(workloads), ..self }
    }

    /// What is counted of that.
    pub(crate) fn meter(&self) -> Option<Meter> {
        self.workloads.as_ref().map(Workloads::meter)
    }

    /// Seed of the hash of its flows.
    pub(crate) const fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// Takes other choices for the events to come.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        self.analyzer.set_settings(Settings { evidence: self.evidence, ..settings });
    }

    /// Takes packets, in the order of the capture.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn handle_packets<'p>(
        &mut self,
        packets: impl Iterator<Item = Packet<'p>>,
    ) -> io::Result<()> {
        let lookout = self.lookout;
        self.handle_sighted(packets.map(|packet| (packet, lookout.sight(&packet))))
    }

    /// Takes packets, in the order of the capture, whose headers have been looked at.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn handle_sighted<'p>(
        &mut self,
        packets: impl Iterator<Item = (Packet<'p>, Sighting)>,
    ) -> io::Result<()> {
        let mut span = Span::default();
        let mut packets =
            packets.inspect(|(packet, _)| span.extend(Timestamp::from_nanos(packet.timestamp_ns)));
        while self.analyzer.handle_some(&mut packets) {
            if self.analyzer.events_waiting() >= EVENTS_AT_ONCE {
                self.drain(None)?;
            }
        }
        self.drain(None)?;
        self.tally.reach(span);
        self.seen_at = span.last().unwrap_or(self.seen_at);
        Ok(())
    }

    /// Takes packets of sockets. What the sockets know is added to each event before it is filtered;
    /// they learn which connections have nothing more to tell.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn handle_batch(
        &mut self,
        batch: &Batch,
        sockets: &mut SocketCapture,
    ) -> io::Result<()> {
        let mut span = Span::default();
        for (connection, packet) in batch.packets() {
            span.extend(Timestamp::from_nanos(packet.timestamp_ns));
            self.analyzer.handle_packet(&packet);
            if !self.analyzer.follows(&packet) {
                sockets.dismiss(connection);
            }
        }
        self.tally.reach(span);
        self.drain(Some(sockets))
    }

    /// Lets the time be `now`, for flows of which no packets come, and writes the lines that are
    /// due if somebody waits for them.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn end_block(&mut self, now: Timestamp) -> io::Result<()> {
        self.end_batch(now, None)
    }

    /// The same for packets of sockets.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn end_batch(
        &mut self,
        now: Timestamp,
        sockets: Option<&mut SocketCapture>,
    ) -> io::Result<()> {
        if now.nanos_since(self.timed_at) >= TIME_EVERY_NS {
            self.timed_at = now;
            self.analyzer.handle_timeout(now);
            self.drain(sockets)?;
        }
        self.tell_held(Workloads::next_due)?;
        if self.run.is_prompt { self.run.printer.flush(&mut self.chunk) } else { Ok(()) }
    }

    /// Leaves in the kernel what goes on though nobody looks at it. A worker that is behind leaves
    /// nothing there: at `now` the ends may have begun another flow already.
    pub(crate) fn cut_off(&mut self, cut_off: &Mutex<CutOff>, now: Timestamp) {
        let is_behind = now.nanos_since(self.seen_at) > MAX_LAG_NS;
        let mut flows = self.analyzer.take_bulk_flows().filter(|_| !is_behind).peekable();
        if flows.peek().is_none() {
            return;
        }
        let mut cut_off = cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        for BulkFlow { transport, ends } in flows {
            cut_off.finish(transport, ends);
        }
    }

    /// Begins to look for what [`Self::cut_off`] is to leave in the kernel.
    pub(crate) const fn want_bulk_flows(&mut self) {
        self.analyzer.want_bulk_flows();
    }

    /// Gives the clear text of sessions whose records are opened to `sink`.
    pub(crate) fn set_text_sink(&mut self, sink: TextSink) {
        self.analyzer.set_text_sink(sink);
    }

    /// Offers datagrams that may be something else to `sink`.
    pub(crate) fn set_datagram_sink(&mut self, sink: DatagramSink) {
        self.analyzer.set_datagram_sink(sink);
    }

    /// What was looked at, and lost, so far.
    pub(crate) fn counters(&self) -> &Counters {
        self.analyzer.counters()
    }

    /// Ends all sessions, writes all lines and gives the counts.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn finish(self) -> io::Result<Counted> {
        self.finish_batches(None)
    }

    /// The same for packets of sockets.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn finish_batches(
        mut self,
        sockets: Option<&mut SocketCapture>,
    ) -> io::Result<Counted> {
        self.analyzer.finish();
        self.drain(sockets)?;
        self.tell_held(Workloads::next_held)?;
        self.run.printer.flush(&mut self.chunk)?;
        let counters = self.analyzer.counters().clone();
        Ok(Counted { tally: self.tally, counters, ..Counted::default() })
    }

    /// Makes the events that wait, and writes them: each step for some of them before the next step,
    /// as the code of all steps together is larger than a core's instruction cache.
    fn drain(&mut self, mut sockets: Option<&mut SocketCapture>) -> io::Result<()> {
        while self.analyzer.events_waiting() > 0 {
            let made = std::iter::from_fn(|| self.analyzer.poll_event_with_network());
            self.events.extend(made.take(EVENTS_AT_ONCE));
            self.events.retain_mut(|(event, network)| {
                if let (Some(sockets), Some(connection)) = (&mut sockets, *network) {
                    sockets.complete(connection, event);
                }
                self.run.filter.matches(event)
                    && self.workloads.as_mut().is_none_or(|workloads| workloads.admit(event))
                    && self.run.take_one()
            });
            self.write_events()?;
        }
        Ok(())
    }

    /// Writes events that workloads held; they were filtered before that.
    fn tell_held(
        &mut self,
        mut next: impl FnMut(&mut Workloads) -> Option<TlsEvent>,
    ) -> io::Result<()> {
        while let Some(event) = self.workloads.as_mut().and_then(&mut next) {
            if self.run.take_one() {
                self.events.push((event, None));
                self.write_events()?;
            }
        }
        Ok(())
    }

    fn write_events(&mut self) -> io::Result<()> {
        for (event, _) in &self.events {
            self.tally.add(event);
        }
        for (event, _) in self.events.iter().filter(|(event, _)| self.run.is_line(event)) {
            self.run.printer.render(event, &mut self.chunk);
        }
        self.events.clear();
        if self.chunk.len() >= MAX_CHUNK_LEN {
            self.run.printer.flush(&mut self.chunk)?;
        }
        Ok(())
    }
}

/// Events made before the first of them is written: enough that the code for each step is fetched
/// once for many, and few enough that they stay in a core's second-level cache.
const EVENTS_AT_ONCE: usize = 32;

/// Lines are written in pieces of this many bytes: large enough that the system calls vanish, small
/// enough to stay in a core's cache.
const MAX_CHUNK_LEN: usize = 256 << 10;

/// All flows are visited this often, in nanoseconds: once a second is often enough for time-outs of
/// many seconds, and costs little beside the packets of that second.
const TIME_EVERY_NS: u64 = 1_000_000_000;

/// No two flows with the same ends begin within a second of each other, unless somebody forces them.
const MAX_LAG_NS: u64 = 1_000_000_000;
