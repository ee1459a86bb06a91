//! The least that must be read of a packet whose flow is done.

use event::Transport;
use wire::{LinkType, Packet, TcpFlags};

use crate::key::{Address, FlowKey, PlainV4Key, Sender, Tag};

/// The flow of a packet and the control bits of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance<K> {
    pub(crate) key: K,
    pub(crate) sender: Sender,
    pub(crate) flags: TcpFlags,
}

/// Reads plain TCP in IPv4 in Ethernet, without IP options or fragments; `None` for all else, and
/// for headers that contradict themselves.
#[inline]
pub(crate) fn glance_v4(packet: &Packet<'_>) -> Option<Glance<PlainV4Key>> {
    let (_addresses, rest) = packet.bytes.split_first_chunk::<12>()?;
    let &[e0, e1, version, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, ref rest @ ..] =
        rest.first_chunk::<42>()?;
    let [s0, s1, s2, s3, d0, d1, d2, d3, p0, p1, q0, q1, rest @ ..] = *rest;
    let [_, _, _, _, _, _, _, _, o, flags, _, _, _, _, _, _] = rest;
    let is_plain = packet.link_type == LinkType::ETHERNET
        && u32::from_be_bytes([0, e0, e1, version]) == ETHERNET_V4_WITHOUT_OPTIONS
        && u32::from_be_bytes([f0, f1, ttl, protocol]) & WHOLE_TCP_MASK == WHOLE_TCP
        && is_whole(u16::from_be_bytes([l0, l1]), 20, o);
    if !is_plain {
        return None;
    }
    let source = (u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([p0, p1]));
    let destination = (u32::from_be_bytes([d0, d1, d2, d3]), u16::from_be_bytes([q0, q1]));
    let (key, sender) = PlainV4Key::new(source, destination);
    Some(Glance { key, sender, flags: TcpFlags(flags) })
}

/// The same for IPv6.
#[inline]
pub(crate) fn glance_v6(packet: &Packet<'_>) -> Option<Glance<FlowKey>> {
    let (_addresses, rest) = packet.bytes.split_first_chunk::<12>()?;
    let (&[e0, e1, version, _, _, _, l0, l1, next_header, _], rest) = rest.split_first_chunk()?;
    let (source, rest) = rest.split_first_chunk()?;
    let (destination, rest) = rest.split_first_chunk()?;
    let &[p0, p1, q0, q1, _, _, _, _, _, _, _, _, o, flags, ..] = rest.first_chunk::<20>()?;
    let is_plain = packet.link_type == LinkType::ETHERNET
        && [e0, e1, version >> 4, next_header] == ETHERNET_V6_TCP
        && is_whole(u16::from_be_bytes([l0, l1]), 0, o);
    if !is_plain {
        return None;
    }
    let source = (Address::from_v6(*source), u16::from_be_bytes([p0, p1]));
    let destination = (Address::from_v6(*destination), u16::from_be_bytes([q0, q1]));
    let (key, sender) = FlowKey::new(source, destination, Tag::new(true, Transport::Tcp, None));
    Some(Glance { key, sender, flags: TcpFlags(flags) })
}

/// Whether the length of a datagram holds the headers: `ip` bytes and those of which the byte with
/// the offset of the data tells (RFC 9293 section 3.1).
#[inline]
const fn is_whole(len: u16, ip: u16, offset: u8) -> bool {
    let header_len = (offset >> 4) as u16 * 4;
    header_len >= 20 && len >= ip + header_len
}

/// Ether type, version and header length.
const ETHERNET_V4_WITHOUT_OPTIONS: u32 = 0x08_00_45;

/// The fragment bits and offset, which are 0, and the protocol (RFC 791 section 3.1).
const WHOLE_TCP_MASK: u32 = 0x3fff_00ff;
const WHOLE_TCP: u32 = 6;

/// Ether type, version and next header.
const ETHERNET_V6_TCP: [u8; 4] = [0x86, 0xdd, 6, 6];
