//! A connection, and what is told of it.

use std::net::SocketAddr;

use forge::{ConnectionId, Ending, MissingCause, Record, RecordKind, Side};

use super::record::{Bound, Direction, Progress};
use super::streams::Sink;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) part: Part,
    pub(crate) next: [Progress; 2],
}

/// What an object is for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It tells its clear text.
    Teller(u64),
    /// Another one, at the other end, tells it.
    Duplicate(u64),
    /// There was no room for its connection.
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) ends: Ends,
    pub(crate) cookie: u64,
    pub(crate) netns: u32,
    pub(crate) opened_at: Option<u64>,
    /// The end whose process tells.
    pub(crate) side: Side,
    /// Bytes told or missing, by [`Direction`].
    pub(crate) told: [u64; 2],
    /// Objects that tell.
    pub(crate) tellers: u32,
    /// How it ends, and when that is told.
    pub(crate) ending: Option<(Ending, u64)>,
    pub(crate) has_second: bool,
}

impl Connection {
    /// Whether a socket of the other end is the other end of this connection. Within a network
    /// namespace the addresses say so; in another one, they may be those of other hosts.
    pub(crate) fn is_same(&self, other: &Bound<'_>) -> bool {
        if self.netns == other.netns {
            return true;
        }
        let apart = self.opened_at.zip(other.opened_at).map(|(own, other)| own.abs_diff(other));
        !other.local.ip().is_loopback() && apart.is_some_and(|apart| apart < HANDSHAKE_NS)
    }
}

/// Tells of one connection at one time.
pub(crate) struct Telling {
    pub(crate) id: ConnectionId,
    pub(crate) at: event::Timestamp,
}

impl Telling {
    pub(crate) fn data(
        &self,
        connection: &mut Connection,
        direction: Direction,
        bytes: &[u8],
        sink: &mut Sink<'_>,
    ) {
        let sender = connection.sender(direction);
        let position = connection.advance(direction, bytes.len() as u64);
        let kind = RecordKind::Data { sender, position, bytes };
        sink(Record { connection: self.id, at: self.at, kind });
    }

    /// Tells what an object did not, up to where it has come.
    pub(crate) fn missing(
        &self,
        connection: &mut Connection,
        object: &mut Object,
        direction: Direction,
        now: Progress,
        sink: &mut Sink<'_>,
    ) {
        let Some(next) = object.next.get_mut(direction.index()) else { return };
        let all = now.position.saturating_sub(next.position);
        let ring_full = now.ring_full.saturating_sub(next.ring_full).min(all);
        let fault = now.faults.saturating_sub(next.faults).min(all - ring_full);
        let causes = [
            (MissingCause::RingFull, ring_full),
            (MissingCause::Fault, fault),
            (MissingCause::Overload, all - ring_full - fault),
        ];
        for (cause, len) in causes.into_iter().filter(|(_, len)| *len > 0) {
            let sender = connection.sender(direction);
            let position = connection.advance(direction, len);
            let kind = RecordKind::Missing { sender, position, len, cause };
            sink(Record { connection: self.id, at: self.at, kind });
        }
        if all > 0 {
            *next = now;
        }
    }
}

impl Connection {
    pub(crate) const fn sender(&self, direction: Direction) -> Side {
        match direction {
            Direction::Read => self.side.opposite(),
            Direction::Write => self.side,
        }
    }

    /// Goes on in a direction; gives where that was before.
    pub(crate) fn advance(&mut self, direction: Direction, len: u64) -> u64 {
        let Some(told) = self.told.get_mut(direction.index()) else { return 0 };
        let before = *told;
        *told = before.saturating_add(len);
        before
    }
}

/// Longer than the two ends of a TCP handshake within a host lie apart, in nanoseconds.
const HANDSHAKE_NS: u64 = 3_000_000_000;
