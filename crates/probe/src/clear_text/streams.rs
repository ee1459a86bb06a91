//! From records of the kernel's side to records of connections.

use std::net::SocketAddr;

use forge::{ConnectionId, Ending, Opened, Origin, Record, RecordKind, Side};
use hashbrown::HashMap;

use super::account::Taken;
use super::record::{Bound, ClearRecord, Closing, Direction, Head, Progress, Role};
use super::telling::{Connection, Ends, Object, Part, Telling};
use super::waiting::{Piece, Waiting};
use crate::clock::Clock;
use crate::process::Processes;
use crate::record::ProcessKey;
use crate::redact::CommandLines;

/// Takes records as they are told.
pub type Sink<'a> = dyn FnMut(Record<'_>) + 'a;

/// The connections whose clear text is copied.
///
/// A library's object stands for a connection once its socket is known. Several objects may stand for
/// one: of a process and its fork, or one for each direction. If both ends are on this host, what the
/// second one tells is the same once more.
#[derive(Debug)]
pub(crate) struct Streams {
    clock: Clock,
    processes: Processes,
    objects: HashMap<u64, Object>,
    connections: HashMap<u64, Connection>,
    by_socket: HashMap<u64, u64>,
    by_ends: HashMap<Ends, u64>,
    last_id: u64,
    waiting: Waiting,
    /// What became of bytes, by the process that told them.
    taken: HashMap<ProcessKey, Taken>,
    total: Taken,
    /// Objects of which the kernel's side need not copy more.
    dismissed: Vec<u64>,
    /// Objects of a connection whose end rules have told, for which it has to begin anew.
    orphans: Vec<u64>,
    counts: StreamCounts,
}

/// What was met beside clear text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Connections that were told.
    pub connections: u64,
    /// Connections whose second end was recognised.
    pub both_ends: u64,
    /// Connections whose client was taken for that by its port.
    pub roles_guessed: u64,
    /// Connections that were not told, to stay within the bound on their number.
    pub connections_refused: u64,
    /// Records of the rings that made no sense.
    pub records_unreadable: u64,
}

/// What is asked of the host for a connection that is older than this process.
pub(crate) trait Host {
    /// Whether somebody listens at an address of the network namespace of a process.
    fn listens(&mut self, pid: u32, netns: u32, local: SocketAddr) -> bool;
    /// When the probes of a file began, in nanoseconds since the machine started.
    fn probed_since(&self, target: u32) -> Option<u64>;
}

impl Streams {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            processes: Processes::new(CommandLines::Omitted),
            objects: HashMap::new(),
            connections: HashMap::new(),
            by_socket: HashMap::new(),
            by_ends: HashMap::new(),
            last_id: 0,
            waiting: Waiting::default(),
            taken: HashMap::new(),
            total: Taken::default(),
            dismissed: Vec::new(),
            orphans: Vec::new(),
            counts: StreamCounts::default(),
        }
    }

    pub(crate) const fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    pub(crate) const fn counts(&self) -> StreamCounts {
        self.counts
    }

    /// What became of all bytes, and of those of one process.
    pub(crate) fn taken(&self, process: Option<&ProcessKey>) -> Taken {
        process.map_or(self.total, |key| self.taken.get(key).copied().unwrap_or_default())
    }

    /// Objects that have become of no use since the last call.
    pub(crate) fn take_dismissed(&mut self) -> impl Iterator<Item = u64> {
        self.dismissed.drain(..)
    }

    /// Objects that the kernel's side has to forget, since the last call.
    pub(crate) fn take_orphans(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.orphans)
    }

    /// Takes one record of a ring.
    pub(crate) fn take(&mut self, record: &[u8], host: &mut dyn Host, sink: &mut Sink<'_>) {
        match ClearRecord::parse(record) {
            Some(ClearRecord::Process(process)) => self.processes.insert(&process, self.clock),
            Some(ClearRecord::Bound(head, bound)) => self.bind(&head, &bound, host, sink),
            Some(ClearRecord::Data(head, bytes)) => self.data(&head, bytes, sink),
            Some(ClearRecord::Closed(head, closing, progress)) => {
                self.close(&head, closing, progress, sink);
            }
            None => self.counts.records_unreadable += 1,
        }
    }

    /// Tells what is due at a time, in nanoseconds since the machine started.
    pub(crate) fn advance(&mut self, now: u64, sink: &mut Sink<'_>) {
        let unmapped = self.waiting.expire(now);
        self.count_unmapped(unmapped);
        let mut due: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.ending.is_some_and(|(_, due)| due <= now))
            .map(|(id, _)| *id)
            .collect();
        due.sort_unstable();
        for id in due {
            self.end(id, now, Ending::Abandoned, sink);
        }
    }

    /// Tells the end of all connections.
    pub(crate) fn finish(&mut self, now: u64, sink: &mut Sink<'_>) {
        let unmapped = self.waiting.expire(u64::MAX);
        self.count_unmapped(unmapped);
        let mut all: Vec<u64> = self.connections.keys().copied().collect();
        all.sort_unstable();
        for id in all {
            self.end(id, now, Ending::Abandoned, sink);
        }
    }

    fn bind(&mut self, head: &Head, bound: &Bound<'_>, host: &mut dyn Host, sink: &mut Sink<'_>) {
        if self.objects.contains_key(&head.object) {
            return;
        }
        let pieces = self.waiting.take(head.object);
        let next = match pieces.first() {
            Some(_) => [Progress::default(); 2],
            None => bound.progress,
        };
        let part = self.part(head, bound, next, host, sink);
        match part {
            Part::Teller(id) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.tellers = connection.tellers.saturating_add(1);
                    connection.ending = None;
                }
            }
            Part::Duplicate(_) => self.dismissed.push(head.object),
            Part::Refused => self.counts.connections_refused += 1,
        }
        self.objects.insert(head.object, Object { part, next });
        for piece in pieces {
            let head = Head { direction: piece.direction, before: piece.before, ..*head };
            self.data(&Head { time: piece.time, ..head }, &piece.bytes, sink);
        }
    }

    /// What an object is for the connection of its socket, which it may begin.
    fn part(
        &mut self,
        head: &Head,
        bound: &Bound<'_>,
        next: [Progress; 2],
        host: &mut dyn Host,
        sink: &mut Sink<'_>,
    ) -> Part {
        if let Some(id) = self.by_socket.get(&bound.cookie) {
            return Part::Teller(*id);
        }
        let side = self.side(head, bound, host);
        let ends = match side {
            Side::Client => Ends { client: bound.local, server: bound.remote },
            Side::Server => Ends { client: bound.remote, server: bound.local },
        };
        let known = self.by_ends.get(&ends).copied();
        let known = known.and_then(|id| Some((id, self.connections.get_mut(&id)?)));
        if let Some((id, known)) = known
            && known.side != side
            && known.is_same(bound)
        {
            self.counts.both_ends += u64::from(!known.has_second);
            known.has_second = true;
            return Part::Duplicate(id);
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            return Part::Refused;
        }
        self.last_id += 1;
        self.counts.connections += 1;
        let since = host.probed_since(bound.target);
        let is_seen_whole =
            bound.opened_at.zip(since).is_some_and(|(opened, since)| opened >= since);
        let has_passed = next.iter().any(|progress| progress.position > 0);
        self.by_socket.insert(bound.cookie, self.last_id);
        self.by_ends.insert(ends, self.last_id);
        self.connections.insert(
            self.last_id,
            Connection {
                ends,
                cookie: bound.cookie,
                netns: bound.netns,
                opened_at: bound.opened_at,
                side,
                told: [0; 2],
                tellers: 0,
                ending: None,
                has_second: false,
            },
        );
        let known = self.processes.get(&head.process);
        let container = known.and_then(|known| known.container.as_ref());
        let origin = Origin {
            side,
            pid: head.process.pid,
            command: command(bound, known.and_then(|known| known.process.name.as_deref())),
            container: container.map(|container| container.id.as_ref().into()),
        };
        sink(Record {
            connection: ConnectionId(self.last_id),
            at: self.clock.at(head.time),
            kind: RecordKind::Opened(Box::new(Opened {
                client: ends.client,
                server: ends.server,
                is_late: !is_seen_whole || has_passed,
                origin: Some(origin),
            })),
        });
        Part::Teller(self.last_id)
    }

    /// Which end a socket is. Of a connection whose beginning nobody saw, the server is the end where
    /// somebody listens; else the one with the lower port, which is counted.
    fn side(&mut self, head: &Head, bound: &Bound<'_>, host: &mut dyn Host) -> Side {
        match bound.role {
            Some(Role::Client) => Side::Client,
            Some(Role::Server) => Side::Server,
            None if host.listens(head.process.pid, bound.netns, bound.local) => Side::Server,
            None if bound.local.ip() == bound.remote.ip()
                && host.listens(head.process.pid, bound.netns, bound.remote) =>
            {
                Side::Client
            }
            None => {
                self.counts.roles_guessed += 1;
                if bound.local.port() < bound.remote.port() { Side::Server } else { Side::Client }
            }
        }
    }

    fn data(&mut self, head: &Head, bytes: &[u8], sink: &mut Sink<'_>) {
        let len = bytes.len() as u64;
        let Some(object) = self.objects.get_mut(&head.object) else {
            let piece = Piece {
                process: head.process,
                direction: head.direction,
                before: head.before,
                time: head.time,
                bytes: bytes.into(),
            };
            let refused = self.waiting.push(head.object, piece);
            self.count_unmapped(refused);
            return;
        };
        let told = match object.part {
            Part::Teller(id) => self.connections.get_mut(&id).map(|connection| (id, connection)),
            Part::Duplicate(_) | Part::Refused => None,
        };
        let taken = self.taken.entry(head.process).or_default();
        let Some((id, connection)) = told else {
            for taken in [taken, &mut self.total] {
                if matches!(object.part, Part::Duplicate(_)) {
                    taken.duplicate += len;
                } else {
                    taken.unmapped += len;
                }
            }
            return;
        };
        let telling = Telling { id: ConnectionId(id), at: self.clock.at(head.time) };
        telling.missing(connection, object, head.direction, head.before, sink);
        telling.data(connection, head.direction, bytes, sink);
        if let Some(next) = object.next.get_mut(head.direction.index()) {
            *next = head.before;
            next.position = next.position.saturating_add(len);
        }
        taken.delivered += len;
        self.total.delivered += len;
    }

    fn close(
        &mut self,
        head: &Head,
        closing: Closing,
        progress: [Progress; 2],
        sink: &mut Sink<'_>,
    ) {
        self.tell_untold(head.object, head.time, progress, sink);
        if closing == Closing::Rules {
            return self.revoke(head, sink);
        }
        if let Some(connection) = self.connection_of(head.object) {
            let ending = match closing {
                Closing::Reset => Ending::Reset,
                Closing::Library | Closing::Socket | Closing::Rules => Ending::Finished,
            };
            if closing == Closing::Library {
                connection.tellers = connection.tellers.saturating_sub(1);
            }
            if closing != Closing::Library || connection.tellers == 0 {
                let due = head.time.saturating_add(LINGER_NS);
                connection.ending.get_or_insert((ending, due));
            }
        }
        if closing == Closing::Library {
            self.objects.remove(&head.object);
        }
    }

    /// Ends the connection of an object that rules do not allow any longer. Others that stand for it, of
    /// the other end or of a fork, may be allowed: for them it begins anew.
    fn revoke(&mut self, head: &Head, sink: &mut Sink<'_>) {
        let part = self.objects.remove(&head.object).map(|object| object.part);
        let Some(Part::Teller(id)) = part else { return };
        self.end(id, head.time, Ending::Abandoned, sink);
        let of_it = |part| matches!(part, Part::Teller(of) | Part::Duplicate(of) if of == id);
        let others = self.objects.extract_if(|_, object| of_it(object.part));
        self.orphans.extend(others.map(|(object, _)| object));
    }

    /// Takes note of the end of an object, in case a ring had no room for it.
    pub(crate) fn close_untold(
        &mut self,
        object: u64,
        now: u64,
        progress: [Progress; 2],
        sink: &mut Sink<'_>,
    ) {
        self.tell_untold(object, now, progress, sink);
        if let Some(connection) = self.connection_of(object) {
            connection.tellers = connection.tellers.saturating_sub(1);
            if connection.tellers == 0 {
                let due = now.saturating_add(LINGER_NS);
                connection.ending.get_or_insert((Ending::Finished, due));
            }
        }
        self.objects.remove(&object);
    }

    /// Tells what is missing up to where an object has come.
    pub(crate) fn tell_untold(
        &mut self,
        object: u64,
        now: u64,
        progress: [Progress; 2],
        sink: &mut Sink<'_>,
    ) {
        let at = self.clock.at(now);
        let Some(object) = self.objects.get_mut(&object) else { return };
        let Part::Teller(id) = object.part else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let telling = Telling { id: ConnectionId(id), at };
        for (direction, progress) in [Direction::Read, Direction::Write].into_iter().zip(progress) {
            telling.missing(connection, object, direction, progress, sink);
        }
    }

    /// The connection that an object tells of.
    fn connection_of(&mut self, object: u64) -> Option<&mut Connection> {
        let Part::Teller(id) = self.objects.get(&object)?.part else { return None };
        self.connections.get_mut(&id)
    }

    /// Tells the end of a connection and forgets it.
    fn end(&mut self, id: u64, now: u64, otherwise: Ending, sink: &mut Sink<'_>) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.by_socket.remove(&connection.cookie);
        if self.by_ends.get(&connection.ends) == Some(&id) {
            self.by_ends.remove(&connection.ends);
        }
        sink(Record {
            connection: ConnectionId(id),
            at: self.clock.at(now),
            kind: RecordKind::Closed(connection.ending.map_or(otherwise, |(ending, _)| ending)),
        });
    }

    /// Forgets the objects of connections that are over.
    pub(crate) fn sweep(&mut self) {
        let connections = &self.connections;
        self.objects.retain(|_, object| match object.part {
            Part::Teller(id) => connections.contains_key(&id),
            Part::Duplicate(_) | Part::Refused => true,
        });
        if self.objects.len() > MAX_OBJECTS {
            self.objects.retain(|_, object| matches!(object.part, Part::Teller(_)));
        }
        if self.taken.len() > MAX_PROCESSES {
            self.taken.clear();
        }
    }

    fn count_unmapped(&mut self, pieces: Vec<(ProcessKey, u64)>) {
        for (process, len) in pieces {
            self.taken.entry(process).or_default().unmapped += len;
            self.total.unmapped += len;
        }
    }
}

fn command(bound: &Bound<'_>, known: Option<&str>) -> Box<str> {
    if bound.command.is_empty() {
        return known.unwrap_or_default().into();
    }
    String::from_utf8_lossy(bound.command).into()
}

/// Connections at a time: as many as the kernel's side has objects.
const MAX_CONNECTIONS: usize = 131_072;

/// Objects beyond those that tell, before they are forgotten.
const MAX_OBJECTS: usize = 262_144;

/// Processes whose bytes are counted by themselves: as many as the kernel's side knows.
const MAX_PROCESSES: usize = 16_384;

/// How long after its end the rest of a connection is waited for: what a fork of its process goes on
/// with, or reads after the socket is closed. In nanoseconds.
const LINGER_NS: u64 = 1_000_000_000;
