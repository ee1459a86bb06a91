//! Building the frames of TCP segments.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::checksum::Checksum;
use crate::ether_type::EtherType;
use crate::ethernet::Ethernet;
use crate::ip_protocol::IpProtocol;
use crate::ipv4::Ipv4;
use crate::ipv6::Ipv6;
use crate::sequence::SeqNumber;
use crate::tcp::TcpSegment;
use crate::tcp_flags::TcpFlags;
use crate::vlan::VlanTag;

/// What all frames from one end of a TCP connection to the other have in common.
#[derive(Clone, Copy, Debug)]
pub struct TcpPath {
    link: [u8; MAX_LINK_LEN],
    link_len: u8,
    addresses: Addresses,
    ports: [u16; 2],
    /// The sum of the pseudo-header without the length, and of the ports.
    sum: Checksum,
}

/// What one TCP segment says, but for its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentFields<'a> {
    /// Sequence number of the first byte, or of the SYN.
    pub sequence: SeqNumber,
    /// The next byte expected from the peer.
    pub acknowledgment: SeqNumber,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window, not scaled.
    pub window: u16,
    /// Options, in whole words of 4 bytes, at most 10 of them; what is more is left out.
    pub options: &'a [u8],
    /// Identification of the IPv4 packet.
    pub identification: u16,
}

#[derive(Clone, Copy, Debug)]
enum Addresses {
    V4 { source: [u8; 4], destination: [u8; 4] },
    V6 { source: [u8; 16], destination: [u8; 16] },
}

impl TcpPath {
    /// The path between two sockets, over Ethernet with these addresses (source, destination) and,
    /// perhaps, a VLAN. It is IPv4 if both addresses are, be it mapped into IPv6 (RFC 4291 section
    /// 2.5.5.2); if one is, it is mapped.
    #[must_use]
    pub fn new(
        macs: ([u8; 6], [u8; 6]),
        vlan: Option<u16>,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Self {
        let addresses = Addresses::new(source.ip(), destination.ip());
        let mut link = [0; MAX_LINK_LEN];
        let mut link_len = 0;
        let outer = if vlan.is_some() { EtherType::VLAN } else { addresses.ether_type() };
        let ethernet = Ethernet::header(macs.1, macs.0, outer);
        let tag = vlan.map(|id| VlanTag::header(id, addresses.ether_type()));
        let bytes = ethernet.iter().chain(tag.iter().flatten());
        for (to, from) in link.iter_mut().zip(bytes) {
            *to = *from;
            link_len += 1;
        }
        let ports = [source.port(), destination.port()];
        let sum = ports.iter().fold(addresses.sum(), |sum, port| sum.with_word(*port));
        Self { link, link_len, addresses, ports, sum }
    }

    /// Whether it is of IPv6.
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        matches!(self.addresses, Addresses::V6 { .. })
    }

    /// Length of the IP header and of a TCP header without options in bytes.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        match self.addresses {
            Addresses::V4 { .. } => 40,
            Addresses::V6 { .. } => 60,
        }
    }

    /// Appends a frame with `data` to `frames`, with its checksums. Of data that does not fit into a
    /// packet (64 KiB with its headers) only the first part is taken.
    #[inline]
    pub fn write(&self, fields: &SegmentFields<'_>, data: &[u8], frames: &mut Vec<u8>) {
        let options = fields.options.get(..MAX_OPTIONS_LEN).unwrap_or(fields.options);
        let header_len = TCP_HEADER_LEN + options.len();
        let room = usize::from(u16::MAX) - (self.header_len() + options.len());
        let data = data.get(..room).unwrap_or(data);
        let tcp_len = u16::try_from(header_len + data.len()).unwrap_or(u16::MAX);

        frames.extend_from_slice(self.link.get(..usize::from(self.link_len)).unwrap_or_default());
        match self.addresses {
            Addresses::V4 { source, destination } => {
                let total_len = tcp_len.saturating_add(IPV4_HEADER_LEN);
                let (protocol, id) = (IpProtocol::TCP, fields.identification);
                frames.extend(Ipv4::header(source, destination, protocol, id, total_len));
            }
            Addresses::V6 { source, destination } => {
                frames.extend(Ipv6::header(source, destination, IpProtocol::TCP, tcp_len));
            }
        }
        let header = TcpSegment::header(self.ports, fields, header_len, 0);
        // The ports, the first word of the header, are in the sum.
        let (_, counted) = header.split_at(PORTS_LEN);
        let sum = self.sum.with_word(tcp_len).with(counted).with(options).with(data);
        frames.extend(TcpSegment::header(self.ports, fields, header_len, sum.finish()));
        frames.extend_from_slice(options);
        frames.extend_from_slice(data);
    }
}

impl Addresses {
    fn new(source: IpAddr, destination: IpAddr) -> Self {
        match (source.to_canonical(), destination.to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Self::V4 { source: source.octets(), destination: destination.octets() }
            }
            (source, destination) => Self::V6 {
                source: mapped(source).octets(),
                destination: mapped(destination).octets(),
            },
        }
    }

    const fn ether_type(&self) -> EtherType {
        match self {
            Self::V4 { .. } => EtherType::IPV4,
            Self::V6 { .. } => EtherType::IPV6,
        }
    }

    /// Of the pseudo-header, with a length of 0.
    fn sum(&self) -> Checksum {
        match *self {
            Self::V4 { source, destination } => {
                Checksum::pseudo_v4(source, destination, IpProtocol::TCP.0, 0)
            }
            Self::V6 { source, destination } => {
                Checksum::pseudo_v6(source, destination, IpProtocol::TCP.0, 0)
            }
        }
    }
}

const fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// Of Ethernet with one VLAN tag.
const MAX_LINK_LEN: usize = 18;
const IPV4_HEADER_LEN: u16 = 20;
const TCP_HEADER_LEN: usize = 20;
const PORTS_LEN: usize = 4;

/// The header's length is told in 4 bits of words (RFC 9293 section 3.1).
const MAX_OPTIONS_LEN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: SegmentFields<'_> = SegmentFields {
        sequence: SeqNumber(0x0102_0304),
        acknowledgment: SeqNumber(0x0506_0708),
        flags: TcpFlags(0x18),
        window: 0x0909,
        options: &[],
        identification: 7,
    };

    #[test]
    fn an_ipv4_segment_is_read_as_it_was_built() {
        let path = path("192.0.2.1:1000", "198.51.100.2:80", None);
        assert!(!path.is_v6());
        let frame = built(&path, &FIELDS, b"odd");
        let ethernet = Ethernet::parse(&frame).unwrap();
        assert_eq!((ethernet.source, ethernet.destination), ([1; 6], [2; 6]));
        let ip = Ipv4::parse(ethernet.payload).unwrap();
        assert_eq!((ip.source, ip.destination), ([192, 0, 2, 1], [198, 51, 100, 2]));
        let pseudo = Checksum::pseudo_v4(ip.source, ip.destination, 6, 23);
        assert_eq!(pseudo.with(ip.payload).finish(), 0);
        assert_segment(ip.payload, b"odd");
    }

    #[test]
    fn an_ipv6_segment_is_read_as_it_was_built() {
        let path = path("[2001:db8::1]:1000", "[2001:db8::2]:80", Some(0x123));
        assert!(path.is_v6());
        for data in [&b""[..], b"even", &[0xff; 9000]] {
            let frame = built(&path, &FIELDS, data);
            let ethernet = Ethernet::parse(&frame).unwrap();
            assert_eq!(ethernet.ether_type, EtherType::VLAN);
            let tag = VlanTag::parse(ethernet.payload).unwrap();
            assert_eq!((tag.id, tag.ether_type), (0x123, EtherType::IPV6));
            let ip = Ipv6::parse(tag.payload).unwrap();
            let len = u32::try_from(ip.payload.len()).unwrap();
            let pseudo = Checksum::pseudo_v6(ip.source, ip.destination, 6, len);
            assert_eq!(pseudo.with(ip.payload).finish(), 0);
            assert_segment(ip.payload, data);
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4_unless_the_other_is_not() {
        assert!(!path("[::ffff:192.0.2.1]:1", "192.0.2.2:2", None).is_v6());
        assert!(!path("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", None).is_v6());
        let mixed = path("192.0.2.1:1", "[2001:db8::2]:2", None);
        let frame = built(&mixed, &FIELDS, b"");
        let ip = Ipv6::parse(&frame[14..]).unwrap();
        assert_eq!(ip.source[10..], [0xff, 0xff, 192, 0, 2, 1]);
    }

    #[test]
    fn options_are_part_of_the_header() {
        let path = path("192.0.2.1:1", "192.0.2.2:2", None);
        let fields = SegmentFields { options: &[2, 4, 5, 0xb4, 1, 3, 3, 14], ..FIELDS };
        let frame = built(&path, &fields, b"");
        let segment = TcpSegment::parse(&frame[34..]).unwrap();
        assert_eq!((segment.header_len, segment.options), (28, fields.options));
        assert_eq!(segment.window_scale(), Some(14));
    }

    #[test]
    fn data_beyond_a_packet_is_left_out() {
        for (from, to) in [("192.0.2.1:1", "192.0.2.2:2"), ("[::1]:1", "[::2]:2")] {
            let path = path(from, to, None);
            let frame = built(&path, &FIELDS, &vec![7; 70_000]);
            assert_eq!(frame.len(), 14 + 65_535);
        }
    }

    fn path(from: &str, to: &str, vlan: Option<u16>) -> TcpPath {
        TcpPath::new(([1; 6], [2; 6]), vlan, from.parse().unwrap(), to.parse().unwrap())
    }

    fn built(path: &TcpPath, fields: &SegmentFields<'_>, data: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        path.write(fields, data, &mut frame);
        frame
    }

    fn assert_segment(bytes: &[u8], data: &[u8]) {
        let segment = TcpSegment::parse(bytes).unwrap();
        assert_eq!((segment.source_port, segment.destination_port), (1000, 80));
        assert_eq!(segment.sequence, FIELDS.sequence);
        assert_eq!(segment.acknowledgment, FIELDS.acknowledgment);
        assert_eq!((segment.flags, segment.window), (FIELDS.flags, FIELDS.window));
        assert_eq!(segment.payload, data);
    }
}
