//! One QUIC connection: its keys, packet numbers and handshake bytes.

use arrayvec::ArrayVec;
use wire::Reader;

use crate::connection_id::ConnectionId;
use crate::connections::Scratch;
use crate::crypto_stream::CryptoStream;
use crate::event::{Anomaly, CloseLayer, ErrorCode, Event, Side, Way};
use crate::frame::{Frame, frame};
use crate::header::{Initial, Retry};
use crate::initial_keys::{InitialKeys, Opened};
use crate::retry::{Integrity, integrity};
use crate::version::Version;

/// A connection of which at least one Initial packet was opened.
pub(crate) struct Connection {
    number: u32,
    /// The direction in which the client sends.
    client: Way,
    version: Version,
    /// The connection id that the client chose for itself, if a packet of its was seen.
    client_id: Option<ConnectionId>,
    /// The connection id that the server chose for itself, as its last packet has it.
    server_id: Option<ConnectionId>,
    /// The connection id that a Retry packet asks the client to use.
    retry_id: Option<ConnectionId>,
    /// Newest last.
    keys: ArrayVec<Keys, MAX_KEYS>,
    client_stream: Stream,
    server_stream: Stream,
}

/// Keys, and what they were derived from.
pub(crate) struct Keys {
    pub(crate) version: Version,
    pub(crate) connection_id: ConnectionId,
    pub(crate) initial: InitialKeys,
}

/// What one side sends in Initial packets.
#[derive(Default)]
struct Stream {
    largest_packet_number: Option<u64>,
    crypto: CryptoStream,
}

impl Connection {
    /// A connection whose first packet was opened with `keys`.
    pub(crate) fn new(number: u32, client: Way, keys: Keys) -> Self {
        Self {
            number,
            client,
            version: keys.version,
            client_id: None,
            server_id: None,
            retry_id: None,
            keys: ArrayVec::from_iter([keys]),
            client_stream: Stream::default(),
            server_stream: Stream::default(),
        }
    }

    pub(crate) const fn client(&self) -> Way {
        self.client
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// Takes note of the connection id that the sender of a packet chose for itself.
    pub(crate) fn learn_id(&mut self, from: Way, id: &ConnectionId) {
        match self.side(from) {
            Side::Client => self.client_id.get_or_insert_with(|| id.clone()),
            Side::Server => self.server_id.insert(id.clone()),
        };
    }

    /// Length in bytes of the connection id that whoever sends in direction `from` chose for itself.
    pub(crate) fn id_len(&self, from: Way) -> Option<usize> {
        let id = match self.side(from) {
            Side::Client => &self.client_id,
            Side::Server => &self.server_id,
        };
        id.as_ref().map(|id| id.as_bytes().len())
    }

    /// Which side sends in direction `from`.
    pub(crate) fn side(&self, from: Way) -> Side {
        if from == self.client { Side::Client } else { Side::Server }
    }

    /// Opens a packet with the keys this connection has, or with those of the same connection ids
    /// in the packet's version: endpoints may change the version on the way (RFC 9369 section 4.1).
    pub(crate) fn open(
        &mut self,
        from: Way,
        packet: &Initial<'_>,
        scratch: &mut Scratch,
    ) -> Option<Opened> {
        let side = self.side(from);
        let largest = self.stream(side).largest_packet_number;
        let mut known_version = false;
        for keys in self.keys.iter().rev().filter(|keys| keys.version == packet.version) {
            known_version = true;
            if let Some(opened) = keys.initial.open(side, packet, largest, scratch) {
                return Some(opened);
            }
        }
        if known_version {
            return None;
        }
        let (keys, opened) = self.keys.iter().rev().find_map(|known| {
            let initial = InitialKeys::derive(packet.version, known.connection_id.as_bytes())?;
            let opened = initial.open(side, packet, largest, scratch)?;
            let connection_id = known.connection_id.clone();
            Some((Keys { version: packet.version, connection_id, initial }, opened))
        })?;
        self.add_keys(keys);
        Some(opened)
    }

    /// Whether a client's packet that is protected with the keys of a new connection id continues
    /// this connection: a Retry packet asked for that id, or must have.
    pub(crate) fn continues(&self, from: Way, packet: &Initial<'_>) -> bool {
        let is = |id: &Option<ConnectionId>, bytes: &[u8]| {
            id.as_ref().is_some_and(|id| id.as_bytes() == bytes)
        };
        from == self.client
            && (is(&self.retry_id, packet.destination)
                || packet.version == self.version
                    && !packet.source.is_empty()
                    && is(&self.client_id, packet.source))
    }

    /// Adds keys; the oldest give way.
    pub(crate) fn add_keys(&mut self, keys: Keys) {
        if self.keys.is_full() {
            self.keys.remove(0);
        }
        self.keys.push(keys);
    }

    /// Takes in the payload of a packet that was opened.
    pub(crate) fn deliver(
        &mut self,
        from: Way,
        packet: &Initial<'_>,
        opened: Opened,
        payload: &[u8],
        events: &mut impl FnMut(Event<'_>),
    ) {
        let (connection, side) = (self.number, self.side(from));
        if let Some(version) = self.keys.last().map(|keys| keys.version)
            && version != self.version
        {
            self.version = version;
            events(Event::VersionChanged { connection, version });
        }
        if side == Side::Client && self.client_id.is_none() {
            self.client_id = ConnectionId::new(packet.source);
        }
        if side == Side::Server {
            self.server_id = ConnectionId::new(packet.source);
        }
        let stream = self.stream(side);
        stream.largest_packet_number = stream.largest_packet_number.max(Some(opened.packet_number));

        let mut report = |anomaly| {
            events(Event::Anomaly { from, connection: Some(connection), anomaly });
        };
        if side == Side::Server && !packet.token.is_empty() {
            report(Anomaly::ServerToken);
        }
        if opened.reserved_bits != 0 {
            report(Anomaly::ReservedBits);
        }
        if payload.is_empty() {
            report(Anomaly::NoFrames);
        }
        let closed = stream.read_frames(payload, packet.version, &mut report);
        let bytes = stream.crypto.take_new();
        if !bytes.is_empty() {
            events(Event::Crypto { connection, side, bytes });
        }
        if let Some(Close { layer, error, reason }) = closed {
            events(Event::ConnectionClose { connection, side, layer, error, reason });
        }
    }

    /// Takes in a Retry packet if it answers this connection.
    pub(crate) fn retry(&mut self, from: Way, retry: &Retry<'_>) -> Option<Integrity> {
        if from == self.client || self.client_id.as_ref() != Some(&retry.destination) {
            return None;
        }
        // A server may answer each packet of a client's first flight with a Retry, and the last of
        // those may come after the client has taken the first.
        let forged = self
            .keys
            .iter()
            .all(|keys| integrity(retry, keys.connection_id.as_bytes()) == Integrity::Forged);
        // A client takes at most one Retry (RFC 9000 section 17.2.5.2).
        if !forged && self.retry_id.is_none() {
            self.retry_id = Some(retry.source.clone());
        }
        Some(if forged { Integrity::Forged } else { Integrity::Plausible })
    }

    /// Memory that the connection holds apart from itself, in bytes.
    pub(crate) fn heap_size(&self) -> usize {
        self.client_stream.crypto.heap_size().saturating_add(self.server_stream.crypto.heap_size())
    }

    fn stream(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Client => &mut self.client_stream,
            Side::Server => &mut self.server_stream,
        }
    }
}

/// What a CONNECTION_CLOSE frame says.
struct Close<'a> {
    layer: CloseLayer,
    error: ErrorCode,
    reason: &'a [u8],
}

impl Stream {
    /// Takes in the frames of a packet, up to one that cannot be read.
    fn read_frames<'a>(
        &mut self,
        payload: &'a [u8],
        version: Version,
        report: &mut impl FnMut(Anomaly),
    ) -> Option<Close<'a>> {
        let mut reader = Reader::new(payload);
        let mut closed = None;
        while !reader.is_empty() {
            match frame(&mut reader, version) {
                Ok(Frame::Idle) => {}
                Ok(Frame::Crypto { offset, bytes }) => self.crypto.insert(offset, bytes, report),
                Ok(Frame::Close { layer, error, reason }) => {
                    closed = Some(Close { layer, error, reason });
                }
                Err(anomaly) => {
                    report(anomaly);
                    break;
                }
            }
        }
        closed
    }
}

/// Most sets of keys of one connection: its first, those after a Retry, and both again after the
/// endpoints changed the version.
const MAX_KEYS: usize = 4;
