//! The walk from the link to the innermost TCP segment or UDP datagram.

mod cursor;
mod glance;
mod tunnel;

pub(crate) use cursor::{Cursor, Discard, Fragment, Outcome, Resume};
pub(crate) use glance::{Glance, glance_v4, glance_v6};

use wire::{
    EtherType, Ethernet, IpProtocol, Ipv4, Ipv6, LinkType, Packet, TcpSegment, UdpDatagram,
};

use crate::flow::Tunnel;
use crate::key::Address;

/// The innermost TCP segment or UDP datagram of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Innermost<'a> {
    pub(crate) network: Network,
    pub(crate) transport: TransportView<'a>,
    /// Payload bytes that were on the wire but were not captured.
    pub(crate) missing: usize,
}

/// Its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TransportView<'a> {
    Tcp(TcpSegment<'a>),
    Udp(UdpDatagram<'a>),
}

/// The IP packet that it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) is_v6: bool,
    /// Length on the wire with headers, in bytes.
    pub(crate) len: usize,
    pub(crate) carrier: Carrier,
}

/// What the IP packet came in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carrier {
    pub(crate) source_mac: Option<[u8; 6]>,
    pub(crate) vlan: Option<u16>,
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) vni: Option<u32>,
}

/// Finds the innermost segment or datagram of `packet`.
#[inline]
pub(crate) fn decapsulate<'a>(packet: &Packet<'a>) -> Outcome<'a> {
    match plain(packet) {
        Some(innermost) => Outcome::Found(innermost),
        None => Cursor::new(packet).walk(),
    }
}

/// The same for plain TCP in IP in Ethernet, in few steps; `None` for all else.
#[inline]
fn plain<'a>(packet: &Packet<'a>) -> Option<Innermost<'a>> {
    if packet.link_type != LinkType::ETHERNET {
        return None;
    }
    let frame = Ethernet::parse(packet.bytes).ok()?;
    let carrier = Carrier { source_mac: Some(frame.source), ..Carrier::default() };
    let (network, payload, payload_len) = match frame.ether_type {
        EtherType::IPV4 => {
            let ip = Ipv4::parse(frame.payload).ok()?;
            if ip.protocol != IpProtocol::TCP || ip.fragment.is_some() {
                return None;
            }
            let payload_len = ip.payload_len?;
            let network = Network {
                source: Address::from_v4(ip.source),
                destination: Address::from_v4(ip.destination),
                is_v6: false,
                len: ip.header_len + payload_len,
                carrier,
            };
            (network, ip.payload, payload_len)
        }
        EtherType::IPV6 => {
            let ip = Ipv6::parse(frame.payload).ok()?;
            if ip.next_header != IpProtocol::TCP {
                return None;
            }
            let payload_len = ip.payload_len?;
            let network = Network {
                source: Address::from_v6(ip.source),
                destination: Address::from_v6(ip.destination),
                is_v6: true,
                len: Ipv6::HEADER_LEN + payload_len,
                carrier,
            };
            (network, ip.payload, payload_len)
        }
        EtherType(_) => return None,
    };
    let segment = TcpSegment::parse(payload).ok()?;
    let missing = cut_off(&segment, payload_len)?;
    Some(Innermost { network, transport: TransportView::Tcp(segment), missing })
}

/// How many of the bytes behind the header of a segment in `len` bytes were not captured; `None` if
/// the header is longer than all.
#[inline]
fn cut_off(segment: &TcpSegment<'_>, len: usize) -> Option<usize> {
    Some(len.checked_sub(segment.header_len)?.saturating_sub(segment.payload.len()))
}
