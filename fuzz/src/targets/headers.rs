//! Link, network, tunnel and transport headers.

use std::hint::black_box;

use crate::input::Packets;
use flow::Lookout;
use wire::{
    CookedV1, CookedV2, EnhancedGre, Erspan, Ethernet, Geneve, Gre, GtpU, IpProtocol, Ipv4, Ipv6,
    Ipv6Extensions, L2tp, Loopback, Mpls, Ppp, PppoeSession, TcpSegment, Teredo, UdpDatagram,
    VlanTag, Vxlan,
};

/// Parses the bytes of each packet as every kind of header.
pub fn headers(input: &[u8]) {
    for packet in Packets::new(input) {
        assert!(Lookout::new(1, 7).sight(&packet).shard() < 7);
        let bytes = packet.bytes;
        black_box((Ethernet::parse(bytes).ok(), VlanTag::parse(bytes).ok()));
        black_box((CookedV1::parse(bytes).ok(), CookedV2::parse(bytes).ok()));
        black_box((Loopback::parse(bytes).ok(), Ppp::parse(bytes).ok()));
        black_box((Ipv4::parse(bytes).ok(), Ipv6::parse(bytes).ok()));
        black_box(Ipv6Extensions::parse(IpProtocol(0), bytes).ok());
        black_box(Gre::parse(bytes).ok().and_then(|gre| Erspan::parse(&gre).ok()));
        black_box((EnhancedGre::parse(bytes).ok(), GtpU::parse(bytes).ok()));
        black_box((Geneve::parse(bytes).ok(), Vxlan::parse(bytes).ok(), L2tp::parse(bytes).ok()));
        black_box((Mpls::parse(bytes).ok(), PppoeSession::parse(bytes).ok()));
        black_box((Teredo::parse(bytes).ok(), UdpDatagram::parse(bytes).ok()));
        black_box(TcpSegment::parse(bytes).ok().and_then(|segment| segment.window_scale()));
    }
}
