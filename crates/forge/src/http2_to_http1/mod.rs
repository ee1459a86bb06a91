//! HTTP/2 connections as many connections of HTTP/1.1: records in, records out.

mod lanes;

use std::hash::RandomState;

use event::Timestamp;
use hashlink::LinkedHashMap;
use http2::{Detection, Event, Scratch, Sender, Translator, Verdict};

pub use self::lanes::Streams;
use self::lanes::{Lanes, Next, Teller};
use crate::record::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};

/// Takes records in front of a [`Forger`](crate::Forger) and turns each stream of an HTTP/2 connection
/// into a connection of HTTP/1.1. Other connections go through as they are.
///
/// All connections get new numbers.
pub struct Http2ToHttp1 {
    streams: Streams,
    limits: StageLimits,
    /// Connections, that which was silent longest first.
    connections: LinkedHashMap<ConnectionId, Connection, RandomState>,
    last_id: u64,
    held_bytes: usize,
    scratch: Scratch,
    counters: StageCounters,
}

/// Bounds of [`Http2ToHttp1`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageLimits {
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most bytes held for all of them: tables of header compression, headers that are not whole,
    /// records of connections of which it is not clear what they speak.
    pub max_held_bytes: usize,
}

impl Default for StageLimits {
    fn default() -> Self {
        Self { max_connections: 1 << 16, max_held_bytes: 256 << 20 }
    }
}

/// What became of the records.
///
/// Each byte of data is in `plain_bytes`, in `http2.bytes` or in `out_of_order_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounters {
    /// Of connections that speak HTTP/2.
    pub http2: http2::Counters,
    /// Connections that speak HTTP/2.
    pub http2_connections: u64,
    /// Of these, those that were joined late.
    pub http2_late_connections: u64,
    /// Connections that speak something else.
    pub plain_connections: u64,
    /// Bytes that went through as they are, also those of connections that are not known.
    pub plain_bytes: u64,
    /// Bytes of HTTP/2 at places that were over.
    pub out_of_order_bytes: u64,
    /// Bytes of HTTP/2 that are missing without a record that says so.
    pub unannounced_bytes: u64,
    /// Records that open a connection twice.
    pub refused_records: u64,
    /// Connections given up because there were too many, or because they held too much.
    pub evicted: u64,
}

struct Connection {
    opened: Opened,
    state: State,
    held_bytes: usize,
}

enum State {
    Undecided { detection: Detection, held: Vec<Held> },
    Plain(ConnectionId),
    Http2(Box<Http2>),
}

/// A record that waits for the verdict on its connection.
struct Held {
    at: Timestamp,
    sender: Side,
    position: u64,
    content: HeldContent,
}

enum HeldContent {
    Bytes(Box<[u8]>),
    Missing(u64, MissingCause),
}

struct Http2 {
    translator: Translator,
    positions: [u64; 2],
    lanes: Lanes,
}

impl Http2ToHttp1 {
    /// A stage without connections.
    #[must_use]
    pub fn new(streams: Streams, limits: StageLimits) -> Self {
        Self {
            streams,
            limits,
            connections: LinkedHashMap::with_hasher(RandomState::new()),
            last_id: 0,
            held_bytes: 0,
            scratch: Scratch::default(),
            counters: StageCounters::default(),
        }
    }

    /// What became of the records so far.
    #[must_use]
    pub const fn counters(&self) -> &StageCounters {
        &self.counters
    }

    /// Bytes held for all connections.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a record, and gives those that come of it to `next`.
    pub fn handle(&mut self, record: &Record<'_>, next: Next<'_>) {
        let Record { connection: id, at, kind } = record;
        match kind {
            RecordKind::Opened(opened) => self.open(*id, *at, opened, next),
            RecordKind::Closed(ending) => self.close(*id, *at, *ending, next),
            RecordKind::Data { sender, position, bytes } => {
                let content = Content::Bytes(bytes);
                self.content(
                    *id,
                    Part { at: *at, sender: *sender, position: *position, content },
                    next,
                );
            }
            RecordKind::Missing { sender, position, len, cause } => {
                let content = Content::Missing(*len, *cause);
                self.content(
                    *id,
                    Part { at: *at, sender: *sender, position: *position, content },
                    next,
                );
            }
        }
    }

    fn open(&mut self, id: ConnectionId, at: Timestamp, opened: &Opened, next: Next<'_>) {
        if self.connections.contains_key(&id) {
            self.counters.refused_records = self.counters.refused_records.saturating_add(1);
            return;
        }
        if self.connections.len() >= self.limits.max_connections.max(1) {
            self.evict(at, next);
        }
        let detection = Detection::new(opened.is_late);
        let state = State::Undecided { detection, held: Vec::new() };
        let connection = Connection { opened: opened.clone(), state, held_bytes: 0 };
        self.connections.insert(id, connection);
    }

    fn content(&mut self, id: ConnectionId, part: Part<'_>, next: Next<'_>) {
        // Numbers begin at 1: nothing is known of this one.
        let Some(mut connection) = self.connections.remove(&id) else {
            return self.plain(ConnectionId(0), &part, next);
        };
        let at = part.at;
        self.part(&mut connection, &part, next);
        let held = connection.heap_size();
        self.held_bytes =
            self.held_bytes.saturating_sub(connection.held_bytes).saturating_add(held);
        connection.held_bytes = held;
        self.connections.insert(id, connection);
        while self.held_bytes > self.limits.max_held_bytes && !self.connections.is_empty() {
            self.evict(at, next);
        }
    }

    fn part(&mut self, connection: &mut Connection, part: &Part<'_>, next: Next<'_>) {
        match &mut connection.state {
            State::Plain(id) => self.plain(*id, part, next),
            State::Http2(http2) => self.http2(&connection.opened, http2, part, next),
            State::Undecided { detection, held } => {
                let sender = sender(part.sender);
                let verdict = match part.content {
                    Content::Bytes(bytes) => detection.read(sender, bytes),
                    Content::Missing(..) => detection.missing(sender),
                };
                held.push(part.held());
                let is_too_much = held.len() > MAX_HELD_RECORDS
                    || held.iter().map(Held::len).sum::<usize>() > MAX_HELD_LEN;
                if let Some(verdict) = verdict.or(is_too_much.then_some(Verdict::Other)) {
                    let held = std::mem::take(held);
                    self.decide(connection, verdict, part.at, &held, next);
                }
            }
        }
    }

    /// Goes on with a connection of which it is clear what it speaks.
    fn decide(
        &mut self,
        connection: &mut Connection,
        verdict: Verdict,
        at: Timestamp,
        held: &[Held],
        next: Next<'_>,
    ) {
        let counters = &mut self.counters;
        let counter = match verdict {
            Verdict::Other => &mut counters.plain_connections,
            Verdict::Http2 | Verdict::Http2Late => &mut counters.http2_connections,
        };
        *counter = counter.saturating_add(1);
        connection.state = match verdict {
            Verdict::Other => {
                let id = self.number();
                let at = held.first().map_or(at, |first| first.at);
                let kind = RecordKind::Opened(Box::new(connection.opened.clone()));
                next(&Record { connection: id, at, kind });
                State::Plain(id)
            }
            Verdict::Http2 => State::Http2(Box::new(Http2::new(Translator::new()))),
            Verdict::Http2Late => {
                let late = &mut counters.http2_late_connections;
                *late = late.saturating_add(1);
                State::Http2(Box::new(Http2::new(Translator::late())))
            }
        };
        for part in held {
            self.part(connection, &part.part(), next);
        }
    }

    /// A part of a connection that goes through as it is.
    fn plain(&mut self, id: ConnectionId, part: &Part<'_>, next: Next<'_>) {
        let (sender, position) = (part.sender, part.position);
        let kind = match part.content {
            Content::Bytes(bytes) => {
                let counted = &mut self.counters.plain_bytes;
                *counted = counted.saturating_add(bytes.len() as u64);
                RecordKind::Data { sender, position, bytes }
            }
            Content::Missing(len, cause) => RecordKind::Missing { sender, position, len, cause },
        };
        next(&Record { connection: id, at: part.at, kind });
    }

    fn http2(&mut self, opened: &Opened, http2: &mut Http2, part: &Part<'_>, next: Next<'_>) {
        let index = index(part.sender);
        let Some(expected) = http2.positions.get_mut(index) else { return };
        let len = part.content.len();
        let ahead = part.position.checked_sub(*expected);
        let end = part.position.checked_add(len);
        let (Some(ahead), Some(end)) = (ahead, end) else {
            if let Content::Bytes(_) = part.content {
                let counted = &mut self.counters.out_of_order_bytes;
                *counted = counted.saturating_add(len);
            }
            return;
        };
        *expected = end;
        self.counters.unannounced_bytes = self.counters.unannounced_bytes.saturating_add(ahead);
        let (missing, cause) = match part.content {
            Content::Bytes(_) => (ahead, MissingCause::Overload),
            Content::Missing(len, cause) => (ahead.saturating_add(len), cause),
        };
        let sender = sender(part.sender);
        let Http2 { translator, lanes, .. } = http2;
        let mut teller = Teller {
            at: part.at,
            cause,
            opened,
            streams: self.streams,
            last_id: &mut self.last_id,
            lanes,
            next,
        };
        let counters = &mut self.counters.http2;
        let mut on = |event: Event<'_>| teller.tell(&event);
        translator.missing(sender, missing, &mut self.scratch, counters, &mut on);
        if let Content::Bytes(bytes) = part.content {
            translator.read(sender, bytes, &mut self.scratch, counters, &mut on);
        }
    }

    fn close(&mut self, id: ConnectionId, at: Timestamp, ending: Ending, next: Next<'_>) {
        let Some(connection) = self.connections.remove(&id) else {
            let kind = RecordKind::Closed(ending);
            return next(&Record { connection: ConnectionId(0), at, kind });
        };
        self.end(connection, at, ending, next);
    }

    fn evict(&mut self, at: Timestamp, next: Next<'_>) {
        if let Some((_, oldest)) = self.connections.pop_front() {
            self.counters.evicted = self.counters.evicted.saturating_add(1);
            self.end(oldest, at, Ending::Abandoned, next);
        }
    }

    fn end(&mut self, mut connection: Connection, at: Timestamp, ending: Ending, next: Next<'_>) {
        self.held_bytes = self.held_bytes.saturating_sub(connection.held_bytes);
        if let State::Undecided { held, .. } = &mut connection.state {
            let held = std::mem::take(held);
            self.decide(&mut connection, Verdict::Other, at, &held, next);
        }
        match connection.state {
            State::Plain(id) => {
                next(&Record { connection: id, at, kind: RecordKind::Closed(ending) });
            }
            State::Http2(mut http2) => {
                let mut teller = Teller {
                    at,
                    cause: MissingCause::Overload,
                    opened: &connection.opened,
                    streams: self.streams,
                    last_id: &mut self.last_id,
                    lanes: &mut http2.lanes,
                    next,
                };
                let ending = match ending {
                    Ending::Reset => http2::Ending::Reset,
                    // What is open then is not whole.
                    Ending::Finished | Ending::Abandoned => http2::Ending::Abandoned,
                };
                let counters = &mut self.counters.http2;
                let mut on = |event: Event<'_>| teller.tell(&event);
                http2.translator.finish(ending, &mut self.scratch, counters, &mut on);
            }
            State::Undecided { .. } => {}
        }
    }

    const fn number(&mut self) -> ConnectionId {
        self.last_id = self.last_id.saturating_add(1);
        ConnectionId(self.last_id)
    }
}

impl Connection {
    fn heap_size(&self) -> usize {
        match &self.state {
            State::Plain(_) => 0,
            State::Undecided { held, .. } => held.iter().map(Held::len).sum(),
            State::Http2(http2) => {
                http2.translator.heap_size().saturating_add(http2.lanes.heap_size())
            }
        }
    }
}

impl Http2 {
    fn new(translator: Translator) -> Self {
        Self { translator, positions: [0; 2], lanes: Lanes::default() }
    }
}

/// A record of data or of missing data.
#[derive(Clone, Copy)]
struct Part<'a> {
    at: Timestamp,
    sender: Side,
    position: u64,
    content: Content<'a>,
}

#[derive(Clone, Copy)]
enum Content<'a> {
    Bytes(&'a [u8]),
    Missing(u64, MissingCause),
}

impl Content<'_> {
    const fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Missing(len, _) => *len,
        }
    }
}

impl Part<'_> {
    fn held(&self) -> Held {
        let content = match self.content {
            Content::Bytes(bytes) => HeldContent::Bytes(bytes.into()),
            Content::Missing(len, cause) => HeldContent::Missing(len, cause),
        };
        Held { at: self.at, sender: self.sender, position: self.position, content }
    }
}

impl Held {
    fn part(&self) -> Part<'_> {
        let content = match &self.content {
            HeldContent::Bytes(bytes) => Content::Bytes(bytes),
            HeldContent::Missing(len, cause) => Content::Missing(*len, *cause),
        };
        Part { at: self.at, sender: self.sender, position: self.position, content }
    }

    const fn len(&self) -> usize {
        match &self.content {
            HeldContent::Bytes(bytes) => bytes.len(),
            HeldContent::Missing(..) => 0,
        }
    }
}

const fn sender(side: Side) -> Sender {
    match side {
        Side::Client => Sender::Client,
        Side::Server => Sender::Server,
    }
}

const fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

/// Most records held while it is not clear what a connection speaks.
const MAX_HELD_RECORDS: usize = 32;

/// Most bytes of these: a TLS record of each side.
const MAX_HELD_LEN: usize = 32 << 10;
