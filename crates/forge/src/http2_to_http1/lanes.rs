//! Streams of a connection as connections of their own.

use std::collections::HashMap;

use event::Timestamp;
use http2::{Event, Sender, StreamId};

use crate::record::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};

/// How streams of one connection are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streams {
    /// They keep the addresses and ports of their connection, and the forger puts them into VLANs of
    /// their own. Suricata takes them for as many flows; what it says of each still names the real
    /// client port.
    #[default]
    Vlans,
    /// They have client ports of their own, for tools that do not look at VLANs, such as Zeek before
    /// version 8.
    Ports,
}

/// The connections that are told in place of one of HTTP/2.
#[derive(Default)]
pub(super) struct Lanes {
    open: HashMap<StreamId, Lane>,
    opened: u16,
}

/// Where the messages of a stream go.
struct Lane {
    id: ConnectionId,
    /// Bytes of each side so far.
    client: u64,
    server: u64,
}

/// Takes the records that come out.
pub(super) type Next<'a> = &'a mut dyn FnMut(&Record<'_>);

/// Makes records of what becomes of streams.
pub(super) struct Teller<'a> {
    pub(super) at: Timestamp,
    pub(super) cause: MissingCause,
    pub(super) opened: &'a Opened,
    pub(super) streams: Streams,
    pub(super) last_id: &'a mut u64,
    pub(super) lanes: &'a mut Lanes,
    pub(super) next: Next<'a>,
}

impl Lanes {
    /// Bytes on the heap.
    pub(super) fn heap_size(&self) -> usize {
        self.open.capacity().saturating_mul(LANE_SIZE)
    }
}

impl Teller<'_> {
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        match *event {
            Event::Opened { stream } => self.open(stream),
            Event::Bytes { stream, sender, bytes } => {
                self.part(stream, sender, bytes.len() as u64, |sender, position| {
                    RecordKind::Data { sender, position, bytes }
                });
            }
            Event::Missing { stream, sender, len } => {
                let (len, cause) = (len.into(), self.cause);
                self.part(stream, sender, len, |sender, position| RecordKind::Missing {
                    sender,
                    position,
                    len,
                    cause,
                });
            }
            Event::Closed { stream, ending } => {
                let Some(lane) = self.lanes.open.remove(&stream) else { return };
                let ending = match ending {
                    http2::Ending::Finished => Ending::Finished,
                    http2::Ending::Reset => Ending::Reset,
                    http2::Ending::Abandoned => Ending::Abandoned,
                };
                self.next(lane.id, RecordKind::Closed(ending));
            }
        }
    }

    fn open(&mut self, stream: StreamId) {
        *self.last_id = self.last_id.saturating_add(1);
        let id = ConnectionId(*self.last_id);
        self.lanes.open.insert(stream, Lane { id, client: 0, server: 0 });
        let mut opened = self.opened.clone();
        if self.streams == Streams::Ports {
            opened.client.set_port(port(opened.client.port(), self.lanes.opened));
        }
        self.lanes.opened = self.lanes.opened.wrapping_add(1);
        self.next(id, RecordKind::Opened(Box::new(opened)));
    }

    fn part<'b>(
        &mut self,
        stream: StreamId,
        sender: Sender,
        len: u64,
        kind: impl FnOnce(Side, u64) -> RecordKind<'b>,
    ) {
        let side = match sender {
            Sender::Client => Side::Client,
            Sender::Server => Side::Server,
        };
        let Some(lane) = self.lanes.open.get_mut(&stream) else { return };
        let position = match side {
            Side::Client => &mut lane.client,
            Side::Server => &mut lane.server,
        };
        let (id, start) = (lane.id, *position);
        *position = start.saturating_add(len);
        self.next(id, kind(side, start));
    }

    fn next(&mut self, connection: ConnectionId, kind: RecordKind<'_>) {
        (self.next)(&Record { connection, at: self.at, kind });
    }
}

/// The client port of the `number`th stream: the real one for the first, then those after it that need
/// no privilege.
fn port(real: u16, number: u16) -> u16 {
    const FIRST: u32 = 1024;
    const COUNT: u32 = (1 << 16) - FIRST;
    if number == 0 {
        return real;
    }
    let behind = u32::from(real).saturating_sub(FIRST).saturating_add(number.into());
    u16::try_from(FIRST + behind % COUNT).unwrap_or(real)
}

/// With its place in a table.
const LANE_SIZE: usize = size_of::<(StreamId, Lane)>() + 1;
