//! The least that must be read of a packet whose flow is done.

use event::Transport;
use wire::{EtherType, IpProtocol, LinkType, Packet, TcpFlags};

use crate::key::{Address, FlowKey, Sender, Tag};

/// The flow of a packet and the control bits of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) key: FlowKey,
    pub(crate) sender: Sender,
    pub(crate) flags: TcpFlags,
}

/// Reads plain TCP in IP in Ethernet, without IP options or fragments; `None` for all else, and for
/// headers that contradict themselves.
#[inline]
pub(crate) fn glance(packet: &Packet<'_>) -> Option<Glance> {
    if packet.link_type != LinkType::ETHERNET {
        return None;
    }
    let (_addresses, rest) = packet.bytes.split_first_chunk::<12>()?;
    let (ether_type, ip) = rest.split_first_chunk()?;
    match EtherType(u16::from_be_bytes(*ether_type)) {
        EtherType::IPV4 => v4(ip),
        EtherType::IPV6 => v6(ip),
        EtherType(_) => None,
    }
}

#[inline]
fn v4(ip: &[u8]) -> Option<Glance> {
    let (header, tcp) = ip.split_first_chunk::<20>()?;
    let [version, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *header;
    let fragment = u16::from_be_bytes([f0, f1]) & FRAGMENT_BITS;
    if version != VERSION_4_WITHOUT_OPTIONS || protocol != IpProtocol::TCP.0 || fragment != 0 {
        return None;
    }
    let len = u16::from_be_bytes([l0, l1]).checked_sub(20)?;
    let (source_port, destination_port, flags) = segment(tcp, len)?;
    let source = (u32::from_be_bytes([s0, s1, s2, s3]), source_port);
    let destination = (u32::from_be_bytes([d0, d1, d2, d3]), destination_port);
    let (key, sender) = FlowKey::new_v4(source, destination, Tag::new(false, Transport::Tcp, None));
    Some(Glance { key, sender, flags })
}

#[inline]
fn v6(ip: &[u8]) -> Option<Glance> {
    let (&[version, _, _, _, l0, l1, next_header, _], rest) = ip.split_first_chunk()?;
    if version >> 4 != 6 || next_header != IpProtocol::TCP.0 {
        return None;
    }
    let (source, rest) = rest.split_first_chunk()?;
    let (destination, tcp) = rest.split_first_chunk()?;
    let (source_port, destination_port, flags) = segment(tcp, u16::from_be_bytes([l0, l1]))?;
    let source = (Address::from_v6(*source), source_port);
    let destination = (Address::from_v6(*destination), destination_port);
    let (key, sender) = FlowKey::new(source, destination, Tag::new(true, Transport::Tcp, None));
    Some(Glance { key, sender, flags })
}

/// Ports and control bits of a segment that has `len` bytes with its header.
#[inline]
fn segment(tcp: &[u8], len: u16) -> Option<(u16, u16, TcpFlags)> {
    let (header, _) = tcp.split_first_chunk::<20>()?;
    let [p0, p1, q0, q1, _, _, _, _, _, _, _, _, offset, flags, ..] = *header;
    let header_len = u16::from(offset >> 4) * 4;
    if header_len < 20 || len < header_len {
        return None;
    }
    Some((u16::from_be_bytes([p0, p1]), u16::from_be_bytes([q0, q1]), TcpFlags(flags)))
}

const VERSION_4_WITHOUT_OPTIONS: u8 = 0x45;
/// More fragments, and the offset (RFC 791 section 3.1).
const FRAGMENT_BITS: u16 = 0x3fff;
