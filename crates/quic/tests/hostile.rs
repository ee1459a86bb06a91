//! Datagrams that nobody should send.
#![cfg(test)]

#[expect(dead_code, reason = "a part is enough here")]
mod sealed;

use proptest::prelude::*;
use quic::{Connections, Event, Scratch, Way, google_version, looks_like_quic};
use sealed::{Initial, Keys, crypto};

proptest! {
    #[test]
    fn arbitrary_datagrams_are_survived(datagrams in prop::collection::vec(datagram(), 1..20)) {
        survive(&datagrams);
    }

    #[test]
    fn arbitrary_frames_are_survived(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 4..200), 1..10),
    ) {
        let keys = Keys::client();
        let datagrams: Vec<_> =
            payloads.iter().map(|payload| Initial::client(payload).seal(&keys)).collect();
        survive(&datagrams);
    }

    #[test]
    fn a_changed_packet_gives_no_handshake_bytes(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut packet = Initial::client(&crypto(0, &[1; 300])).seal(&Keys::client());
        let at = at.index(packet.len());
        packet[at] ^= 1 << bit;
        let mut connections = Connections::new();
        connections.handle(Way::Forward, &packet, &mut Scratch::default(), &mut |event| {
            assert!(!matches!(event, Event::Crypto { .. }), "byte {at} changed");
        });
    }
}

fn survive(datagrams: &[Vec<u8>]) {
    let (mut connections, mut scratch) = (Connections::new(), Scratch::default());
    for (index, datagram) in datagrams.iter().enumerate() {
        let from = if index % 3 == 0 { Way::Backward } else { Way::Forward };
        assert!(!looks_like_quic(datagram) || google_version(datagram).is_none());
        connections.handle(from, datagram, &mut scratch, &mut |_| {});
        assert!(connections.heap_size() < MOST_HEAP);
    }
    connections.finish(&mut |_| {});
}

/// Bytes that begin like a QUIC packet more often than not.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let version = prop::sample::select(vec![0_u32, 1, 0x6b33_43cf, 0xff00_001d, 0x0a0a_0a0a]);
    let lens = (0_usize..24, 0_usize..24, any::<bool>());
    let rest = prop::collection::vec(any::<u8>(), 0..300);
    (any::<u8>(), version, lens, rest).prop_map(|(first, version, lens, rest)| {
        let (destination, source, fitting) = lens;
        let mut datagram = vec![first | 0x80];
        datagram.extend(version.to_be_bytes());
        for len in [destination, source] {
            datagram.push(u8::try_from(len).unwrap());
            datagram.extend(vec![7; len]);
        }
        if fitting {
            datagram.push(0);
            datagram.extend(sealed::varint(rest.len() as u64));
        }
        datagram.extend(rest);
        datagram
    })
}

/// What the limits add up to: four connections of two streams of 64 KiB, which a vector may hold
/// twice while it grows, and as much again for all else.
const MOST_HEAP: usize = 2 * 4 * 2 * 2 * 64 * 1024;
