//! What an agent has said and what it still has to say, over many connections.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::batch::{Batch, Contents};
use super::channel::Channel;
use super::settings::SenderSettings;
use super::spool::Spool;
use super::window::Window;
use crate::format::{Frame, Hello, Packer, Reply, Report, SessionId};

/// One life of an agent.
pub(super) struct Session {
    id: SessionId,
    shared: Arc<Shared>,
    window: Window,
    spool: Option<Spool>,
    /// The disk is left alone until then.
    spool_paused_until: Option<Instant>,
    packer: Packer,
    packed: Vec<u8>,
    flush_after: Duration,
    heartbeat: Duration,
    patience: Duration,
    /// Since when the batch that is not full waits.
    open_since: Option<Instant>,
    talk: Talk,
}

/// The state of the connection that there is.
#[derive(Debug)]
struct Talk {
    is_greeted: bool,
    /// Whether the sensor has answered more than the hello.
    is_settled: bool,
    has_said_goodbye: bool,
    /// Frames without number that go out before batches.
    first: Vec<Vec<u8>>,
    /// Replies that are to come.
    owed: usize,
    /// When the sensor last said something, or was first asked.
    heard: Instant,
    /// When a frame last went out.
    spoke: Instant,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something may be to be done then, if nothing happens before.
    Until(Instant),
    /// All is said.
    Goodbye,
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        spool: Option<Spool>,
        shared: Arc<Shared>,
        settings: &SenderSettings,
    ) -> io::Result<Self> {
        Ok(Self {
            id,
            shared,
            window: Window::default(),
            spool,
            spool_paused_until: None,
            packer: Packer::new()?,
            packed: Vec::new(),
            flush_after: settings.flush_after,
            heartbeat: settings.heartbeat,
            patience: settings.patience,
            open_since: None,
            talk: Talk::new(Instant::now()),
        })
    }

    /// Whether the sensor has said what it has.
    pub(super) const fn is_greeted(&self) -> bool {
        self.talk.is_greeted
    }

    /// Whether the sensor takes what the agent sends.
    pub(super) const fn is_settled(&self) -> bool {
        self.talk.is_settled
    }

    /// Begins on a new connection.
    pub(super) fn begin(&mut self, channel: &mut Channel, now: Instant) -> io::Result<()> {
        self.talk = Talk::new(now);
        self.window.rewind();
        let acknowledged = self.window.acknowledged();
        self.say(channel, &Frame::Hello(Hello { session: self.id, acknowledged }), now)
    }

    /// The connection is over.
    pub(super) fn end(&mut self) {
        self.talk.is_greeted = false;
    }

    /// Reads and writes what can be read and written.
    ///
    /// # Errors
    /// Why the connection is of no more use.
    pub(super) fn step(
        &mut self,
        channel: &mut Channel,
        now: Instant,
        is_ending: bool,
    ) -> Result<Step, String> {
        channel.read().map_err(|error| error.to_string())?;
        while let Some(reply) = channel.next_reply().map_err(|error| self.unheard(&error))? {
            self.hear(reply, now)?;
        }
        channel.write().map_err(|error| error.to_string())?;
        if self.talk.has_said_goodbye && self.talk.owed == 0 {
            return Ok(Step::Goodbye);
        }
        while self.talk.is_greeted && !channel.has_to_write() {
            if !self.say_next(channel, now, is_ending).map_err(|error| error.to_string())? {
                break;
            }
        }
        if self.talk.owed > 0 && now.saturating_duration_since(self.talk.heard) >= self.patience {
            return Err("the sensor does not answer".to_owned());
        }
        Ok(Step::Until(self.wake_at(now)))
    }

    /// Tells what was dropped, and moves batches to the disk where there is no room for them in memory.
    pub(super) fn tidy(&mut self, now: Instant) {
        let mut outbox = self.shared.outbox();
        outbox.pay();
        if outbox.has_open() {
            self.open_since.get_or_insert(now);
        } else {
            self.open_since = None;
        }
        drop(outbox);
        if self.spool_paused_until.is_none_or(|until| until <= now) {
            self.spool_paused_until = None;
            self.fill_spool(now);
        }
    }

    /// There is no more time: what waits is dropped.
    pub(super) fn give_up(&mut self) {
        let counters = &mut self.shared.outbox().counters;
        counters.dropped_bytes = counters.dropped_bytes.saturating_add(counters.waiting_bytes());
    }

    fn hear(&mut self, reply: Reply, now: Instant) -> Result<(), String> {
        let Some(owed) = self.talk.owed.checked_sub(1) else {
            return Err(self.improper("it says more than it was asked"));
        };
        (self.talk.owed, self.talk.heard) = (owed, now);
        let (sequence, is_new) = match reply {
            Reply::Acknowledged { sequence, is_new } => (sequence, is_new),
            Reply::Refused(refusal) => {
                let counters = &mut self.shared.outbox().counters;
                counters.refused = counters.refused.saturating_add(1);
                return Err(format!("the sensor refuses this agent: {}", refusal.name()));
            }
        };
        let is_greeting = !self.talk.is_greeted;
        if is_greeting && is_new && sequence != self.window.acknowledged() {
            return Err(self.improper("it has batches of a session that it does not know"));
        }
        let Some(acknowledged) = self.window.acknowledge(sequence) else {
            return Err(self.improper("it has batches that were not sent, or less than it had"));
        };
        let mut outbox = self.shared.outbox();
        outbox.retain(acknowledged.memory, 0);
        let counters = &mut outbox.counters;
        counters.acknowledged_batches =
            counters.acknowledged_batches.saturating_add(acknowledged.batches);
        counters.acknowledged_bytes =
            counters.acknowledged_bytes.saturating_add(acknowledged.data_bytes);
        if is_greeting {
            counters.connected = counters.connected.saturating_add(1);
            drop(outbox);
            self.talk.is_greeted = true;
            // What the sensor acknowledged just now does not go out again.
            self.window.rewind();
            if is_new {
                self.talk.first = self.window.reopenings();
            }
        } else {
            outbox.pay();
            drop(outbox);
            self.talk.is_settled = true;
        }
        Ok(())
    }

    /// Says what is next; false if that is nothing.
    fn say_next(
        &mut self,
        channel: &mut Channel,
        now: Instant,
        is_ending: bool,
    ) -> io::Result<bool> {
        if self.talk.has_said_goodbye {
            return Ok(false);
        }
        if let Some(batch) = self.talk.first.pop() {
            self.packed.clear();
            self.packer.pack(&batch, &mut self.packed)?;
            let (packed, len) = (std::mem::take(&mut self.packed), len_of(&batch));
            self.say(channel, &Frame::Known { len, packed: &packed }, now)?;
            self.packed = packed;
            return Ok(true);
        }
        if let Some(frame) = self.window.next_frame() {
            let sent = u64::try_from(frame.len()).unwrap_or(u64::MAX);
            channel.send(frame)?;
            self.talk.said(now);
            let counters = &mut self.shared.outbox().counters;
            counters.sent_bytes = counters.sent_bytes.saturating_add(sent);
            return Ok(true);
        }
        if !self.window.is_full() && self.load(now, is_ending)? {
            return Ok(true);
        }
        if is_ending && self.is_done() {
            let report = self.report();
            self.talk.has_said_goodbye = true;
            self.say(channel, &Frame::Goodbye(report), now)?;
            return Ok(true);
        }
        if now.saturating_duration_since(self.talk.spoke) >= self.heartbeat {
            let report = self.report();
            self.say(channel, &Frame::Heartbeat(report), now)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Puts the next batch into the window; false if there is none yet.
    fn load(&mut self, now: Instant, is_ending: bool) -> io::Result<bool> {
        if let Some(spooled) = self.spool.as_mut().and_then(Spool::pop) {
            let contents = Contents::of(&spooled.records).unwrap_or_default();
            let lost = spooled.data_bytes.saturating_sub(contents.data_bytes);
            if spooled.records.is_empty() || lost > 0 {
                let counters = &mut self.shared.outbox().counters;
                counters.spool_errors = counters.spool_errors.saturating_add(1);
                counters.dropped_bytes = counters.dropped_bytes.saturating_add(lost);
            }
            if !spooled.records.is_empty() {
                self.push(Batch { records: spooled.records, contents }, 0)?;
            }
            return Ok(true);
        }
        let is_due = is_ending
            || self
                .open_since
                .is_some_and(|since| now.saturating_duration_since(since) >= self.flush_after);
        let Some(batch) = self.shared.outbox().take(is_due) else { return Ok(false) };
        self.open_since = None;
        let before = batch.records.len();
        self.push(batch, before)?;
        Ok(true)
    }

    fn push(&mut self, batch: Batch, before: usize) -> io::Result<()> {
        self.packed.clear();
        self.packer.pack(&batch.records, &mut self.packed)?;
        let (sequence, len) = (self.window.next_sequence(), len_of(&batch.records));
        let mut frame = Vec::with_capacity(self.packed.len().saturating_add(64));
        Frame::Batch { sequence, len, packed: &self.packed }.put(&mut frame);
        self.shared.outbox().retain(before, frame.capacity());
        self.window.push(frame, batch.contents);
        Ok(())
    }

    fn fill_spool(&mut self, now: Instant) {
        let can_send = self.talk.is_greeted && !self.window.is_full();
        let Some(spool) = &mut self.spool else { return };
        if can_send && spool.is_empty() {
            return;
        }
        loop {
            let mut outbox = self.shared.outbox();
            if !outbox.is_half_full() || outbox.full() == 0 {
                return;
            }
            let Some(batch) = outbox.take(false) else { return };
            drop(outbox);
            let pushed = spool.push(&batch.records, batch.contents.data_bytes);
            let evicted = spool.take_evicted();
            let mut outbox = self.shared.outbox();
            let counters = &mut outbox.counters;
            counters.evicted_bytes = counters.evicted_bytes.saturating_add(evicted);
            counters.dropped_bytes = counters.dropped_bytes.saturating_add(evicted);
            if let Ok(true) = pushed {
                counters.spooled_batches = counters.spooled_batches.saturating_add(1);
                outbox.retain(batch.records.len(), 0);
                continue;
            }
            if pushed.is_err() {
                counters.spool_errors = counters.spool_errors.saturating_add(1);
            }
            outbox.put_back(batch);
            self.spool_paused_until = Some(now + SPOOL_PAUSE);
            return;
        }
    }

    fn say(&mut self, channel: &mut Channel, frame: &Frame<'_>, now: Instant) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.put(&mut bytes);
        channel.send(&bytes)?;
        self.talk.said(now);
        let counters = &mut self.shared.outbox().counters;
        let sent = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        counters.sent_bytes = counters.sent_bytes.saturating_add(sent);
        Ok(())
    }

    /// Why there is no reply.
    fn unheard(&self, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            "the sensor closed the connection".to_owned()
        } else {
            self.improper(&error.to_string())
        }
    }

    fn improper(&self, what: &str) -> String {
        let counters = &mut self.shared.outbox().counters;
        counters.improper_replies = counters.improper_replies.saturating_add(1);
        format!("the sensor misbehaves: {what}")
    }

    fn report(&self) -> Report {
        let counters = self.shared.outbox().counters;
        Report {
            seen_bytes: counters.seen_bytes,
            dropped_bytes: counters.dropped_bytes,
            untold_connections: counters.untold_connections,
        }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_done(&self) -> bool {
        self.window.is_empty()
            && self.spool.as_ref().is_none_or(Spool::is_empty)
            && self.shared.outbox().is_empty()
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let mut at = self.talk.spoke + self.heartbeat;
        if self.talk.owed > 0 {
            at = at.min(self.talk.heard + self.patience);
        }
        if let Some(since) = self.open_since {
            at = at.min(since + self.flush_after);
        }
        // What is due and cannot be sent waits for the socket or for a reply.
        if at <= now { now + self.flush_after.max(LEAST_WAIT) } else { at }
    }
}

impl Talk {
    const fn new(now: Instant) -> Self {
        Self {
            is_greeted: false,
            is_settled: false,
            has_said_goodbye: false,
            first: Vec::new(),
            owed: 0,
            heard: now,
            spoke: now,
        }
    }

    /// A frame went out, to which there will be a reply.
    fn said(&mut self, now: Instant) {
        if self.owed == 0 {
            self.heard = now;
        }
        self.owed = self.owed.saturating_add(1);
        self.spoke = now;
    }
}

fn len_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A disk that has no room for one batch has none for the next.
const SPOOL_PAUSE: Duration = Duration::from_secs(1);

const LEAST_WAIT: Duration = Duration::from_millis(1);
