//! The QUIC connections of one five-tuple.

use arrayvec::ArrayVec;
use wire::Reader;

use crate::connection::{Connection, Keys};
use crate::connection_id::ConnectionId;
use crate::event::{Anomaly, Event, Protected, Side, Space, Unread, Versions, Way};
use crate::header::{Initial, Long, Packet, Refused, Retry, packet};
use crate::initial_keys::{InitialKeys, Opened};
use crate::retry::Integrity;
use crate::version::Version;
use crate::waiting::{Waiting, WaitingPacket};

/// Follows the QUIC connections of one five-tuple.
///
/// Datagrams go in in the order of capture, [`Event`]s come out. Which end is the client is found
/// out, not assumed: it is the end whose packet opens with a client's keys.
#[derive(Default)]
pub struct Connections {
    /// Newest last.
    connections: ArrayVec<Box<Connection>, MAX_CONNECTIONS>,
    next_number: u32,
    /// A connection id of a packet that cannot be opened, from which keys might follow.
    hint: Option<Box<Hint>>,
    waiting: Waiting,
    /// How many packets in a row opened with no keys.
    misses: u8,
    seen: Seen,
    wants_protected: bool,
}

/// Memory to open packets in, so that none is allocated per packet. One does for any number of
/// [`Connections`].
#[derive(Default)]
pub struct Scratch {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

/// A client's likely original connection id.
struct Hint {
    from: Way,
    connection_id: ConnectionId,
}

/// What was reported already.
#[derive(Default)]
struct Seen {
    forward: SeenWay,
    backward: SeenWay,
    /// A Version Negotiation packet, after which a client begins anew in another version.
    version_negotiation: bool,
}

#[derive(Default)]
struct SeenWay {
    zero_rtt: bool,
    handshake: bool,
    short_header: bool,
}

impl Connections {
    /// Begins before the first datagram.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, which gives all packets that only secrets open ([`Event::Protected`]).
    #[must_use]
    pub fn with_protected() -> Self {
        Self { wants_protected: true, ..Self::default() }
    }

    /// Takes in one datagram.
    pub fn handle(
        &mut self,
        from: Way,
        datagram: &[u8],
        scratch: &mut Scratch,
        events: &mut impl FnMut(Event<'_>),
    ) {
        let mut reader = Reader::new(datagram);
        for _ in 0..MAX_COALESCED_PACKETS {
            if reader.is_empty() {
                return;
            }
            match packet(&mut reader) {
                Ok(packet) => self.packet(from, packet, scratch, events),
                Err(Refused::Malformed) => return report(from, Anomaly::MalformedHeader, events),
                Err(Refused::CutShort | Refused::IncompleteHeader) => {
                    return events(Event::Unread { from, cause: Unread::Truncated });
                }
            }
        }
        if !reader.is_empty() {
            report(from, Anomaly::TooManyPackets, events);
        }
    }

    /// Reports the packets that still wait for their keys, since nothing more will come.
    pub fn finish(&mut self, events: &mut impl FnMut(Event<'_>)) {
        while let Some(WaitingPacket { from, .. }) = self.waiting.pop() {
            events(Event::Unread { from, cause: Unread::NoKeys });
        }
    }

    /// The direction in which the client of the newest connection sends, once that is known.
    #[must_use]
    pub fn client(&self) -> Option<Way> {
        self.connections.last().map(|connection| connection.client())
    }

    /// The version of the newest connection, once one of its packets was opened.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.connections.last().map(|connection| connection.version())
    }

    /// Memory held apart from the value itself, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let hint = self.hint.as_ref().map_or(0, |_| size_of::<Hint>());
        let connections: usize = self
            .connections
            .iter()
            .map(|connection| size_of::<Connection>().saturating_add(connection.heap_size()))
            .sum();
        connections.saturating_add(hint).saturating_add(self.waiting.heap_size())
    }

    fn packet(
        &mut self,
        from: Way,
        packet: Packet<'_>,
        scratch: &mut Scratch,
        events: &mut impl FnMut(Event<'_>),
    ) {
        match packet {
            Packet::Initial(initial) => self.initial(from, &initial, scratch, events),
            Packet::Retry(retry) => self.retry(from, &retry, events),
            Packet::ZeroRtt(packet) => {
                self.long(from, Space::ZeroRtt, &packet, events);
                if !std::mem::replace(&mut self.seen.way(from).zero_rtt, true) {
                    events(Event::ZeroRtt { from });
                    self.hint(from, packet.destination, scratch, events);
                }
            }
            Packet::Handshake(packet) => {
                self.long(from, Space::Handshake, &packet, events);
                if !std::mem::replace(&mut self.seen.way(from).handshake, true) {
                    events(Event::Handshake { from });
                    self.hint(from, packet.destination, scratch, events);
                }
            }
            Packet::Short(bytes) => {
                self.short(from, bytes, events);
                if !std::mem::replace(&mut self.seen.way(from).short_header, true) {
                    events(Event::ShortHeader { from });
                }
            }
            Packet::VersionNegotiation(list) => {
                self.seen.version_negotiation = true;
                events(Event::VersionNegotiation { from, versions: Versions::new(list) });
            }
            Packet::Unknown(version) => events(Event::UnknownVersion { from, version }),
            Packet::Padding => {}
        }
    }

    /// Gives a packet with a long header to whoever has secrets.
    fn long(
        &mut self,
        from: Way,
        space: Space,
        packet: &Long<'_>,
        events: &mut impl FnMut(Event<'_>),
    ) {
        let Some(connection) = self.connections.last_mut().filter(|_| self.wants_protected) else {
            return;
        };
        connection.learn_id(from, &packet.source);
        let Long { version, clear, protected, .. } = *packet;
        let packet = Protected { space, version, clear, protected };
        events(Event::Protected { from, packet });
    }

    /// Gives a packet with a short header to whoever has secrets. How long the connection id in it is,
    /// only the receiver's own packets tell.
    fn short(&mut self, from: Way, bytes: &[u8], events: &mut impl FnMut(Event<'_>)) {
        let Some(connection) = self.connections.last().filter(|_| self.wants_protected) else {
            return;
        };
        let Some(id_len) = connection.id_len(from.reversed()) else { return };
        let Some((clear, protected)) = bytes.split_at_checked(1 + id_len) else { return };
        let version = connection.version();
        let packet = Protected { space: Space::OneRtt, version, clear, protected };
        events(Event::Protected { from, packet });
    }

    fn initial(
        &mut self,
        from: Way,
        packet: &Initial<'_>,
        scratch: &mut Scratch,
        events: &mut impl FnMut(Event<'_>),
    ) {
        match self.open(from, packet, scratch, events) {
            Outcome::Known => {}
            Outcome::NewKeys => self.retry_waiting(scratch, events),
            Outcome::Closed => {
                let parts = [packet.clear, packet.protected];
                self.waiting.push(from, parts, &mut |from| {
                    events(Event::Unread { from, cause: Unread::NotKept });
                });
            }
        }
    }

    /// Tries the packets that wait until no more of them open.
    fn retry_waiting(&mut self, scratch: &mut Scratch, events: &mut impl FnMut(Event<'_>)) {
        // Each round but the last opens a packet with new keys and takes it out.
        let mut again = true;
        while again {
            again = false;
            for _ in 0..self.waiting.len() {
                let Some(WaitingPacket { from, bytes }) = self.waiting.pop() else { return };
                let Ok(Packet::Initial(initial)) = packet(&mut Reader::new(&bytes)) else {
                    continue;
                };
                match self.open(from, &initial, scratch, events) {
                    Outcome::Known => {}
                    Outcome::NewKeys => again = true,
                    Outcome::Closed => self.waiting.push_back(WaitingPacket { from, bytes }),
                }
            }
        }
    }

    /// Opens a packet, with keys in use or new ones, and reports what is in it.
    fn open(
        &mut self,
        from: Way,
        packet: &Initial<'_>,
        scratch: &mut Scratch,
        events: &mut impl FnMut(Event<'_>),
    ) -> Outcome {
        for connection in self.connections.iter_mut().rev() {
            let restarted = self.seen.version_negotiation
                && from == connection.client()
                && packet.version != connection.version();
            if restarted {
                continue;
            }
            if let Some(opened) = connection.open(from, packet, scratch) {
                connection.deliver(from, packet, opened, &scratch.payload, events);
                return Outcome::Known;
            }
        }
        if self.misses >= MAX_MISSES {
            return Outcome::Closed;
        }
        let Some((client, keys, opened)) = self.new_keys(from, packet, scratch) else {
            self.misses = self.misses.saturating_add(1);
            return Outcome::Closed;
        };
        self.misses = 0;
        let connection = self.with_keys(from, client, keys, packet, events);
        if let Some(connection) = connection {
            connection.deliver(from, packet, opened, &scratch.payload, events);
        }
        Outcome::NewKeys
    }

    /// Finds keys that open a packet which no keys in use open.
    fn new_keys(
        &self,
        from: Way,
        packet: &Initial<'_>,
        scratch: &mut Scratch,
    ) -> Option<(Way, Keys, Opened)> {
        let mut attempt = |side, version, id: &[u8]| {
            let initial = InitialKeys::derive(version, id)?;
            let opened = initial.open(side, packet, None, scratch)?;
            let connection_id = ConnectionId::new(id)?;
            let client = if side == Side::Client { from } else { from.reversed() };
            Some((client, Keys { version, connection_id, initial }, opened))
        };
        attempt(Side::Client, packet.version, packet.destination)
            // Some servers take the client's choice of connection id as their own.
            .or_else(|| attempt(Side::Server, packet.version, packet.source))
            .or_else(|| {
                let hint = self.hint.as_ref().filter(|hint| hint.from != from)?;
                attempt(Side::Server, packet.version, hint.connection_id.as_bytes())
            })
    }

    /// The connection that new keys belong to: one that goes on after a Retry, or a new one.
    fn with_keys(
        &mut self,
        from: Way,
        client: Way,
        keys: Keys,
        packet: &Initial<'_>,
        events: &mut impl FnMut(Event<'_>),
    ) -> Option<&mut Connection> {
        let found = self.connections.iter().rposition(|known| known.continues(from, packet));
        if let Some(connection) = found.and_then(|index| self.connections.get_mut(index)) {
            connection.add_keys(keys);
        } else {
            let (number, version) = (self.next_number, keys.version);
            self.next_number = number.wrapping_add(1);
            if self.connections.is_full() {
                self.connections.remove(0);
            }
            self.connections.push(Box::new(Connection::new(number, client, keys)));
            events(Event::Opened { connection: number, client, version });
        }
        let index = found.unwrap_or(self.connections.len().saturating_sub(1));
        self.connections.get_mut(index).map(|connection| &mut **connection)
    }

    /// Remembers the connection id of a packet that cannot be opened: in a client's 0-RTT packets
    /// it is the one that Initial keys follow from.
    fn hint(
        &mut self,
        from: Way,
        connection_id: ConnectionId,
        scratch: &mut Scratch,
        events: &mut impl FnMut(Event<'_>),
    ) {
        if self.hint.is_none() && self.connections.is_empty() {
            self.hint = Some(Box::new(Hint { from, connection_id }));
            self.retry_waiting(scratch, events);
        }
    }

    fn retry(&mut self, from: Way, retry: &Retry<'_>, events: &mut impl FnMut(Event<'_>)) {
        let answered = self.connections.iter_mut().rev().find_map(|known| known.retry(from, retry));
        match answered {
            Some(Integrity::Forged) => report(from, Anomaly::ForgedRetry, events),
            Some(Integrity::Plausible) | None => {
                events(Event::Retry { from, connection_id: retry.source.clone() });
            }
        }
    }
}

impl Seen {
    fn way(&mut self, from: Way) -> &mut SeenWay {
        match from {
            Way::Forward => &mut self.forward,
            Way::Backward => &mut self.backward,
        }
    }
}

/// What became of an Initial packet.
enum Outcome {
    /// Keys in use opened it.
    Known,
    /// Keys that were not in use before opened it.
    NewKeys,
    /// Nothing opened it.
    Closed,
}

fn report(from: Way, anomaly: Anomaly, events: &mut impl FnMut(Event<'_>)) {
    events(Event::Anomaly { from, connection: None, anomaly });
}

/// Most connections of one five-tuple followed at a time. Clients open a socket for each
/// connection; a second one begins after version negotiation, or when a port is used again.
const MAX_CONNECTIONS: usize = 4;

/// Most packets of one datagram looked at. There are four kinds worth coalescing (RFC 9000 section
/// 12.2), and some endpoints split an Initial packet.
const MAX_COALESCED_PACKETS: usize = 16;

/// Packets in a row that no keys open, after which no more keys are derived until one opens. Real
/// connections lose a handful; this bounds what a flood of forged packets costs.
const MAX_MISSES: u8 = 64;
