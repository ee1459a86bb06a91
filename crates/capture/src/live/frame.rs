//! The records of a ring's block: `struct tpacket_block_desc` and `struct tpacket3_hdr` of
//! `linux/if_packet.h`.

use wire::{LinkType, Packet};

use super::link::Link;
use super::statistics::Statistics;
use crate::block::position;

/// A packet from an interface, and what its bytes do not say.
#[derive(Clone, Copy, Debug)]
pub struct LivePacket<'a> {
    /// The packet.
    pub packet: Packet<'a>,
    /// The VLAN tag that kernel or interface took off. It is not in the bytes.
    pub vlan: Option<VlanTag>,
    /// The index of the interface.
    pub interface: u32,
    /// Whether this host sent it.
    pub outgoing: bool,
}

/// A VLAN tag (IEEE 802.1Q section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanTag {
    /// Its type: 0x8100 or 0x88a8.
    pub protocol: u16,
    /// Priority, drop eligibility and, in the lower 12 bits, the VLAN's number.
    pub control: u16,
}

/// Where in a block a packet is, and what was recorded of it.
pub(super) struct Frame {
    timestamp_ns: i64,
    start: u32,
    len: u32,
    wire_len: u32,
    link_type: LinkType,
    vlan: Option<VlanTag>,
    interface: u32,
    outgoing: bool,
}

impl Frame {
    #[inline]
    pub(super) fn packet<'a>(&self, block: &'a [u8]) -> Packet<'a> {
        let start = self.start as usize;
        let end = start.saturating_add(self.len as usize);
        Packet {
            timestamp_ns: self.timestamp_ns,
            link_type: self.link_type,
            wire_len: self.wire_len,
            bytes: block.get(start..end).unwrap_or_default(),
        }
    }

    #[inline]
    pub(super) fn live_packet<'a>(&self, block: &'a [u8]) -> LivePacket<'a> {
        LivePacket {
            packet: self.packet(block),
            vlan: self.vlan,
            interface: self.interface,
            outgoing: self.outgoing,
        }
    }
}

/// Fills `frames` with the packets of `block`.
pub(super) fn index(block: &[u8], frames: &mut Vec<Frame>, statistics: &mut Statistics) {
    frames.clear();
    let Some(header) = block.first_chunk().map(Words::<BLOCK_HEADER_LEN>) else {
        return;
    };
    let (count, mut at) = (header.u32(12), header.u32(16) as usize);
    for passed in 0..count {
        let Some(header) = block.get(at..).and_then(<[u8]>::first_chunk).map(Words) else {
            let lost = u64::from(count - passed);
            statistics.unreadable = statistics.unreadable.saturating_add(lost);
            return;
        };
        frames.extend(frame(block, at, header, statistics));
        at = at.saturating_add(header.u32(0) as usize);
    }
}

#[inline]
fn frame(
    block: &[u8],
    at: usize,
    header: Words<'_, FRAME_HEADER_LEN>,
    statistics: &mut Statistics,
) -> Option<Frame> {
    let (hardware, protocol) = (header.u16(56), u16::from_be(header.u16(50)));
    let outgoing = header.u8(58) == libc::PACKET_OUTGOING;
    if outgoing && hardware == libc::ARPHRD_LOOPBACK {
        statistics.loopback_copies = statistics.loopback_copies.saturating_add(1);
        return None;
    }
    let (link_offset, network_offset) = (header.u16(24), header.u16(26));
    let (link_type, offset) = match Link::of(hardware, protocol) {
        Link::Header(link_type) => (link_type, link_offset),
        Link::Network(link_type) => (link_type, network_offset.max(link_offset)),
        Link::Unknown => {
            statistics.unknown_link = statistics.unknown_link.saturating_add(1);
            return None;
        }
    };
    let skipped = u32::from(offset - link_offset);
    let len = header.u32(12).saturating_sub(skipped);
    let wire_len = header.u32(16).saturating_sub(skipped).max(len);
    let start = at.saturating_add(usize::from(offset));
    if start.checked_add(len as usize).is_none_or(|end| end > block.len()) {
        statistics.unreadable = statistics.unreadable.saturating_add(1);
        return None;
    }
    if len < wire_len {
        statistics.cut_short = statistics.cut_short.saturating_add(1);
    }
    Some(Frame {
        timestamp_ns: i64::from(header.u32(4)) * NANOS + i64::from(header.u32(8)),
        start: position(start),
        len,
        wire_len,
        link_type,
        vlan: vlan(header),
        interface: header.u32(52),
        outgoing,
    })
}

#[inline]
fn vlan(header: Words<'_, FRAME_HEADER_LEN>) -> Option<VlanTag> {
    let status = header.u32(20);
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let protocol = match status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => CUSTOMER_TAG,
        _ => header.u16(36),
    };
    // The kernel keeps the 16 bits of the tag in a field of 32.
    let control = header.u32(32) & 0xffff;
    Some(VlanTag { protocol, control: u16::try_from(control).unwrap_or(0) })
}

/// A kernel record: integers in the order of the host, at offsets that its definition gives.
#[derive(Clone, Copy)]
struct Words<'a, const LEN: usize>(&'a [u8; LEN]);

impl<const LEN: usize> Words<'_, LEN> {
    #[inline(always)]
    fn u8(self, offset: usize) -> u8 {
        self.array::<1>(offset)[0]
    }

    #[inline(always)]
    fn u16(self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.array(offset))
    }

    #[inline(always)]
    fn u32(self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.array(offset))
    }

    #[inline(always)]
    fn array<const N: usize>(self, offset: usize) -> [u8; N] {
        let field = self.0.get(offset..).and_then(<[u8]>::first_chunk);
        debug_assert!(field.is_some(), "the offset is one of the record's fields");
        field.copied().unwrap_or([0; N])
    }
}

/// `struct tpacket_block_desc` up to `blk_len`.
const BLOCK_HEADER_LEN: usize = 24;

/// `struct tpacket3_hdr`, 48 bytes, and of `struct sockaddr_ll` after it what is in front of the
/// address.
const FRAME_HEADER_LEN: usize = 60;

const _: () = {
    assert!(std::mem::offset_of!(libc::tpacket_hdr_v1, num_pkts) + 8 == 12);
    assert!(std::mem::offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt) + 8 == 16);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_sec) == 4);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_nsec) == 8);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_snaplen) == 12);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_len) == 16);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_status) == 20);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_mac) == 24);
    assert!(std::mem::offset_of!(libc::tpacket3_hdr, tp_net) == 26);
    assert!(size_of::<libc::tpacket3_hdr>() == 48);
    assert!(std::mem::offset_of!(libc::sockaddr_ll, sll_protocol) == 2);
    assert!(std::mem::offset_of!(libc::sockaddr_ll, sll_ifindex) == 4);
    assert!(std::mem::offset_of!(libc::sockaddr_ll, sll_hatype) == 8);
    assert!(std::mem::offset_of!(libc::sockaddr_ll, sll_pkttype) == 10);
};

const CUSTOMER_TAG: u16 = 0x8100;

const NANOS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_a_tunnel_begins_at_its_ip_header() {
        let tunnel = Made { hardware: libc::ARPHRD_NONE, ..Made::DEFAULT };
        let (packets, _) = read(&block(&[tunnel]));
        assert_eq!(packets, [(LinkType::IPV4, 46, b"network".to_vec())]);
        let ppp = Made { hardware: libc::ARPHRD_PPP, protocol: 0x86dd, ..Made::DEFAULT };
        let (packets, _) = read(&block(&[ppp]));
        assert_eq!(packets, [(LinkType::IPV6, 46, b"network".to_vec())]);
    }

    #[test]
    fn an_unknown_link_is_counted_and_the_next_packet_given() {
        let unknown =
            Made { hardware: libc::ARPHRD_IEEE80211_RADIOTAP, protocol: 4, ..Made::DEFAULT };
        let (packets, statistics) = read(&block(&[unknown, Made::DEFAULT]));
        assert_eq!(packets, [(LinkType::ETHERNET, 60, b"Ethernet head.network".to_vec())]);
        assert_eq!(statistics.unknown_link, 1);
    }

    #[test]
    fn records_that_point_out_of_the_block_are_counted() {
        let long = Made { captured: u32::MAX, ..Made::DEFAULT };
        let lost = Made { next: u32::MAX, ..Made::DEFAULT };
        let (packets, statistics) = read(&block(&[long, lost, Made::DEFAULT, Made::DEFAULT]));
        assert_eq!((packets.len(), statistics.unreadable), (1, 3));
    }

    #[test]
    fn a_cut_block_never_panics() {
        let whole = block(&[Made::DEFAULT, Made::DEFAULT]);
        for len in 0..whole.len() {
            let (packets, statistics) = read(&whole[..len]);
            let counted = packets.len() as u64 + statistics.unreadable;
            assert_eq!(counted, if len < BLOCK_HEADER_LEN { 0 } else { 2 }, "{len} bytes");
        }
    }

    #[derive(Clone, Copy)]
    struct Made {
        hardware: u16,
        protocol: u16,
        captured: u32,
        next: u32,
    }

    impl Made {
        const DEFAULT: Self =
            Self { hardware: libc::ARPHRD_ETHER, protocol: 0x0800, captured: 21, next: RECORD_LEN };
    }

    fn block(records: &[Made]) -> Vec<u8> {
        let mut block = vec![0; 48];
        block[12..16].copy_from_slice(&u32::try_from(records.len()).unwrap().to_ne_bytes());
        block[16..20].copy_from_slice(&48_u32.to_ne_bytes());
        for made in records {
            let mut record = vec![0; RECORD_LEN as usize];
            for (at, word) in [(0, made.next), (12, made.captured), (16, 60)] {
                record[at..at + 4].copy_from_slice(&word.to_ne_bytes());
            }
            for (at, half) in [(24, 82), (26, 96), (50, made.protocol.to_be()), (56, made.hardware)]
            {
                record[at..at + 2].copy_from_slice(&half.to_ne_bytes());
            }
            record[82..103].copy_from_slice(b"Ethernet head.network");
            block.extend(record);
        }
        block
    }

    fn read(block: &[u8]) -> (Vec<(LinkType, u32, Vec<u8>)>, Statistics) {
        let mut frames = Vec::new();
        let mut statistics = Statistics::default();
        index(block, &mut frames, &mut statistics);
        let packets = frames.iter().map(|frame| frame.packet(block));
        let packets = packets
            .map(|packet| (packet.link_type, packet.wire_len, packet.bytes.to_vec()))
            .collect();
        (packets, statistics)
    }

    const RECORD_LEN: u32 = 112;
}
