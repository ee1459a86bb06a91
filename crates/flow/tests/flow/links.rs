//! Every link type.

use flow::Direction::{self, FromInitiator, FromResponder};
use wire::LinkType;

use crate::packets::{CLIENT_MAC, TCP, UDP, ethernet, ipv4, ipv6, packet, tcp, udp, vlan};
use crate::recorder::{Call, Recorder};

#[test]
fn tcp_is_found_on_every_link() {
    let v4 = ipv4(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"hello"));
    let v6 = ipv6(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"hello"));
    let cooked =
        |ether_type: [u8; 2]| [&[0, 0, 0, 1, 0, 6][..], &CLIENT_MAC, &[0, 0], &ether_type].concat();
    let cooked_2 = |ether_type: [u8; 2]| {
        [&ether_type[..], &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &CLIENT_MAC, &[0, 0]].concat()
    };
    let pppoe = |len: usize| {
        let len = u16::try_from(len + 2).unwrap().to_be_bytes();
        [0x11, 0, 0, 1, len[0], len[1], 0, 0x21]
    };
    for (link, header, ip) in [
        (LinkType::NULL, vec![2, 0, 0, 0], &v4),
        (LinkType::NULL, vec![0, 0, 0, 2], &v4),
        (LinkType::NULL, vec![30, 0, 0, 0], &v6),
        (LinkType::LOOP, vec![0, 0, 0, 24], &v6),
        (LinkType::NULL, vec![28, 0, 0, 0], &v6),
        (LinkType::NULL, vec![10, 0, 0, 0], &v6),
        (LinkType::RAW, vec![], &v4),
        (LinkType::RAW_DLT, vec![], &v6),
        (LinkType::RAW_OPENBSD, vec![], &v4),
        (LinkType::IPV4, vec![], &v4),
        (LinkType::IPV6, vec![], &v6),
        (LinkType::PPP, vec![0, 0x21], &v4),
        (LinkType::PPP_HDLC, vec![0xff, 3, 0, 0x57], &v6),
        (LinkType::PPP_ETHER, pppoe(v4.len()).to_vec(), &v4),
        (LinkType::LINUX_SLL, cooked([8, 0]), &v4),
        (LinkType::LINUX_SLL, cooked([0x86, 0xdd]), &v6),
        (LinkType::LINUX_SLL2, cooked_2([8, 0]), &v4),
        (LinkType::LINUX_SLL2, cooked_2([0x86, 0xdd]), &v6),
        (LinkType::ETHERNET, ethernet(FromInitiator, 0x0800, b""), &v4),
        (LinkType::ETHERNET, ethernet(FromInitiator, 0x86dd, b""), &v6),
        (LinkType::ETHERNET, ethernet(FromInitiator, 0x8864, &pppoe(v4.len())), &v4),
    ] {
        let mut engine = Recorder::engine();
        engine.handle_packet(&packet(link, &[&header[..], ip].concat(), 0));
        let stream = engine.application().stream(FromInitiator);
        assert_eq!(stream, b"hello", "{link:?} with {header:?}");
        let has_mac =
            matches!(link, LinkType::ETHERNET | LinkType::LINUX_SLL | LinkType::LINUX_SLL2);
        engine.finish();
        let flow = engine.application().flows.last().unwrap();
        assert_eq!(flow.mac(FromInitiator).map(|mac| mac.0), has_mac.then_some(CLIENT_MAC));
        assert_eq!(flow.ip_bytes(FromInitiator), ip.len() as u64);
    }
}

#[test]
fn stacked_vlan_tags_and_labels_are_skipped_and_the_outermost_vlan_is_told() {
    let ip = ipv4(FromInitiator, UDP, &udp(FromInitiator, b"hello"));
    let labels = [&[0, 0, 0x10, 0x40, 0, 0, 0x21, 0x40][..], &ip].concat();
    for (frame, id) in [
        (ethernet(FromInitiator, 0x8100, &vlan(0xe005, 0x0800, &ip)), Some(5)),
        (ethernet(FromInitiator, 0x88a8, &vlan(7, 0x8100, &vlan(5, 0x0800, &ip))), Some(7)),
        (ethernet(FromInitiator, 0x9100, &vlan(7, 0x8847, &labels)), Some(7)),
        (ethernet(FromInitiator, 0x8847, &labels), None),
    ] {
        let mut engine = Recorder::engine();
        engine.handle_packet(&packet(LinkType::ETHERNET, &frame, 0));
        let hello = Call::Datagram(FromInitiator, b"hello".to_vec());
        assert_eq!(engine.application().calls, [Call::Open, hello]);
        assert_eq!(engine.application().flows[0].vlan(), id);
    }
}

#[test]
fn directions_in_different_vlans_are_one_flow() {
    let mut engine = Recorder::engine();
    let frame = |direction: Direction, id: u16| {
        let ip = ipv4(direction, UDP, &udp(direction, b"x"));
        ethernet(direction, 0x8100, &vlan(id, 0x0800, &ip))
    };
    engine.handle_packet(&packet(LinkType::ETHERNET, &frame(FromInitiator, 1), 0));
    engine.handle_packet(&packet(LinkType::ETHERNET, &frame(FromResponder, 2), 0));
    assert_eq!(engine.counters().flows_opened, 1);
    let answer = Call::Datagram(FromResponder, b"x".to_vec());
    assert_eq!(engine.application().calls.last(), Some(&answer));
}

#[test]
fn padding_of_short_frames_is_no_payload() {
    let mut frame =
        ethernet(FromInitiator, 0x0800, &ipv4(FromInitiator, UDP, &udp(FromInitiator, b"x")));
    frame.resize(60, 0xee);
    let mut engine = Recorder::engine();
    engine.handle_packet(&packet(LinkType::ETHERNET, &frame, 0));
    let x = Call::Datagram(FromInitiator, b"x".to_vec());
    assert_eq!(engine.application().calls, [Call::Open, x]);
}

#[test]
fn what_is_no_flow_is_counted_by_cause() {
    let mut engine = Recorder::engine();
    let mut give = |link, bytes: &[u8]| engine.handle_packet(&packet(link, bytes, 0));
    give(LinkType(147), b"?");
    give(LinkType::ETHERNET, &ethernet(FromInitiator, 0x0806, &[0; 28]));
    give(LinkType::ETHERNET, &ethernet(FromInitiator, 0x0800, &ipv4(FromInitiator, 1, &[8; 8])));
    give(LinkType::ETHERNET, &ethernet(FromInitiator, 0x0800, &ipv4(FromInitiator, TCP, &[0; 19])));
    give(LinkType::RAW, &[]);
    give(LinkType::ETHERNET, &ethernet(FromInitiator, 0x8100, &[0, 1, 0x81, 0].repeat(50)));
    let counters = engine.counters();
    assert_eq!(counters.packets, 6);
    assert_eq!((counters.packets_not_ip, counters.packets_not_tcp_or_udp), (1, 1));
    assert_eq!((counters.link_type_unknown, counters.headers_malformed), (1, 2));
    assert_eq!(counters.encapsulations_too_deep, 1);
    assert_eq!(counters.flows_opened, 0);
}

#[test]
fn every_prefix_of_a_packet_is_taken_without_panic() {
    let ip = ipv6(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"hello"));
    let frame = ethernet(FromInitiator, 0x8100, &vlan(1, 0x86dd, &ip));
    for len in 0..frame.len() {
        let mut engine = Recorder::engine();
        let mut cut = packet(LinkType::ETHERNET, &frame, 0);
        cut.bytes = &frame[..len];
        engine.handle_packet(&cut);
        engine.finish();
        let counters = engine.counters();
        assert_eq!(counters.packets_truncated, 1);
        assert_eq!(counters.headers_malformed + counters.flows_opened, 1, "{len} bytes");
    }
}
