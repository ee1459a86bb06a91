//! Who a packet is from and to, and its place in its stream.

use std::net::{IpAddr, SocketAddr};

use event::Transport;
use wire::{IpProtocol, Ipv4, Ipv6, Ipv6Extensions, SeqNumber, TcpFlags, TcpSegment};

use crate::record::PacketRecord;

/// The headers of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) transport: Transport,
    /// Flags and number of a TCP segment.
    pub(crate) tcp: Option<Tcp>,
    /// Where the payload begins in the packet.
    pub(crate) payload_at: usize,
}

/// What a TCP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) flags: TcpFlags,
    pub(crate) sequence: SeqNumber,
}

impl Headers {
    /// Reads the headers of a packet that begins with IP; `None` if it is not TCP or UDP in IP.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => {
                let ip = Ipv4::parse(packet).ok()?;
                let addresses = [ip.source.into(), ip.destination.into()];
                Self::upper(addresses, ip.protocol, ip.payload, ip.header_len)
            }
            6 => {
                let ip = Ipv6::parse(packet).ok()?;
                let addresses = [ip.source.into(), ip.destination.into()];
                let upper = Ipv6Extensions::parse(ip.next_header, ip.payload).ok()?;
                let at = Ipv6::HEADER_LEN.checked_add(upper.header_len)?;
                Self::upper(addresses, upper.protocol, upper.payload, at)
            }
            _ => None,
        }
    }

    /// Whether there is more than headers in a packet.
    pub(crate) fn has_payload(&self, packet: &PacketRecord<'_>) -> bool {
        usize::try_from(packet.len).is_ok_and(|len| len > self.payload_at)
    }

    fn upper(
        [source, destination]: [IpAddr; 2],
        protocol: IpProtocol,
        bytes: &[u8],
        at: usize,
    ) -> Option<Self> {
        let &[a, b, c, d, ..] = bytes else { return None };
        let (transport, tcp, header_len) = match protocol {
            IpProtocol::TCP => {
                let segment = TcpSegment::parse(bytes).ok()?;
                let tcp = Tcp { flags: segment.flags, sequence: segment.sequence };
                (Transport::Tcp, Some(tcp), segment.header_len)
            }
            IpProtocol::UDP => (Transport::Udp, None, UDP_HEADER_LEN),
            _ => return None,
        };
        Some(Self {
            source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
            destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
            transport,
            tcp,
            payload_at: at.checked_add(header_len)?,
        })
    }
}

pub(crate) const UDP_HEADER_LEN: usize = 8;
