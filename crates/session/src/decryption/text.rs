//! The clear text of a session, told as records.

use std::net::SocketAddr;

use event::Timestamp;
use flow::{Direction, Flow};
use forge::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};

use crate::both::Both;

/// Whoever takes the clear text of all sessions.
pub type TextSink = Box<dyn FnMut(&Record<'_>) + Send>;

/// The clear text of one session, as far as it was told.
pub(crate) struct Text {
    connection: ConnectionId,
    ends: Ends,
    client: Direction,
    is_told: bool,
    sides: Both<Told>,
    early_data: EarlyData,
}

/// What was told of one direction.
#[derive(Clone, Copy, Default)]
struct Told {
    position: u64,
    /// Bytes of records that stayed closed since one was opened.
    closed_bytes: u64,
    /// Clear text known to be missing in front of the next.
    missing: u64,
    /// What a record is longer than its clear text.
    overhead: u64,
}

/// Early data are told when it is known that the server took them: a client whose early data are not
/// taken sends them again.
enum EarlyData {
    Undecided(Vec<u8>),
    Taken,
    Refused,
}

/// The ends of a flow, and whether it had begun before it was captured.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    addresses: Both<SocketAddr>,
    is_late: bool,
}

impl Ends {
    pub(crate) fn of(flow: &Flow) -> Self {
        let (initiator, responder) = (flow.initiator(), flow.responder());
        let addresses = Both::new(
            SocketAddr::new(initiator.ip(), initiator.port()),
            SocketAddr::new(responder.ip(), responder.port()),
        );
        let is_late = Direction::BOTH.into_iter().any(|side| flow.starts_mid_stream(side));
        Self { addresses, is_late }
    }
}

impl Text {
    pub(crate) fn new(connection: ConnectionId, ends: Ends) -> Self {
        Self {
            connection,
            ends,
            client: Direction::FromInitiator,
            is_told: false,
            sides: Both::default(),
            early_data: EarlyData::Undecided(Vec::new()),
        }
    }

    pub(crate) const fn set_client(&mut self, direction: Direction) {
        self.client = direction;
    }

    /// Takes note of bytes of records that stay closed, or were not captured.
    pub(crate) fn on_unseen(&mut self, direction: Direction, bytes: usize) {
        let side = &mut self.sides[direction];
        side.closed_bytes = side.closed_bytes.saturating_add(bytes as u64);
    }

    /// Takes note of clear text that is missing.
    pub(crate) fn on_missing(&mut self, direction: Direction, len: u64) {
        let side = &mut self.sides[direction];
        side.missing = side.missing.saturating_add(len);
    }

    /// Takes note of a record that was opened, behind `lost` others of its keys.
    pub(crate) fn on_opened(
        &mut self,
        direction: Direction,
        lost: u64,
        sealed_len: usize,
        clear_len: usize,
    ) {
        let side = &mut self.sides[direction];
        side.overhead = sealed_len.saturating_sub(clear_len) as u64;
        if lost > 0 {
            let overhead = side.overhead.saturating_mul(lost);
            let missing = side.closed_bytes.saturating_sub(overhead);
            side.missing = side.missing.saturating_add(missing);
        }
        side.closed_bytes = 0;
    }

    /// Takes early data, which the server may not have taken.
    pub(crate) fn on_early_data(
        &mut self,
        sink: &mut Option<TextSink>,
        now: Timestamp,
        direction: Direction,
        bytes: &[u8],
    ) {
        match &mut self.early_data {
            EarlyData::Refused => return,
            EarlyData::Undecided(kept) if kept.len() + bytes.len() <= MAX_EARLY_BYTES => {
                if sink.is_some() {
                    kept.extend_from_slice(bytes);
                }
                return;
            }
            EarlyData::Undecided(_) => self.take_early_data(sink, now),
            EarlyData::Taken => {}
        }
        self.tell(sink, now, direction, bytes);
    }

    /// Takes note that the server took the early data, or that nothing will tell whether it did.
    pub(crate) fn take_early_data(&mut self, sink: &mut Option<TextSink>, now: Timestamp) {
        if let EarlyData::Undecided(kept) = &mut self.early_data {
            let kept = std::mem::take(kept);
            self.early_data = EarlyData::Taken;
            self.tell(sink, now, self.client, &kept);
        }
    }

    /// Takes note that the server did not take the early data.
    pub(crate) fn refuse_early_data(&mut self) {
        if matches!(self.early_data, EarlyData::Undecided(_)) {
            self.early_data = EarlyData::Refused;
        }
    }

    /// Takes the next application data of a direction.
    pub(crate) fn on_data(
        &mut self,
        sink: &mut Option<TextSink>,
        now: Timestamp,
        direction: Direction,
        bytes: &[u8],
    ) {
        self.take_early_data(sink, now);
        self.tell(sink, now, direction, bytes);
    }

    /// Ends the session.
    pub(crate) fn end(&mut self, sink: &mut Option<TextSink>, now: Timestamp, ending: Ending) {
        self.take_early_data(sink, now);
        let Some(sink) = sink.as_mut().filter(|_| self.is_told) else { return };
        for direction in Direction::BOTH {
            let side = &mut self.sides[direction];
            let records = side.closed_bytes.div_ceil(MAX_TEXT_LEN.saturating_add(side.overhead));
            let overhead = side.overhead.saturating_mul(records);
            let closed = side.closed_bytes.saturating_sub(overhead);
            side.missing = side.missing.saturating_add(closed);
            if side.missing > 0 {
                sink(&missing(self.connection, now, self.client, direction, side));
            }
        }
        sink(&Record { connection: self.connection, at: now, kind: RecordKind::Closed(ending) });
        self.is_told = false;
    }

    pub(crate) fn heap_size(&self) -> usize {
        match &self.early_data {
            EarlyData::Undecided(kept) => kept.capacity(),
            EarlyData::Taken | EarlyData::Refused => 0,
        }
    }

    fn tell(
        &mut self,
        sink: &mut Option<TextSink>,
        now: Timestamp,
        direction: Direction,
        bytes: &[u8],
    ) {
        let Some(sink) = sink.as_mut().filter(|_| !bytes.is_empty()) else { return };
        let connection = self.connection;
        if !std::mem::replace(&mut self.is_told, true) {
            let opened = Opened {
                client: self.ends.addresses[self.client],
                server: self.ends.addresses[self.client.opposite()],
                is_late: self.ends.is_late,
                origin: None,
            };
            sink(&Record { connection, at: now, kind: RecordKind::Opened(Box::new(opened)) });
        }
        let side = &mut self.sides[direction];
        if side.missing > 0 {
            sink(&missing(connection, now, self.client, direction, side));
            side.position = side.position.saturating_add(std::mem::take(&mut side.missing));
        }
        let (sender, position) = (side_of(self.client, direction), side.position);
        sink(&Record { connection, at: now, kind: RecordKind::Data { sender, position, bytes } });
        side.position = side.position.saturating_add(bytes.len() as u64);
    }
}

fn missing(
    connection: ConnectionId,
    at: Timestamp,
    client: Direction,
    direction: Direction,
    side: &Told,
) -> Record<'static> {
    let kind = RecordKind::Missing {
        sender: side_of(client, direction),
        position: side.position,
        len: side.missing,
        cause: MissingCause::Undecryptable,
    };
    Record { connection, at, kind }
}

fn side_of(client: Direction, direction: Direction) -> Side {
    if direction == client { Side::Client } else { Side::Server }
}

/// Most early data that are kept until it is known whether the server takes them: what OpenSSL lets a
/// client send is 16 KiB.
const MAX_EARLY_BYTES: usize = 64 << 10;

/// Most clear text of one record, in bytes (RFC 9846 section 5.1).
const MAX_TEXT_LEN: u64 = 1 << 14;
