//! Records in, frames out.

use std::fmt::Write as _;
use std::hash::RandomState;
use std::net::SocketAddr;

use event::Timestamp;
use hashlink::LinkedHashMap;

use crate::connection::{Connection, Output, Tuple};
use crate::counters::Counters;
use crate::frames::Frames;
use crate::lanes::Lanes;
use crate::record::{ConnectionId, Ending, Opened, Record, RecordKind, Side};
use crate::settings::Settings;

/// Makes complete TCP sessions of the clear text of connections.
///
/// Each connection begins with a handshake, also one that is joined late, and ends with FIN or RST.
/// What is missing is a jump of the sequence, acknowledged by the receiver.
pub struct Forger {
    settings: Settings,
    /// Connections, that which was silent longest first.
    connections: LinkedHashMap<ConnectionId, Connection, RandomState>,
    lanes: Lanes,
    counters: Counters,
}

impl Forger {
    /// A forger without connections.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let lanes = Lanes::new(&settings);
        let connections = LinkedHashMap::with_hasher(RandomState::new());
        Self { settings, connections, lanes, counters: Counters::default() }
    }

    /// What became of the records so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// Appends the frames that tell what `record` says. Their length together is about that of the
    /// record's bytes.
    pub fn handle(&mut self, record: &Record<'_>, frames: &mut Frames) {
        let Record { connection: id, at, kind } = record;
        match kind {
            RecordKind::Opened(opened) => self.open(*id, *at, opened, frames),
            RecordKind::Data { sender, position, bytes } => {
                self.data(*id, *at, (*sender, *position), bytes, frames);
            }
            RecordKind::Missing { sender, position, len, .. } => {
                self.missing(*id, *at, (*sender, *position), *len, frames);
            }
            RecordKind::Closed(ending) => self.close(*id, *at, *ending, frames),
        }
    }

    /// Resets connections that have been silent for too long, until `frames` is full: then
    /// [`Forger::poll_timeout`] is still not after `now`.
    pub fn handle_timeout(&mut self, now: Timestamp, frames: &mut Frames) {
        self.lanes.handle_timeout(now);
        while let Some((&id, oldest)) = self.connections.front() {
            if frames.is_full() || oldest.last().plus_nanos(self.settings.idle_ns) > now {
                return;
            }
            self.end(id, now, frames, Connection::reset);
            self.counters.timed_out = self.counters.timed_out.saturating_add(1);
        }
    }

    /// When [`Forger::handle_timeout`] will have something to do, unless a record comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let (_, oldest) = self.connections.front()?;
        Some(oldest.last().plus_nanos(self.settings.idle_ns))
    }

    /// Resets all connections. May be called again and again, until none is open, so that `frames`
    /// does not have to hold the ends of all of them.
    pub fn finish(&mut self, now: Timestamp, frames: &mut Frames) {
        while let Some((&id, _)) = self.connections.front() {
            if frames.is_full() {
                return;
            }
            self.end(id, now, frames, Connection::reset);
            self.counters.abandoned = self.counters.abandoned.saturating_add(1);
        }
    }

    fn open(&mut self, id: ConnectionId, at: Timestamp, opened: &Opened, frames: &mut Frames) {
        if self.connections.contains_key(&id) {
            return self.refuse();
        }
        let port = self.settings.ports.told(opened.server.port());
        let server = SocketAddr::new(opened.server.ip().to_canonical(), port);
        let client = SocketAddr::new(opened.client.ip().to_canonical(), opened.client.port());
        let tuple = Tuple { client, server };
        self.lanes.handle_timeout(at);
        while self.connections.len() >= self.settings.max_connections.max(1) {
            let Some((&oldest, _)) = self.connections.front() else { break };
            self.end(oldest, at, frames, Connection::reset);
            self.counters.evicted = self.counters.evicted.saturating_add(1);
        }
        let Some(lane) = self.lane(tuple, id, at, frames) else { return self.refuse() };
        let vlan = self.lanes.vlan(lane);
        if let Some(comment) = comment(opened) {
            frames.comment(comment);
        }
        let mut connection = Connection::new(id, tuple, (lane, vlan), at, &self.settings);
        connection.open(&mut Output { frames, counters: &mut self.counters });
        self.connections.insert(id, connection);
        self.counters.opened = self.counters.opened.saturating_add(1);
        self.counters.in_lanes = self.counters.in_lanes.saturating_add((lane > 0).into());
    }

    /// A lane for a new connection, if need be that of an older one.
    fn lane(
        &mut self,
        tuple: Tuple,
        id: ConnectionId,
        at: Timestamp,
        frames: &mut Frames,
    ) -> Option<u16> {
        let older = match self.lanes.take(tuple, id) {
            Ok(lane) => return Some(lane),
            Err(older) => older,
        };
        self.end(older, at, frames, Connection::reset);
        self.counters.replaced = self.counters.replaced.saturating_add(1);
        self.lanes.take(tuple, id).ok()
    }

    fn data(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        (sender, position): (Side, u64),
        bytes: &[u8],
        frames: &mut Frames,
    ) {
        let len = bytes.len() as u64;
        let Some(connection) = self.connections.to_back(&id) else {
            let counted = &mut self.counters.unknown_connection_bytes;
            *counted = counted.saturating_add(len);
            return self.refuse();
        };
        let ahead = position.checked_sub(connection.position(sender));
        let Some(ahead) = ahead.filter(|_| position.checked_add(len).is_some()) else {
            let counted = &mut self.counters.out_of_order_bytes;
            *counted = counted.saturating_add(len);
            return self.refuse();
        };
        connection.advance(at);
        let mut output = Output { frames, counters: &mut self.counters };
        connection.hole(sender, ahead, &mut output);
        connection.data(sender, bytes, &mut output);
        self.counters.unannounced_bytes = self.counters.unannounced_bytes.saturating_add(ahead);
    }

    fn missing(
        &mut self,
        id: ConnectionId,
        at: Timestamp,
        (sender, position): (Side, u64),
        len: u64,
        frames: &mut Frames,
    ) {
        let connection = self.connections.to_back(&id);
        let place = connection.and_then(|connection| {
            let ahead = position.checked_sub(connection.position(sender))?;
            let hole = ahead.checked_add(len)?;
            position.checked_add(len).map(|_| (connection, ahead, hole))
        });
        let Some((connection, ahead, hole)) = place else {
            let counted = &mut self.counters.missing_unshown_bytes;
            *counted = counted.saturating_add(len);
            return self.refuse();
        };
        connection.advance(at);
        connection.hole(sender, hole, &mut Output { frames, counters: &mut self.counters });
        self.counters.missing_bytes = self.counters.missing_bytes.saturating_add(len);
        self.counters.unannounced_bytes = self.counters.unannounced_bytes.saturating_add(ahead);
    }

    fn close(&mut self, id: ConnectionId, at: Timestamp, ending: Ending, frames: &mut Frames) {
        if !self.connections.contains_key(&id) {
            return self.refuse();
        }
        let (last_segments, counter): (fn(&mut Connection, &mut Output<'_>), _) = match ending {
            Ending::Finished => (Connection::finish, &mut self.counters.finished),
            Ending::Reset => (Connection::reset, &mut self.counters.reset),
            Ending::Abandoned => (Connection::reset, &mut self.counters.abandoned),
        };
        *counter = counter.saturating_add(1);
        self.end(id, at, frames, last_segments);
    }

    fn end(
        &mut self,
        id: ConnectionId,
        now: Timestamp,
        frames: &mut Frames,
        last_segments: fn(&mut Connection, &mut Output<'_>),
    ) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        connection.advance(now);
        last_segments(&mut connection, &mut Output { frames, counters: &mut self.counters });
        self.lanes.free(connection.tuple(), connection.lane(), now);
    }

    const fn refuse(&mut self) {
        self.counters.refused_records = self.counters.refused_records.saturating_add(1);
    }
}

/// Whose clear text a connection is, for readers of captures.
fn comment(opened: &Opened) -> Option<Box<str>> {
    let mut text = String::new();
    if let Some(origin) = &opened.origin {
        let side = match origin.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let (command, pid) = (&origin.command, origin.pid);
        write!(text, "{side}: process {command}, pid {pid}").ok()?;
        if let Some(container) = &origin.container {
            write!(text, ", container {container}").ok()?;
        }
    }
    if opened.is_late {
        text.push_str(if text.is_empty() { "joined late" } else { "; joined late" });
    }
    (!text.is_empty()).then(|| text.into())
}
