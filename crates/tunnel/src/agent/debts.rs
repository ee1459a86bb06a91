//! What could not be told yet of connections: bytes that were dropped, and ends.

use std::collections::{HashMap, VecDeque};

use event::Timestamp;
use forge::{ConnectionId, Ending, MissingCause, Record, RecordKind, Side};

/// Connections that are told, and what is owed to them.
#[derive(Debug, Default)]
pub(super) struct Debts {
    connections: HashMap<ConnectionId, Debt>,
    /// Those to which something is owed; they may be paid already.
    owing: VecDeque<ConnectionId>,
}

#[derive(Debug, Default)]
struct Debt {
    /// Position that is next, of each side.
    next: [u64; 2],
    runs: [Option<Run>; 2],
    ending: Option<(Timestamp, Ending)>,
    is_listed: bool,
}

/// Bytes that are missing, one after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: Timestamp,
    position: u64,
    len: u64,
    cause: MissingCause,
}

/// What is owed to one connection, in the order in which it is told.
#[derive(Debug, Default)]
pub(super) struct Owed(Vec<Record<'static>>);

impl Debts {
    /// Number of connections that are told and have not ended.
    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Whether the connection is told and has not ended.
    pub(super) fn knows(&self, connection: ConnectionId) -> bool {
        self.connections.get(&connection).is_some_and(|debt| debt.ending.is_none())
    }

    /// The connection is told.
    pub(super) fn open(&mut self, connection: ConnectionId) {
        self.connections.entry(connection).or_default();
    }

    /// Goes on behind a piece of a connection that is told; false if that is not where it goes on, and then
    /// the piece must not be told.
    pub(super) fn advance(
        &mut self,
        connection: ConnectionId,
        sender: Side,
        position: u64,
        len: u64,
    ) -> bool {
        let Some(debt) = self.connections.get_mut(&connection) else { return false };
        let [client, server] = &mut debt.next;
        let next = match sender {
            Side::Client => client,
            Side::Server => server,
        };
        let end = position.checked_add(len).filter(|_| position >= *next);
        *next = end.unwrap_or(*next);
        end.is_some()
    }

    /// The end of the connection is told.
    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    /// Owes it to the connection to say that bytes are missing. They follow those that are owed already.
    pub(super) fn owe_bytes(
        &mut self,
        record: &Record<'_>,
        sender: Side,
        position: u64,
        len: u64,
        cause: MissingCause,
    ) {
        let Some(debt) = self.debt(record.connection) else { return };
        let run = debt.run(sender).get_or_insert(Run { at: record.at, position, len: 0, cause });
        run.at = record.at;
        // Of several causes one is told: the first, or that of ours.
        if cause == MissingCause::Overload {
            run.cause = cause;
        }
        run.len = position.saturating_add(len).saturating_sub(run.position);
    }

    /// Owes its end to the connection.
    pub(super) fn owe_ending(&mut self, connection: ConnectionId, at: Timestamp, ending: Ending) {
        if let Some(debt) = self.debt(connection) {
            debt.ending = Some((at, ending));
        }
    }

    /// What is owed to a connection.
    pub(super) fn owed(&self, connection: ConnectionId) -> Owed {
        let Some(debt) = self.connections.get(&connection) else { return Owed::default() };
        let runs = Side::BOTH.into_iter().zip(debt.runs).filter_map(|(sender, run)| {
            let Run { at, position, len, cause } = run?;
            Some(Record {
                connection,
                at,
                kind: RecordKind::Missing { sender, position, len, cause },
            })
        });
        let ending = debt.ending.map(|(at, ending)| Record {
            connection,
            at,
            kind: RecordKind::Closed(ending),
        });
        Owed(runs.chain(ending).collect())
    }

    /// All that was owed to the connection is told.
    pub(super) fn paid(&mut self, connection: ConnectionId) {
        if let Some(debt) = self.connections.get_mut(&connection) {
            debt.runs = [None; 2];
            if debt.ending.is_some() {
                self.connections.remove(&connection);
            }
        }
    }

    /// The connection to which something is owed for the longest time.
    pub(super) fn first(&self) -> Option<ConnectionId> {
        self.owing.front().copied()
    }

    /// The first connection is done with.
    pub(super) fn pop_first(&mut self) {
        if let Some(debt) =
            self.owing.pop_front().and_then(|first| self.connections.get_mut(&first))
        {
            debt.is_listed = false;
        }
    }

    fn debt(&mut self, connection: ConnectionId) -> Option<&mut Debt> {
        let debt = self.connections.get_mut(&connection)?;
        if !debt.is_listed {
            debt.is_listed = true;
            self.owing.push_back(connection);
        }
        Some(debt)
    }
}

impl Debt {
    const fn run(&mut self, sender: Side) -> &mut Option<Run> {
        let [client, server] = &mut self.runs;
        match sender {
            Side::Client => client,
            Side::Server => server,
        }
    }
}

impl Owed {
    /// The records.
    pub(super) fn records(&self) -> &[Record<'static>] {
        &self.0
    }
}
