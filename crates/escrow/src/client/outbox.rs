//! What waits to be delivered, and how far it has come.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use secrets::ShortText;

use super::{Outcome, RefusedDelivery, Sealed, Wait};
use crate::wire::{Frame, IncidentKind, Refusal, Wake};

/// Deliveries that are not on the disk of the service.
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
    max_bytes: usize,
    pub(super) wake: Arc<Wake>,
    pub(super) is_over: AtomicBool,
}

/// What was pushed.
pub(super) struct Pushed {
    pub(super) sequence: u64,
    /// Monitors that it is for.
    pub(super) monitors: usize,
}

/// Counts, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Deliveries that were sealed.
    pub delivered: u64,
    /// Those of them that are on the disk of the service.
    pub durable: u64,
    /// Those that did not come to a monitor that they were for.
    pub missed: u64,
    /// What was told and could not be sealed or kept.
    pub lost: u64,
    /// Connections that broke.
    pub disconnected: u64,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
    /// Of the deliveries, how many were sent on this connection.
    sent: usize,
    incidents: VecDeque<Told>,
    last: u64,
    is_connected: bool,
    /// By [`Wait`]: all up to this one have come so far, on this connection or one before.
    received: u64,
    durable: u64,
    live: u64,
    missed: VecDeque<u64>,
    refusal: Option<Refusal>,
    counters: ClientCounters,
    waiting: usize,
}

struct Delivery {
    sequence: u64,
    frame: Box<[u8]>,
    contexts: Vec<Arc<[u8]>>,
}

struct Told {
    kind: IncidentKind,
    client_random: Option<[u8; 32]>,
    reason: ShortText,
    sessions: u32,
}

/// Something to send.
pub(super) enum Next<'a> {
    /// A delivery, and what has to be told before it.
    Delivery { contexts: &'a [Arc<[u8]>], frame: &'a [u8] },
    /// A frame.
    Frame(Frame<'a>),
}

impl Outbox {
    pub(super) fn new(max_bytes: usize) -> io::Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            max_bytes,
            wake: Arc::new(Wake::new()?),
            is_over: AtomicBool::new(false),
        })
    }

    /// Puts a delivery behind those that wait; `None` if there is no room.
    pub(super) fn push(&self, sealed: Sealed) -> Option<Pushed> {
        let Sealed { client_random, archive, live, contexts, monitors } = sealed;
        let mut frame = Vec::with_capacity(archive.len() + live.len() + FRAME_OVERHEAD);
        Frame::Deliver { sequence: 0, client_random, archive: &archive, live: &live }
            .put(&mut frame);
        let mut state = self.state();
        if state.bytes.saturating_add(frame.len()) > self.max_bytes {
            return None;
        }
        let sequence = state.last.saturating_add(1);
        state.last = sequence;
        if let Some(place) = frame.get_mut(SEQUENCE_AT..SEQUENCE_AT + 8) {
            place.copy_from_slice(&sequence.to_be_bytes());
        }
        state.bytes = state.bytes.saturating_add(frame.len());
        state.counters.delivered = state.counters.delivered.saturating_add(1);
        state.deliveries.push_back(Delivery { sequence, frame: frame.into(), contexts });
        drop(state);
        self.wake.set();
        Some(Pushed { sequence, monitors })
    }

    pub(super) fn push_incident(
        &self,
        kind: IncidentKind,
        sessions: u32,
        client_random: Option<&[u8; 32]>,
        reason: &str,
    ) {
        let reason = ShortText::new(reason);
        let mut state = self.state();
        if state.incidents.len() < MAX_INCIDENTS {
            let client_random = client_random.copied();
            state.incidents.push_back(Told { kind, client_random, reason, sessions });
        } else {
            // There is no room for each; how many they were is kept.
            let same = |told: &&mut Told| told.kind == kind && told.reason == reason;
            let found = state.incidents.iter_mut().rev().find(same);
            match found {
                Some(told) => {
                    told.sessions = told.sessions.saturating_add(sessions);
                    told.client_random = None;
                }
                None => {
                    if let Some(told) = state.incidents.back_mut() {
                        told.sessions = told.sessions.saturating_add(sessions);
                        told.client_random = None;
                    }
                }
            }
        }
        drop(state);
        self.wake.set();
    }

    pub(super) fn count_lost(&self) {
        let mut state = self.state();
        state.counters.lost = state.counters.lost.saturating_add(1);
    }

    pub(super) fn counters(&self) -> ClientCounters {
        self.state().counters
    }

    pub(super) fn is_connected(&self) -> bool {
        self.state().is_connected
    }

    /// Waits for a delivery to come so far.
    pub(super) fn wait(&self, sequence: u64, wait: Wait, deadline: Instant) -> Outcome {
        let mut state = self.state();
        loop {
            let come = match wait {
                Wait::None => return Outcome::Acknowledged(Wait::None),
                Wait::Received => state.received,
                Wait::Durable => state.durable,
                Wait::Live if state.missed.contains(&sequence) => {
                    return Outcome::Refused(RefusedDelivery::Missed);
                }
                Wait::Live => state.live,
            };
            if come >= sequence {
                return Outcome::Acknowledged(wait);
            }
            if !state.is_connected {
                let refused = state.refusal.map(RefusedDelivery::Service);
                return Outcome::Refused(refused.unwrap_or(RefusedDelivery::Disconnected));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Outcome::Deadline;
            }
            state.waiting = state.waiting.saturating_add(1);
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting = state.waiting.saturating_sub(1);
        }
    }

    /// Waits until nothing is left that is not on the disk of the service.
    pub(super) fn drain(&self, deadline: Instant) -> bool {
        let mut state = self.state();
        while !(state.deliveries.is_empty() && state.incidents.is_empty()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state.waiting = state.waiting.saturating_add(1);
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting = state.waiting.saturating_sub(1);
        }
        true
    }

    /// A connection is there: all that waits is sent on it.
    pub(super) fn connected(&self) {
        let mut state = self.state();
        (state.is_connected, state.sent, state.refusal) = (true, 0, None);
        drop(state);
        self.changed.notify_all();
    }

    /// The connection is gone.
    pub(super) fn disconnected(&self, refusal: Option<Refusal>) {
        let mut state = self.state();
        if state.is_connected {
            state.counters.disconnected = state.counters.disconnected.saturating_add(1);
        }
        (state.is_connected, state.sent, state.refusal) = (false, 0, refusal);
        drop(state);
        self.changed.notify_all();
    }

    /// Hands on what was not sent yet, as long as `send` wants more.
    pub(super) fn each_unsent(&self, send: &mut dyn FnMut(Next<'_>) -> bool) {
        let mut state = self.state();
        let state = &mut *state;
        for delivery in state.deliveries.range(state.sent.min(state.deliveries.len())..) {
            let Delivery { contexts, frame, .. } = delivery;
            state.sent = state.sent.saturating_add(1);
            if !send(Next::Delivery { contexts, frame }) {
                return;
            }
        }
        while let Some(told) = state.incidents.pop_front() {
            let Told { kind, client_random, reason, sessions } = told;
            if !send(Next::Frame(Frame::Incident { kind, sessions, client_random, reason })) {
                break;
            }
        }
        if state.deliveries.is_empty() && state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Whether something is not sent yet.
    pub(super) fn has_unsent(&self) -> bool {
        let state = self.state();
        state.sent < state.deliveries.len() || !state.incidents.is_empty()
    }

    /// Takes what the service acknowledged.
    pub(super) fn acknowledged(&self, received: u64, durable: u64, live: u64) {
        let mut state = self.state();
        let last = state.last;
        let take = |known: &mut u64, told: u64| *known = (*known).max(told.min(last));
        take(&mut state.received, received);
        take(&mut state.durable, durable);
        take(&mut state.live, live);
        let durable = state.durable;
        while state.deliveries.front().is_some_and(|first| first.sequence <= durable) {
            if let Some(first) = state.deliveries.pop_front() {
                state.bytes = state.bytes.saturating_sub(first.frame.len());
                state.sent = state.sent.saturating_sub(1);
                state.counters.durable = state.counters.durable.saturating_add(1);
            }
        }
        let has_waiting = state.waiting > 0;
        drop(state);
        if has_waiting {
            self.changed.notify_all();
        }
    }

    /// Takes note that a delivery did not come to all monitors.
    pub(super) fn missed(&self, sequence: u64) {
        let mut state = self.state();
        state.counters.missed = state.counters.missed.saturating_add(1);
        state.missed.push_back(sequence);
        if state.missed.len() > MAX_MISSED {
            state.missed.pop_front();
        }
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a delivery takes beside its records.
const FRAME_OVERHEAD: usize = 64;

/// Behind length and kind.
const SEQUENCE_AT: usize = 5;

/// Incidents that wait one by one; behind them there are only numbers.
const MAX_INCIDENTS: usize = 1024;

/// Deliveries that somebody may still wait for.
const MAX_MISSED: usize = 4096;
