//! A connection with one or both of its ends on this host.

use std::net::SocketAddr;

use event::Transport;
use wire::{SeqNumber, TcpFlags};

use crate::ends::Headers;
use crate::finished::{Finished, flow_key};
use crate::record::{PacketRecord, ProcessKey};

/// A connection, as its local sockets see it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    transport: Transport,
    /// The socket that was seen first: its packets are analysed.
    first: Side,
    /// The socket of the other end, if that is local too: the same packets once more.
    second: Option<Side>,
    /// First number of the side that opened it, if its SYN was seen.
    initial: Option<SeqNumber>,
    /// Number of the last segment from the first side, and from the other.
    latest: [Option<SeqNumber>; 2],
    /// When the last packet came, in nanoseconds since the machine started.
    pub(crate) last_seen: u64,
    has_payload: bool,
    /// Whether no more of it is wanted.
    pub(crate) is_done: bool,
    /// Packets that the ring had no room for.
    pub(crate) lost: u32,
}

/// One end on this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    view: View,
    /// Number of its socket; a socket that listens is not yet its own.
    pub(crate) cookie: Option<u64>,
    pub(crate) cgroup: u64,
    /// The process that sent payload; before that, the one that sent anything.
    pub(crate) sender: Option<ProcessKey>,
    has_sent_payload: bool,
    was_first: bool,
}

/// From where a packet is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) netns: u32,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// Which socket of a connection a packet is seen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeenAt {
    First,
    Second,
}

impl View {
    pub(crate) fn of(packet: &PacketRecord<'_>, headers: &Headers) -> Self {
        let (local, remote) = if packet.is_ingress {
            (headers.destination, headers.source)
        } else {
            (headers.source, headers.destination)
        };
        Self { netns: packet.netns, local, remote }
    }

    fn is_opposite_of(&self, other: &Self) -> bool {
        self.local == other.remote && self.remote == other.local
    }
}

impl Connection {
    pub(crate) fn new(view: View, headers: &Headers) -> Self {
        Self {
            transport: headers.transport,
            first: Side::new(view),
            second: None,
            initial: None,
            latest: [None; 2],
            last_seen: 0,
            has_payload: false,
            is_done: false,
            lost: 0,
        }
    }

    /// Whether a packet belongs to this connection, and at which of its sockets it is seen.
    pub(crate) fn recognise(
        &self,
        view: &View,
        packet: &PacketRecord<'_>,
        headers: &Headers,
    ) -> Option<SeenAt> {
        if headers.transport != self.transport || self.is_begun_anew_by(headers) {
            return None;
        }
        let known = [(Some(&self.first), SeenAt::First), (self.second.as_ref(), SeenAt::Second)];
        for (side, seen_at) in known {
            if side.is_some_and(|side| side.view == *view) {
                let has_begun = side.is_some_and(|side| side.was_first);
                let begins_anew = packet.is_first && has_begun && self.is_past(packet.time);
                return (!begins_anew).then_some(seen_at);
            }
        }
        let is_other_end = self.second.is_none()
            && view.is_opposite_of(&self.first.view)
            && (view.netns == self.first.view.netns || self.is_in_step(headers));
        is_other_end.then_some(SeenAt::Second)
    }

    /// Takes note of a packet that was recognised.
    pub(crate) fn note(
        &mut self,
        seen_at: SeenAt,
        view: View,
        packet: &PacketRecord<'_>,
        headers: &Headers,
    ) {
        self.last_seen = packet.time;
        self.lost = self.lost.saturating_add(packet.lost);
        self.has_payload |= headers.has_payload(packet);
        if let (SeenAt::First, Some(tcp)) = (seen_at, headers.tcp) {
            let [first, other] = &mut self.latest;
            let sender = if headers.source == self.first.view.local { first } else { other };
            *sender = Some(tcp.sequence);
            if is_opening(tcp.flags) {
                self.initial = Some(tcp.sequence);
            }
        }
        let side = match seen_at {
            SeenAt::First => &mut self.first,
            SeenAt::Second => self.second.get_or_insert_with(|| Side::new(view)),
        };
        side.note(packet, headers);
    }

    /// The side at this address, if it is local.
    pub(crate) fn side_at(&self, address: SocketAddr) -> Option<&Side> {
        self.sides().find(|side| side.view.local == address)
    }

    /// What the kernel's side has of it.
    pub(crate) fn finished(&self) -> impl Iterator<Item = Finished> {
        self.sides().filter_map(|side| {
            let cookie = side.cookie?;
            Some(match self.transport {
                Transport::Tcp => Finished::Socket(cookie),
                Transport::Udp => {
                    Finished::Flow(flow_key(cookie, side.view.remote), self.last_seen)
                }
            })
        })
    }

    /// Whether a session that was reported is all there is to it: datagrams go on with the next.
    pub(crate) const fn ends_with_its_session(&self) -> bool {
        matches!(self.transport, Transport::Tcp)
    }

    /// Whether there was payload of it.
    pub(crate) const fn has_payload(&self) -> bool {
        self.has_payload
    }

    /// The local sides.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// Whether a hello of this time is none of its session's.
    fn is_past(&self, time: u64) -> bool {
        self.is_done || time.saturating_sub(self.last_seen) > NEW_SESSION_NS
    }

    fn is_begun_anew_by(&self, headers: &Headers) -> bool {
        headers.tcp.is_some_and(|tcp| is_opening(tcp.flags) && self.initial != Some(tcp.sequence))
            && self.latest.iter().any(Option::is_some)
    }

    /// Whether a packet seen in another network namespace may be of this connection. Equal addresses
    /// there need not be the same hosts; equal places in the streams are hardly an accident.
    fn is_in_step(&self, headers: &Headers) -> bool {
        if headers.source.ip().is_loopback() {
            return false;
        }
        let Some(tcp) = headers.tcp else { return true };
        let [first, other] = self.latest;
        let latest = if headers.source == self.first.view.local { first } else { other };
        match latest {
            Some(latest) => tcp.sequence.ahead_of(latest).unsigned_abs() < MAX_STEP,
            None => self.initial.is_some(),
        }
    }
}

impl Side {
    const fn new(view: View) -> Self {
        Self {
            view,
            cookie: None,
            cgroup: 0,
            sender: None,
            has_sent_payload: false,
            was_first: false,
        }
    }

    pub(crate) const fn netns(&self) -> u32 {
        self.view.netns
    }

    fn note(&mut self, packet: &PacketRecord<'_>, headers: &Headers) {
        self.was_first |= packet.is_first;
        self.cgroup = packet.cgroup;
        if !packet.is_listener {
            self.cookie = Some(packet.cookie);
        }
        if let Some(sender) = packet.sender
            && !self.has_sent_payload
        {
            self.sender = Some(sender);
            self.has_sent_payload = headers.has_payload(packet);
        }
    }
}

const fn is_opening(flags: TcpFlags) -> bool {
    flags.contains(TcpFlags::SYN) && !flags.contains(TcpFlags::ACK)
}

/// What one socket sees and another does not yet is at most what is in flight; a window of a
/// mebibyte is rare in a handshake, and chance meets it once in two thousand.
const MAX_STEP: u32 = 1 << 20;

/// Longer than retransmissions of a hello lie apart at the beginning of a handshake, in nanoseconds.
const NEW_SESSION_NS: u64 = 1_000_000_000;
