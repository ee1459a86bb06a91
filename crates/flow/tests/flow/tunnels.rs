//! Every tunnel.

use flow::Direction::{FromInitiator, FromResponder};
use flow::Tunnel;
use wire::LinkType;

use crate::packets::{TCP, UDP, ethernet, ipv4, ipv6, packet, tcp, tcp_between, udp, udp_between};
use crate::recorder::Recorder;

#[test]
fn the_innermost_flow_of_every_tunnel_is_found() {
    let ip = ipv4(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"hello"));
    let ip6 = ipv6(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"hello"));
    let frame = ethernet(FromInitiator, 0x0800, &ip);
    let after = |header: &[u8], inner: &[u8]| [header, inner].concat();
    let in_udp =
        |port, payload: &[u8]| ipv4(FromInitiator, UDP, &udp_between((9999, port), payload));
    let gre = |header: &[u8], inner: &[u8]| ipv4(FromInitiator, 47, &[header, inner].concat());
    let vxlan = after(&[8, 0, 0, 0, 0, 0, 5, 0], &frame);
    let ppp = u16::try_from(ip.len() + 2).unwrap().to_be_bytes();
    for (outer, tunnel, vni) in [
        (ipv4(FromInitiator, 4, &ip), Tunnel::IpInIp, None),
        (ipv4(FromInitiator, 41, &ip6), Tunnel::IpInIp, None),
        (ipv6(FromInitiator, 4, &ip), Tunnel::IpInIp, None),
        (ipv4(FromInitiator, 137, &after(&[0, 0, 0x11, 0x40], &ip)), Tunnel::IpInIp, None),
        (gre(&[0, 0, 8, 0], &ip), Tunnel::Gre, None),
        (gre(&[0x20, 0, 0x86, 0xdd, 0, 0, 0, 9], &ip6), Tunnel::Gre, None),
        (gre(&[0, 0, 0x65, 0x58], &frame), Tunnel::Gre, None),
        (gre(&[0, 0, 0x88, 0x47, 0, 0, 0x11, 0x40], &ip), Tunnel::Gre, None),
        (gre(&[0, 0, 0x88, 0xbe], &frame), Tunnel::Erspan, None),
        (
            gre(&[16, 0, 0x88, 0xbe, 0, 0, 0, 1, 16, 1, 0, 5, 0, 0, 0, 0], &frame),
            Tunnel::Erspan,
            None,
        ),
        (
            gre(&[16, 0, 0x22, 0xeb, 0, 0, 0, 1, 32, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], &frame),
            Tunnel::Erspan,
            None,
        ),
        (
            gre(&[0x30, 1, 0x88, 0x0b, ppp[0], ppp[1], 0, 1, 0, 0, 0, 1, 0, 0x21], &ip),
            Tunnel::Pptp,
            None,
        ),
        (in_udp(4789, &vxlan), Tunnel::Vxlan, Some(5)),
        (in_udp(8472, &vxlan), Tunnel::Vxlan, Some(5)),
        (in_udp(6081, &after(&[0, 0, 0x65, 0x58, 0, 0, 6, 0], &frame)), Tunnel::Geneve, Some(6)),
        (in_udp(6081, &after(&[1, 0, 8, 0, 0, 0, 6, 0, 1, 1, 1, 0], &ip)), Tunnel::Geneve, Some(6)),
        (in_udp(2152, &after(&[0x30, 255, 0xff, 0xff, 0, 0, 0, 7], &ip)), Tunnel::GtpU, None),
        (
            in_udp(
                2152,
                &after(&[0x34, 255, 255, 255, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 0, 0], &ip6),
            ),
            Tunnel::GtpU,
            None,
        ),
        (in_udp(3544, &ip6), Tunnel::Teredo, None),
        (in_udp(1701, &after(&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &ip)), Tunnel::L2tp, None),
        (ipv4(FromInitiator, 4, &in_udp(4789, &vxlan)), Tunnel::Vxlan, Some(5)),
    ] {
        let mut engine = Recorder::engine();
        engine.handle_packet(&packet(LinkType::RAW, &outer, 0));
        let recorder = engine.application();
        assert_eq!(recorder.stream(FromInitiator), b"hello", "{tunnel:?} {:?}", engine.counters());
        let flow = &recorder.flows[0];
        assert_eq!((flow.tunnel(), flow.virtual_network()), (Some(tunnel), vni));
    }
}

#[test]
fn equal_addresses_in_two_virtual_networks_are_two_flows() {
    let mut engine = Recorder::engine();
    let mut give = |vni: u8, direction, numbers, payload: &[u8]| {
        let ip = ipv4(direction, TCP, &tcp(direction, numbers, 16, payload));
        let vxlan = [&[8, 0, 0, 0, 0, 0, vni, 0], &ethernet(direction, 0x0800, &ip)[..]].concat();
        let outer = ipv4(FromInitiator, UDP, &udp_between((9999, 4789), &vxlan));
        engine.handle_packet(&packet(LinkType::RAW, &outer, 0));
    };
    give(1, FromInitiator, (100, 1), b"one");
    give(2, FromInitiator, (900, 1), b"two");
    give(1, FromResponder, (1, 103), b"answer");
    assert_eq!(engine.counters().flows_opened, 2);
    assert_eq!(engine.application().stream(FromInitiator), b"onetwo");
    assert_eq!(engine.application().stream(FromResponder), b"answer");
}

#[test]
fn the_two_tunnel_ids_of_a_mobile_user_are_one_flow() {
    let mut engine = Recorder::engine();
    for (direction, teid) in [(FromInitiator, 1), (FromResponder, 2)] {
        let ip = ipv4(direction, UDP, &udp(direction, b"x"));
        let gtp = [&[0x30, 255, 255, 255, 0, 0, 0, teid], &ip[..]].concat();
        let outer = ipv4(FromInitiator, UDP, &udp_between((2152, 2152), &gtp));
        engine.handle_packet(&packet(LinkType::RAW, &outer, 0));
    }
    assert_eq!(engine.counters().flows_opened, 1);
}

#[test]
fn a_tunnel_port_without_a_tunnel_is_a_flow() {
    for port in [4789, 8472, 6081, 2152, 3544, 1701] {
        let mut engine = Recorder::engine();
        let datagram = ipv4(FromInitiator, UDP, &udp_between((9999, port), &[0xc3; 40]));
        engine.handle_packet(&packet(LinkType::RAW, &datagram, 0));
        assert_eq!(engine.counters().flows_opened, 1, "port {port}");
        assert_eq!(engine.application().flows[0].tunnel(), None);
    }
}

#[test]
fn encapsulation_without_end_is_given_up() {
    let mut bytes = ipv4(FromInitiator, TCP, &tcp_between((1, 2), (1, 1), 16, b"hello"));
    for _ in 0..40 {
        bytes = ipv4(FromInitiator, 4, &bytes);
    }
    let mut engine = Recorder::engine();
    engine.handle_packet(&packet(LinkType::RAW, &bytes, 0));
    assert_eq!(engine.counters().encapsulations_too_deep, 1);
    assert_eq!(engine.counters().flows_opened, 0);
}

#[test]
fn an_encapsulation_that_cannot_be_followed_is_a_loss() {
    let mut engine = Recorder::engine();
    let routed = ipv4(FromInitiator, 47, &[0x40, 0, 8, 0, 0, 0, 0, 0]);
    engine.handle_packet(&packet(LinkType::RAW, &routed, 0));
    assert_eq!(engine.counters().encapsulations_unreadable, 1);
}
