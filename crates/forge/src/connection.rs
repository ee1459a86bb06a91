//! One connection: where its two ends are in the sequence, and the segments that they send.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::net::SocketAddr;

use event::Timestamp;
use wire::{SegmentFields, SeqNumber, TcpFlags, TcpPath};

use crate::counters::Counters;
use crate::frames::Frames;
use crate::record::{ConnectionId, Side};
use crate::settings::Settings;

/// The addresses and ports that frames of a connection have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
}

/// A connection whose handshake is forged.
#[derive(Debug)]
pub(crate) struct Connection {
    tuple: Tuple,
    lane: u16,
    client: End,
    server: End,
    /// Longest data of a segment in bytes.
    segment_len: u16,
    last: Timestamp,
}

/// What one side sends, and how far it is.
#[derive(Debug)]
struct End {
    path: TcpPath,
    next: SeqNumber,
    position: u64,
    identification: u16,
}

/// Where frames go and what is counted.
pub(crate) struct Output<'a> {
    pub(crate) frames: &'a mut Frames,
    pub(crate) counters: &'a mut Counters,
}

impl Connection {
    /// A connection in `lane`, whose frames have the tag of `vlan`.
    pub(crate) fn new(
        id: ConnectionId,
        tuple: Tuple,
        (lane, vlan): (u16, Option<u16>),
        at: Timestamp,
        settings: &Settings,
    ) -> Self {
        let Tuple { client, server } = tuple;
        let (client_mac, server_mac) = settings.macs;
        let there = TcpPath::new((client_mac, server_mac), vlan, client, server);
        let back = TcpPath::new((server_mac, client_mac), vlan, server, client);
        let header_len = u16::try_from(there.header_len()).unwrap_or(u16::MAX);
        let end = |path, side| End {
            path,
            next: initial_sequence(settings.key, id, &tuple, lane, side),
            position: 0,
            identification: 0,
        };
        Self {
            tuple,
            lane,
            client: end(there, Side::Client),
            server: end(back, Side::Server),
            segment_len: settings.mtu.bytes().saturating_sub(header_len).max(1),
            last: at,
        }
    }

    pub(crate) const fn tuple(&self) -> &Tuple {
        &self.tuple
    }

    pub(crate) const fn lane(&self) -> u16 {
        self.lane
    }

    /// When it was last heard of.
    pub(crate) const fn last(&self) -> Timestamp {
        self.last
    }

    /// Bytes of `side` so far, those that are missing included.
    pub(crate) const fn position(&self, side: Side) -> u64 {
        self.end(side).position
    }

    /// Moves its time on to `at`, but never back.
    pub(crate) fn advance(&mut self, at: Timestamp) {
        self.last = self.last.max(at);
    }

    /// The three-way handshake.
    pub(crate) fn open(&mut self, output: &mut Output<'_>) {
        let [m0, m1] = self.segment_len.to_be_bytes();
        let options = [OPTION_MSS, 4, m0, m1, OPTION_PADDING, OPTION_WINDOW_SCALE, 3, WINDOW_SHIFT];
        self.send(Side::Client, TcpFlags::SYN, &options, &[], output);
        self.send(Side::Server, TcpFlags::SYN | TcpFlags::ACK, &options, &[], output);
        self.send(Side::Client, TcpFlags::ACK, &[], &[], output);
    }

    /// The bytes of one write: segments as long as they may be, and an acknowledgement.
    pub(crate) fn data(&mut self, sender: Side, bytes: &[u8], output: &mut Output<'_>) {
        for flight in bytes.chunks(ACKNOWLEDGED_LEN) {
            let mut segments = flight.chunks(usize::from(self.segment_len)).peekable();
            while let Some(segment) = segments.next() {
                let is_last = segments.peek().is_none();
                let flags = if is_last { TcpFlags::PSH | TcpFlags::ACK } else { TcpFlags::ACK };
                self.send(sender, flags, &[], segment, output);
            }
            self.send(sender.opposite(), TcpFlags::ACK, &[], &[], output);
        }
        let end = self.end_mut(sender);
        end.position = end.position.saturating_add(bytes.len() as u64);
    }

    /// A hole of `len` bytes: the sequence goes on behind it, and the receiver says that it has them,
    /// which is how one who listens knows that they will not come.
    pub(crate) fn hole(&mut self, sender: Side, len: u64, output: &mut Output<'_>) {
        let end = self.end_mut(sender);
        end.position = end.position.saturating_add(len);
        // Whole turns of the sequence cannot be told from none, so one is shown for all.
        let mut left = if len < TURN { len } else { TURN + len % TURN };
        while let Some(step) = u32::try_from(left.min(MAX_JUMP)).ok().filter(|step| *step > 0) {
            let end = self.end_mut(sender);
            end.next = end.next.plus(step);
            self.send(sender.opposite(), TcpFlags::ACK, &[], &[], output);
            left = left.saturating_sub(step.into());
        }
    }

    /// Both ends finish.
    pub(crate) fn finish(&mut self, output: &mut Output<'_>) {
        self.send(Side::Client, TcpFlags::FIN | TcpFlags::ACK, &[], &[], output);
        self.send(Side::Server, TcpFlags::FIN | TcpFlags::ACK, &[], &[], output);
        self.send(Side::Client, TcpFlags::ACK, &[], &[], output);
    }

    /// One end breaks it off.
    pub(crate) fn reset(&mut self, output: &mut Output<'_>) {
        self.send(Side::Client, TcpFlags::RST | TcpFlags::ACK, &[], &[], output);
    }

    #[inline]
    fn send(
        &mut self,
        sender: Side,
        flags: TcpFlags,
        options: &[u8],
        data: &[u8],
        output: &mut Output<'_>,
    ) {
        let has_ack = flags.contains(TcpFlags::ACK);
        let expected = self.end(sender.opposite()).next;
        let at = self.last;
        let end = self.end_mut(sender);
        let fields = SegmentFields {
            sequence: end.next,
            acknowledgment: if has_ack { expected } else { SeqNumber(0) },
            flags,
            window: WINDOW,
            options,
            identification: end.identification,
        };
        let len = output.frames.push(at, &end.path, &fields, data);
        end.identification = end.identification.wrapping_add(1);
        let control = u32::from(flags.intersects(TcpFlags::SYN | TcpFlags::FIN));
        end.next = end.next.plus(u32::try_from(data.len()).unwrap_or(u32::MAX)).plus(control);
        let counters = &mut *output.counters;
        counters.frames = counters.frames.saturating_add(1);
        counters.frame_bytes = counters.frame_bytes.saturating_add(len as u64);
        counters.delivered_bytes = counters.delivered_bytes.saturating_add(data.len() as u64);
    }

    const fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// RFC 6528 section 3, with the number of the connection in place of a clock: addresses and ports that
/// are used again get another sequence.
fn initial_sequence(key: u64, id: ConnectionId, tuple: &Tuple, lane: u16, side: Side) -> SeqNumber {
    let mut hasher = DefaultHasher::new();
    (key, id, tuple, lane, side).hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    SeqNumber(u32::from_be_bytes([a, b, c, d]))
}

/// Most bytes until an acknowledgement. Whoever listens keeps what is not acknowledged.
const ACKNOWLEDGED_LEN: usize = 64 << 10;

const OPTION_PADDING: u8 = 1;
const OPTION_MSS: u8 = 2;
const OPTION_WINDOW_SCALE: u8 = 3;

/// The largest window there is (RFC 7323 section 2.3), 1 GiB: segments behind a long hole have to be
/// in it.
const WINDOW: u16 = u16::MAX;
const WINDOW_SHIFT: u8 = 14;

/// Half of the window: a longer hole is acknowledged in steps.
const MAX_JUMP: u64 = 512 << 20;

/// How many sequence numbers there are.
const TURN: u64 = 1 << 32;
