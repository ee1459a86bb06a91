//! The headers of a packet in the queue.

use std::net::SocketAddr;

use wire::{IpProtocol, Ipv4, Ipv6, Ipv6Extensions, SeqNumber, TcpFlags, TcpSegment};

use crate::message::QueuedPacket;

/// What the headers of a TCP segment say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Number of the first byte of the payload.
    pub(super) sequence: SeqNumber,
    pub(super) acknowledgment: SeqNumber,
    pub(super) flags: TcpFlags,
    /// Length of the payload, also of what was cut off.
    pub(super) len: u32,
}

impl Segment {
    /// `None` for what is no TCP, or a fragment of it.
    pub(super) fn parse(packet: &QueuedPacket<'_>) -> Option<Self> {
        let (source, destination, tcp) = match packet.bytes.first()? >> 4 {
            4 => {
                let ip = Ipv4::parse(packet.bytes).ok()?;
                let is_whole_tcp = ip.protocol == IpProtocol::TCP && ip.fragment.is_none();
                (
                    ip.source.into(),
                    ip.destination.into(),
                    Some(ip.payload).filter(|_| is_whole_tcp)?,
                )
            }
            6 => {
                let ip = Ipv6::parse(packet.bytes).ok()?;
                let inner = Ipv6Extensions::parse(ip.next_header, ip.payload).ok()?;
                let is_whole_tcp = inner.protocol == IpProtocol::TCP && inner.fragment.is_none();
                let payload = Some(inner.payload).filter(|_| is_whole_tcp)?;
                (ip.source.into(), ip.destination.into(), payload)
            }
            _ => return None,
        };
        let tcp = TcpSegment::parse(tcp).ok()?;
        let is_syn = tcp.flags.contains(TcpFlags::SYN);
        let cut_off = packet.len.saturating_sub(packet.bytes.len());
        Some(Self {
            from: SocketAddr::new(source, tcp.source_port),
            to: SocketAddr::new(destination, tcp.destination_port),
            sequence: tcp.sequence.plus(u32::from(is_syn)),
            acknowledgment: tcp.acknowledgment,
            flags: tcp.flags,
            len: u32::try_from(tcp.payload.len().saturating_add(cut_off)).ok()?,
        })
    }

    /// What its flow is found by, whoever sends.
    pub(super) fn key(&self) -> Key {
        if self.from < self.to { (self.from, self.to) } else { (self.to, self.from) }
    }

    /// Whether it begins a connection.
    pub(super) const fn is_first(&self) -> bool {
        self.flags.contains(TcpFlags::SYN) && !self.flags.contains(TcpFlags::ACK)
    }
}

/// Both ends of a flow, in their order.
pub(super) type Key = (SocketAddr, SocketAddr);
