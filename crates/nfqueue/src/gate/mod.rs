//! Which packets wait, and until when.

mod action;
mod counts;
mod limits;
mod reading;
mod segment;
mod sessions;
mod track;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use flow::Engine;
use handover::{Admission, Breaker, Hold, Label, OnDeadline, OnTrip};
use wire::{LinkType, Packet, TcpFlags};

use crate::message::{Hook, QueuedPacket};
use crate::reset::Reset;
pub use action::{Action, Fate, Greeting, Told};
pub use counts::GateCounts;
pub use limits::Limits;
use reading::Readings;
use segment::{Key, Segment};
use sessions::Sessions;
use track::{State, Track};

/// Holds packets until the secrets of their sessions are acknowledged. `O` is whose secrets they are, as the
/// caller knows it.
///
/// Of each session it holds the first packet that leaves this host with a protected record, and all that its
/// side sends behind that. A server's waits twice if it has the client's secret later than its own. Each call
/// is to be followed by [`Self::next_action`] until there is none.
pub struct Gate<O> {
    hold: Hold,
    limits: Limits,
    breaker: Breaker,
    engine: Engine<Readings>,
    tracks: HashMap<Key, Track>,
    /// In the order in which they began.
    order: VecDeque<Key>,
    by_random: HashMap<[u8; 32], Vec<Key>>,
    sessions: Sessions<O>,
    deadlines: BTreeSet<(u64, Key)>,
    held: usize,
    actions: VecDeque<Action<O>>,
    counts: GateCounts,
}

impl<O: Clone> Gate<O> {
    /// One that waits as `hold` says.
    #[must_use]
    pub fn new(hold: Hold, limits: Limits) -> Self {
        let mut of_flows = flow::Limits::for_memory(limits.memory_bytes);
        of_flows.hash_seed = limits.hash_seed;
        Self {
            hold,
            limits,
            breaker: Breaker::new(),
            engine: Engine::new(Readings::default(), of_flows),
            tracks: HashMap::new(),
            order: VecDeque::new(),
            by_random: HashMap::new(),
            sessions: Sessions::new(limits.max_sessions),
            deadlines: BTreeSet::new(),
            held: 0,
            actions: VecDeque::new(),
            counts: GateCounts::default(),
        }
    }

    /// Takes a packet. `now_ns` is the time in nanoseconds of a clock that does not go back.
    pub fn take_packet(&mut self, now_ns: u64, packet: &QueuedPacket<'_>) {
        let counts = &mut self.counts;
        counts.packets += 1;
        let Some(segment) = Segment::parse(packet) else {
            counts.not_tcp += 1;
            return self.accept(packet.id, false);
        };
        if packet.hook == Hook::Forward {
            counts.forwarded += 1;
            return self.accept(packet.id, true);
        }
        let key = segment.key();
        if segment.is_first() && !self.begins(key, &segment, packet.hook) {
            return self.accept(packet.id, false);
        }
        let offered = self.tracks.get(&key).and_then(|track| track.accepted(&segment, packet.hook));
        if let Some(offered) = offered {
            self.begin(key, &offered);
        }
        let Some(track) = self.tracks.get_mut(&key) else {
            self.counts.unknown += u64::from(segment.len > 0);
            return self.accept(packet.id, true);
        };
        let side = track.side(&segment);
        track.note(side, &segment, packet.hook.is_outgoing());
        match track.state {
            State::Free => self.accept(packet.id, true),
            State::Aborted => {
                let is_reset = segment.flags.contains(TcpFlags::RST);
                if packet.hook.is_outgoing() && !is_reset {
                    self.actions.push_back(Action::Drop { id: packet.id });
                } else {
                    self.accept(packet.id, false);
                }
            }
            State::Followed | State::Waiting { .. } => {
                self.read(now_ns, key, packet);
                self.pass_or_hold(now_ns, key, side, &segment, packet);
            }
        }
        // What a peer sends may not count for this host, and what is aborted stays so.
        let is_reset = packet.hook.is_outgoing() && segment.flags.contains(TcpFlags::RST);
        let is_over = |track: &Track| {
            let is_aborted = track.state == State::Aborted;
            !is_aborted && (track.is_over() || (is_reset && track.held.is_empty()))
        };
        if self.tracks.get(&key).is_some_and(is_over) {
            self.forget(key);
        }
    }

    /// Takes note that a secret of a session was taken from a program of this host.
    pub fn take_note(&mut self, now_ns: u64, random: &[u8; 32], label: Label, owner: O) {
        let session = self.sessions.of(now_ns, random);
        session.take(label);
        session.owner.get_or_insert(owner);
    }

    /// A secret is where it is to be.
    pub fn acknowledge(&mut self, now_ns: u64, random: &[u8; 32], label: Label) {
        self.sessions.of(now_ns, random).acknowledge(label);
        for key in self.by_random.get(random).cloned().unwrap_or_default() {
            self.settle(key);
        }
    }

    /// A secret is not told, because no rule allows that. Its session does not wait.
    pub fn deny(&mut self, now_ns: u64, random: &[u8; 32]) {
        self.sessions.of(now_ns, random).is_denied = true;
        for key in self.by_random.get(random).cloned().unwrap_or_default() {
            self.settle(key);
        }
    }

    /// Takes note of the time.
    pub fn time_out(&mut self, now_ns: u64) {
        while let Some((until_ns, key)) = self.deadlines.first().copied() {
            if until_ns > now_ns {
                break;
            }
            self.deadlines.pop_first();
            self.give_up(now_ns, key);
        }
    }

    /// Lets all go on that waits: the gate is to end.
    pub fn open(&mut self) {
        while let Some((_, key)) = self.deadlines.pop_first() {
            self.end(key, Fate::Opened);
        }
    }

    /// When [`Self::time_out`] is to be called, in nanoseconds.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.deadlines.first().map(|(until_ns, _)| *until_ns)
    }

    /// What is to be done next.
    pub fn next_action(&mut self) -> Option<Action<O>> {
        self.actions.pop_front()
    }

    /// What it has met.
    #[must_use]
    pub const fn counts(&self) -> &GateCounts {
        &self.counts
    }

    fn accept(&mut self, id: u32, is_done: bool) {
        self.actions.push_back(Action::Accept { id, is_done });
    }

    /// Whether a connection begins with a first segment. One that comes in may be for nobody while there is
    /// another between the same ports; if it is not, this host answers it.
    fn begins(&mut self, key: Key, segment: &Segment, hook: Hook) -> bool {
        match self.tracks.get_mut(&key) {
            Some(track) if !hook.is_outgoing() && track.state != State::Free => {
                track.offer(segment);
                false
            }
            _ => {
                self.begin(key, segment);
                true
            }
        }
    }

    /// A connection begins, unless this is a copy of its first segment.
    fn begin(&mut self, key: Key, segment: &Segment) {
        if self.tracks.get(&key).is_some_and(|track| track.was_begun_by(segment)) {
            return;
        }
        self.forget(key);
        self.make_room();
        self.tracks.insert(key, Track::new(segment));
        self.order.push_back(key);
    }

    fn make_room(&mut self) {
        // Those that are gone are still in the order.
        for _ in 0..self.order.len() {
            if self.tracks.len() < self.limits.max_flows
                && self.order.len() < self.limits.max_flows * 2
            {
                return;
            }
            let Some(oldest) = self.order.pop_front() else { return };
            match self.tracks.get(&oldest).map(|track| track.state) {
                None => {}
                Some(State::Waiting { .. }) => self.order.push_back(oldest),
                Some(State::Followed | State::Free | State::Aborted) => {
                    self.counts.evicted += 1;
                    self.forget(oldest);
                }
            }
        }
    }

    fn forget(&mut self, key: Key) {
        let Some(track) = self.tracks.remove(&key) else { return };
        if let State::Waiting { until_ns } = track.state {
            self.deadlines.remove(&(until_ns, key));
        }
        self.held = self.held.saturating_sub(track.held.len());
        // What waits belongs to a connection that has begun anew: nobody expects it any more.
        self.actions.extend(track.held.iter().map(|held| Action::Drop { id: held.id }));
        let Some(random) = track.client.map(|client| client.random) else { return };
        if let Some(keys) = self.by_random.get_mut(&random) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_random.remove(&random);
            }
        }
    }

    /// Has the reader of flows look at a packet, and takes note of what it has learned.
    fn read(&mut self, now_ns: u64, key: Key, packet: &QueuedPacket<'_>) {
        let local = self.tracks.get(&key).and_then(|track| track.local);
        self.engine.application_mut().expect(local);
        self.engine.handle_packet(&Packet {
            timestamp_ns: i64::try_from(now_ns).unwrap_or(i64::MAX),
            link_type: LinkType::RAW,
            wire_len: u32::try_from(packet.len).unwrap_or(u32::MAX),
            bytes: packet.bytes,
        });
        let Some(news) = self.engine.application_mut().take_news() else { return };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let was_lost = track.seen.is_lost;
        if track.client.is_some() && news.seen.client.is_none() {
            // The reader has begun anew, and does not know what it reads.
            track.seen.is_lost = true;
        } else {
            track.seen = news.seen;
        }
        self.counts.lost += u64::from(track.seen.is_lost && !was_lost);
        if let Some(client) = news.client {
            let keys = self.by_random.entry(client.random).or_default();
            if keys.len() < MAX_OF_RANDOM {
                keys.push(key);
            }
            track.client = Some(client);
        }
        if news.server.is_some() {
            track.server = news.server;
            self.actions.extend(greeting(track).map(Action::Greeting));
        }
        if track.seen.is_other {
            self.counts.not_tls += 1;
            self.free(key);
        } else if let Some(track) = self.tracks.get_mut(&key) {
            let clear = track.take_clear();
            self.held = self.held.saturating_sub(clear.len());
            self.actions
                .extend(clear.iter().map(|it| Action::Accept { id: it.id, is_done: false }));
        }
    }

    fn pass_or_hold(
        &mut self,
        now_ns: u64,
        key: Key,
        side: usize,
        segment: &Segment,
        packet: &QueuedPacket<'_>,
    ) {
        let is_free = self.is_free(key, side);
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if !packet.hook.is_outgoing() || track.state == State::Free {
            return self.accept(packet.id, false);
        }
        if !track.is_critical(side, segment) {
            return self.accept(packet.id, false);
        }
        if is_free && track.held.is_empty() {
            self.note_free(key);
            return self.accept(packet.id, false);
        }
        track.hold(packet.id, side, segment);
        self.held += 1;
        self.counts.held += 1;
        let has_room =
            self.held <= self.limits.max_held && track.held.len() <= self.limits.max_held_of_flow;
        if track.state == State::Followed {
            let Hold { breaker, pause, deadline, .. } = self.hold;
            if self.breaker.admit(breaker, pause, now_ns) == Admission::Tripped {
                let on_trip = match self.hold.on_trip {
                    OnTrip::Open => Fate::Opened,
                    OnTrip::Refuse => Fate::Refused,
                };
                return self.end(key, on_trip);
            }
            let until_ns = now_ns.saturating_add(nanoseconds(deadline));
            track.state = State::Waiting { until_ns };
            self.deadlines.insert((until_ns, key));
        }
        if !has_room {
            self.counts.no_room += 1;
            self.end(key, self.on_deadline());
        }
    }

    /// Whether a packet of a side does not have to wait.
    fn is_free(&self, key: Key, side: usize) -> bool {
        let Some(track) = self.tracks.get(&key) else { return false };
        let Some(client) = &track.client else { return false };
        let Some(session) = self.sessions.get(&client.random) else { return false };
        session.is_denied || session.allows(track.needs(side))
    }

    /// Lets a flow go on whose packets need not wait any longer.
    fn settle(&mut self, key: Key) {
        let Some(track) = self.tracks.get(&key) else { return };
        let State::Waiting { until_ns } = track.state else { return };
        if !track.held.iter().all(|held| self.is_free(key, held.side)) {
            return;
        }
        self.deadlines.remove(&(until_ns, key));
        self.release(key, State::Followed);
        if !self.note_free(key) {
            self.breaker.succeed(self.hold.breaker);
            self.counts.acknowledged += 1;
        }
    }

    /// Takes note that packets do not have to wait, and that none will if nothing else is waited for; whether
    /// that is because rules keep the secrets back.
    fn note_free(&mut self, key: Key) -> bool {
        let random =
            self.tracks.get(&key).and_then(|track| track.client.as_ref()).map(|it| it.random);
        let Some(session) = random.and_then(|random| self.sessions.get(&random)) else {
            return false;
        };
        let is_denied = session.is_denied;
        self.counts.denied += u64::from(is_denied);
        if is_denied || session.is_whole() {
            self.free(key);
        }
        is_denied
    }

    /// A flow has waited in vain.
    fn give_up(&mut self, now_ns: u64, key: Key) {
        let Some(track) = self.tracks.get(&key) else { return };
        let random = track.client.as_ref().map(|client| client.random);
        let session = random.and_then(|random| self.sessions.get(&random));
        if session.is_some_and(|session| session.is_taken()) {
            self.breaker.fail(self.hold.breaker, self.hold.pause, now_ns);
        } else {
            // That nobody takes its secrets says nothing of those who are told them.
            self.counts.untaken += 1;
        }
        self.end(key, self.on_deadline());
    }

    const fn on_deadline(&self) -> Fate {
        match self.hold.on_deadline {
            OnDeadline::Open => Fate::Opened,
            OnDeadline::Abort => Fate::Aborted,
        }
    }

    /// A session does not wait any longer, and tells so.
    fn end(&mut self, key: Key, fate: Fate) {
        let Some(track) = self.tracks.get(&key) else { return };
        if let State::Waiting { until_ns } = track.state {
            self.deadlines.remove(&(until_ns, key));
        }
        let client_random = track.client.as_ref().map(|client| client.random);
        let session = client_random.and_then(|random| self.sessions.get(&random));
        let owner = session.and_then(|session| session.owner.clone());
        *match fate {
            Fate::Opened => &mut self.counts.opened,
            Fate::Aborted => &mut self.counts.aborted,
            Fate::Refused => &mut self.counts.refused,
        } += 1;
        match fate {
            Fate::Opened => self.free(key),
            Fate::Aborted | Fate::Refused => self.abort(key),
        }
        self.actions.push_back(Action::Told(Told { client_random, owner, fate }));
    }

    fn free(&mut self, key: Key) {
        self.release(key, State::Free);
    }

    /// Accepts what waits, in its order.
    fn release(&mut self, key: Key, state: State) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.state = state;
        let held = std::mem::take(&mut track.held);
        self.held = self.held.saturating_sub(held.len());
        self.actions.extend(held.iter().map(|it| Action::Accept { id: it.id, is_done: false }));
    }

    /// Drops what waits, and ends the connection.
    fn abort(&mut self, key: Key) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.state = State::Aborted;
        let held = std::mem::take(&mut track.held);
        self.held = self.held.saturating_sub(held.len());
        self.actions.extend(held.iter().map(|it| Action::Drop { id: it.id }));
        let [initiator, responder] = track.ends;
        // The first of them begins with what the peer expects, unless it has been sent again.
        let first = held.iter().min_by(|one, other| one.sequence.order(other.sequence));
        if let Some(first) = first {
            let (local, peer) =
                if first.side == 0 { (initiator, responder) } else { (responder, initiator) };
            let last = held.last().unwrap_or(first);
            self.actions.push_back(Action::Reset(Reset {
                local,
                peer,
                local_next: first.sequence,
                peer_next: last.acknowledgment,
            }));
        }
    }
}

/// What both hellos said, if both are known.
fn greeting(track: &Track) -> Option<Greeting> {
    let (client, server) = (track.client.as_ref()?, track.server?);
    let (sender, here) = (track.seen.client?, track.local?);
    let [initiator, responder] = track.ends;
    let (local, peer) = if here == 0 { (initiator, responder) } else { (responder, initiator) };
    Some(Greeting {
        client_random: client.random,
        server_random: server.random,
        server_name: client.server_name.clone(),
        version: server.version,
        cipher_suite: server.cipher_suite,
        is_client_here: sender == here,
        local,
        peer,
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Both ends of a session at this host, and some that somebody has sent again.
const MAX_OF_RANDOM: usize = 8;
