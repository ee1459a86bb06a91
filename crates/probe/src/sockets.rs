//! From records of the ring to packets of connections, and to who is behind these.

use std::net::{IpAddr, SocketAddr};

use event::{TlsEvent, Transport};
use hashbrown::HashMap;

use crate::batch::Batch;
use crate::clock::Clock;
use crate::connection::{Connection, SeenAt, View};
use crate::ends::{Headers, UDP_HEADER_LEN};
use crate::finished::Finished;
use crate::identity;
use crate::losses::ProbeLosses;
use crate::process::Processes;
use crate::record::{PacketRecord, Record};
use crate::redact::CommandLines;

/// The connections of this host's sockets, and their processes.
///
/// Records go in with [`Self::take`] and come out as packets, each once: if both ends of a connection
/// are on this host, what the second one sees is only used to know its process.
#[derive(Debug)]
pub struct Sockets {
    clock: Clock,
    connections: HashMap<u32, Connection>,
    /// Numbers of the connections between two addresses, the newest last.
    between: HashMap<Ends, Vec<u32>>,
    next: u32,
    processes: Processes,
    losses: ProbeLosses,
    /// That of which the kernel need not copy more.
    finished: Vec<Finished>,
    swept_at: u64,
}

impl Default for Sockets {
    /// With the default for command lines, and times since 1970-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(CommandLines::default(), Clock::default())
    }
}

/// The ends of a connection in numerical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    is_udp: bool,
    low: SocketAddr,
    high: SocketAddr,
}

impl Sockets {
    pub(crate) fn new(command_lines: CommandLines, clock: Clock) -> Self {
        Self {
            clock,
            connections: HashMap::new(),
            between: HashMap::new(),
            next: 0,
            processes: Processes::new(command_lines),
            losses: ProbeLosses::default(),
            finished: Vec::new(),
            swept_at: 0,
        }
    }

    /// Takes one record of the ring and adds the packets that it brings to `batch`.
    pub fn take(&mut self, record: &[u8], batch: &mut Batch) {
        match Record::parse(record) {
            Some(Record::Packet(packet)) => self.packet(&packet, batch),
            Some(Record::Process(process)) => self.processes.insert(&process, self.clock),
            None => self.losses.records_unreadable += 1,
        }
    }

    /// Takes note that no more packets of a connection are wanted.
    pub fn dismiss(&mut self, number: u32) {
        if let Some(connection) = self.connections.get_mut(&number)
            && !connection.is_done
        {
            connection.is_done = true;
            self.finished.extend(connection.finished());
        }
    }

    /// Says in an event of a connection who its ends are; a connection of TCP is over with that.
    pub fn complete(&mut self, number: u32, event: &mut TlsEvent) {
        let Some(connection) = self.connections.get(&number) else { return };
        if connection.ends_with_its_session() {
            self.dismiss(number);
        }
        let Some(connection) = self.connections.get(&number) else { return };
        if identity::complete(event, connection, &mut self.processes) {
            return;
        }
        self.losses.processes_unknown += 1;
    }

    /// Changes what becomes of command lines.
    #[cfg(target_os = "linux")]
    pub(crate) fn set_command_lines(&mut self, command_lines: CommandLines) {
        self.processes.set_command_lines(command_lines);
    }

    /// What was not seen.
    pub(crate) const fn losses(&self) -> ProbeLosses {
        let command_lines_unknown = self.processes.command_lines_unknown();
        ProbeLosses { command_lines_unknown, ..self.losses }
    }

    pub(crate) const fn losses_mut(&mut self) -> &mut ProbeLosses {
        &mut self.losses
    }

    pub(crate) const fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// What has become finished since the last call.
    pub(crate) fn take_finished(&mut self) -> impl Iterator<Item = Finished> {
        self.finished.drain(..)
    }

    fn packet(&mut self, packet: &PacketRecord<'_>, batch: &mut Batch) {
        let Some(headers) = Headers::parse(packet.bytes) else {
            self.losses.records_unreadable += 1;
            return;
        };
        if packet.time.saturating_sub(self.swept_at) > SWEEP_EVERY_NS {
            self.swept_at = packet.time;
            self.sweep(packet.time);
        }
        let view = View::of(packet, &headers);
        let (number, seen_at) = self.connection(&view, packet, &headers);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.note(seen_at, view, packet, &headers);
        if connection.is_done {
            self.finished.extend(connection.finished());
        } else if seen_at == SeenAt::First {
            push(batch, number, packet, &headers, self.clock);
        }
    }

    /// The connection of a packet, which it may begin.
    fn connection(
        &mut self,
        view: &View,
        packet: &PacketRecord<'_>,
        headers: &Headers,
    ) -> (u32, SeenAt) {
        let ends = Ends::of(headers);
        let newest_first = self.between.get(&ends).into_iter().flatten().rev();
        for number in newest_first {
            let connection = self.connections.get(number);
            if let Some(seen_at) =
                connection.and_then(|connection| connection.recognise(view, packet, headers))
            {
                return (*number, seen_at);
            }
        }
        if self.connections.len() >= MAX_CONNECTIONS {
            self.sweep(packet.time);
            if self.connections.len() >= MAX_CONNECTIONS {
                self.evict();
            }
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1) & MAX_NUMBER;
        self.connections.insert(number, Connection::new(*view, headers));
        let numbers = self.between.entry(ends).or_default();
        if numbers.len() >= MAX_BETWEEN {
            let oldest = numbers.remove(0);
            self.connections.remove(&oldest);
        }
        numbers.push(number);
        (number, SeenAt::First)
    }

    /// Forgets the connections that are over or silent.
    fn sweep(&mut self, now: u64) {
        self.connections.retain(|_, connection| {
            let limit = if connection.is_done { DONE_NS } else { SILENT_NS };
            now.saturating_sub(connection.last_seen) <= limit
        });
        self.forget_numbers();
    }

    /// Forgets connections, of which there are too many and none is known to be over: those on which
    /// nothing was said yet, or all.
    fn evict(&mut self) {
        let before = self.connections.len();
        self.connections.retain(|_, connection| connection.has_payload());
        if self.connections.len() > MAX_CONNECTIONS / 2 {
            self.connections.clear();
        }
        self.losses.connections_evicted += (before - self.connections.len()) as u64;
        self.forget_numbers();
    }

    fn forget_numbers(&mut self) {
        let connections = &self.connections;
        self.between.retain(|_, numbers| {
            numbers.retain(|number| connections.contains_key(number));
            !numbers.is_empty()
        });
    }
}

impl Ends {
    fn of(headers: &Headers) -> Self {
        let is_udp = headers.transport == Transport::Udp;
        let (low, high) =
            (headers.source.min(headers.destination), headers.source.max(headers.destination));
        Self { is_udp, low, high }
    }
}

/// Adds a packet to a batch; one that is several datagrams, as several.
fn push(
    batch: &mut Batch,
    number: u32,
    packet: &PacketRecord<'_>,
    headers: &Headers,
    clock: Clock,
) {
    let time = clock.at(packet.time);
    let payload = packet.bytes.split_at_checked(headers.payload_at);
    match (packet.segment_len, payload) {
        (Some(segment_len), Some((header, payload)))
            if headers.transport == Transport::Udp && payload.len() > segment_len =>
        {
            for datagram in payload.chunks(segment_len).take(MAX_DATAGRAMS) {
                push_datagram(batch, number, header, datagram, time);
            }
        }
        _ => batch.push(number, time, packet.len, [packet.bytes, &[]]),
    }
}

/// Adds a datagram of its own, with the lengths in its headers set right.
fn push_datagram(
    batch: &mut Batch,
    number: u32,
    header: &[u8],
    datagram: &[u8],
    time: event::Timestamp,
) {
    let mut header = header.to_vec();
    let ip_len = header.len().saturating_sub(UDP_HEADER_LEN);
    let is_v6 = header.first().is_some_and(|byte| byte >> 4 == 6);
    let udp_len = UDP_HEADER_LEN.saturating_add(datagram.len());
    let (place, len) = if is_v6 {
        (4, header.len().saturating_add(datagram.len()).saturating_sub(IPV6_HEADER_LEN))
    } else {
        (2, header.len().saturating_add(datagram.len()))
    };
    for (place, len) in [(place, len), (ip_len.saturating_add(4), udp_len)] {
        let len = u16::try_from(len).unwrap_or(0).to_be_bytes();
        if let Some(field) = header.get_mut(place..place.saturating_add(2)) {
            field.copy_from_slice(&len);
        }
    }
    let len = u32::try_from(header.len().saturating_add(datagram.len())).unwrap_or(u32::MAX);
    batch.push(number, time, len, [&header, datagram]);
}

/// The address of one side of an event.
pub(crate) fn address_of(party: &event::Party) -> Option<SocketAddr> {
    let ip: IpAddr = party.ip.as_str().parse().ok()?;
    Some(SocketAddr::new(ip, party.port))
}

const IPV6_HEADER_LEN: usize = 40;

/// Connections at a time: at some 400 bytes each about 50 MB at most, and more than the handshakes
/// that a host has under way.
const MAX_CONNECTIONS: usize = 1 << 17;

/// The number of a connection has 24 bits in a packet ([`wire::LinkType::SOCKET`]).
const MAX_NUMBER: u32 = (1 << 24) - 1;

/// Connections between the same addresses and ports: old ones, and those of other namespaces.
const MAX_BETWEEN: usize = 64;

/// Datagrams in one packet (`UDP_MAX_SEGMENTS` of Linux).
const MAX_DATAGRAMS: usize = 128;

const SWEEP_EVERY_NS: u64 = 1_000_000_000;

/// A connection that is done is kept for the packets of its other socket that are on their way.
const DONE_NS: u64 = 5_000_000_000;

/// Longer than any session is waited for in silence, which is 120 s.
const SILENT_NS: u64 = 150_000_000_000;

#[cfg(test)]
mod tests;
