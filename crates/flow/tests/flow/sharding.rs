//! Packets to workers.

use flow::Direction::{FromInitiator, FromResponder};
use flow::Lookout;
use wire::{LinkType, Packet};

use crate::packets::{TCP, UDP, ipv4, ipv4_fragment, ipv6, packet, tcp, tcp_between, udp_between};

#[test]
fn both_directions_and_all_fragments_of_a_flow_go_to_one_worker() {
    for shards in [1, 2, 3, 8, 64] {
        let of = |bytes: &[u8]| shard(&packet(LinkType::RAW, bytes, 0), shards);
        let first = of(&ipv4(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b"")));
        assert!(first < shards);
        assert_eq!(of(&ipv4(FromResponder, TCP, &tcp(FromResponder, (1, 1), 16, b""))), first);
        assert_eq!(of(&ipv4(FromResponder, UDP, &udp_between((5, 6), b"x"))), first);
        assert_eq!(of(&ipv4_fragment(FromInitiator, TCP, 1, 0x2000, &[0; 24])), first);
        assert_eq!(of(&ipv4_fragment(FromInitiator, TCP, 1, 0x0003, &[0; 24])), first);
        let inner = ipv4(FromResponder, TCP, &tcp(FromResponder, (1, 1), 16, b""));
        assert_eq!(of(&ipv6(FromInitiator, 4, &inner)), first, "the innermost addresses count");
    }
}

#[test]
fn flows_spread_over_the_workers() {
    let mut counts = [0; 4];
    for host in 0..=255 {
        let mut bytes = ipv4(FromInitiator, TCP, &tcp_between((1, 2), (1, 1), 16, b""));
        bytes[15] = host;
        counts[shard(&packet(LinkType::RAW, &bytes, 0), 4)] += 1;
    }
    assert!(counts.iter().all(|count| (32..96).contains(count)), "{counts:?}");
}

#[test]
fn what_is_not_ip_goes_to_the_first_worker() {
    assert_eq!(shard(&packet(LinkType::ETHERNET, &[0; 60], 0), 8), 0);
    let tcp = ipv4(FromInitiator, TCP, &tcp(FromInitiator, (1, 1), 16, b""));
    assert_eq!(shard(&packet(LinkType::RAW, &tcp, 0), 0), 0);
}

fn shard(packet: &Packet<'_>, shards: usize) -> usize {
    Lookout::new(1, shards).sight(packet).shard()
}
