//! CRYPTO frames: any cut, any order, any overlap, and limits.
#![cfg(test)]

#[expect(dead_code, reason = "a part is enough here")]
mod sealed;

use proptest::prelude::*;
use quic::{Anomaly, Connections, Event, Scratch, Way};
use sealed::{Initial, Keys, crypto};

proptest! {
    #[test]
    fn frames_in_any_order_give_the_same_bytes(
        message in prop::collection::vec(any::<u8>(), 1..3000),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..600), 0..40),
        frames_per_packet in 1_usize..5,
        seed in any::<u64>(),
    ) {
        let mut frames: Vec<_> = cuts
            .iter()
            .map(|(start, len)| {
                let start = start.index(message.len());
                (start, message.len().min(start + len))
            })
            .collect();
        // Whatever the cuts leave out comes as well.
        frames.extend((0..message.len()).step_by(700).map(|at| (at, message.len().min(at + 700))));
        shuffle(&mut frames, seed);

        let packets: Vec<Vec<u8>> = frames
            .chunks(frames_per_packet)
            .map(|frames| {
                let frame = |(start, end): &(usize, usize)| {
                    crypto(*start as u64, &message[*start..*end])
                };
                frames.iter().flat_map(frame).collect()
            })
            .collect();
        let (bytes, anomalies) = run(&packets);
        prop_assert_eq!(bytes, message);
        prop_assert_eq!(anomalies, []);
    }
}

#[test]
fn each_byte_is_given_as_soon_as_it_is_in_order() {
    let (bytes, _) = run(&[crypto(0, b"ab"), crypto(3, b"d")]);
    assert_eq!(bytes, b"ab");
    let (bytes, _) = run(&[crypto(0, b"ab"), crypto(3, b"d"), crypto(2, b"c")]);
    assert_eq!(bytes, b"abcd");
}

#[test]
fn the_first_copy_is_kept_and_another_is_an_anomaly() {
    let conflict = |offset| [Anomaly::ConflictingCrypto { offset }];
    let delivered = [crypto(0, b"abcd"), crypto(1, b"bXde")];
    assert_eq!(run(&delivered), (b"abcde".to_vec(), conflict(2).to_vec()));
    let waiting = [crypto(2, b"cd"), crypto(1, b"bcXe"), crypto(0, b"a")];
    assert_eq!(run(&waiting), (b"abcde".to_vec(), conflict(3).to_vec()));
}

#[test]
fn bytes_past_the_limit_are_dropped_and_told() {
    let filler: Vec<_> = (0..65).map(|index| crypto(index * 1000, &[7; 1000])).collect();
    let last = crypto(65_000, &[8; 1000]);
    let (bytes, anomalies) = run(&[&filler[..], &[last]].concat());
    assert_eq!(bytes.len(), 65_536);
    assert_eq!(anomalies, [Anomaly::CryptoTooLong { offset: 65_536 }]);
    let far = (1 << 62) - 1;
    let (bytes, anomalies) = run(&[crypto(far, b"x")]);
    assert_eq!((bytes, anomalies), (vec![], vec![Anomaly::CryptoTooLong { offset: far }]));
}

#[test]
fn pieces_past_the_limit_are_dropped_and_told() {
    let mut frames: Vec<_> = (1..=129).map(|index| crypto(index * 2, b"x")).collect();
    let (_, anomalies) = run(&frames);
    assert_eq!(anomalies, [Anomaly::CryptoTooScattered { offset: 258 }]);
    frames.pop();
    frames.push(crypto(0, &[b'x'; 300]));
    assert_eq!(run(&frames), (vec![b'x'; 300], vec![]));
}

#[test]
fn an_empty_frame_changes_nothing() {
    let frames = [crypto(0, b""), crypto(9, b""), crypto(0, b"ab"), crypto(1, b"")];
    assert_eq!(run(&frames), (b"ab".to_vec(), vec![]));
}

/// Sends one packet for each payload; returns the handshake bytes and the anomalies.
fn run(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<Anomaly>) {
    let (mut connections, mut scratch) = (Connections::new(), Scratch::default());
    let (mut handshake, mut anomalies) = (Vec::new(), Vec::new());
    let keys = Keys::client();
    for (payload, packet_number) in payloads.iter().zip(0..) {
        let packet =
            Initial { packet_number, packet_number_len: 4, ..Initial::client(payload) }.seal(&keys);
        connections.handle(Way::Forward, &packet, &mut scratch, &mut |event| {
            if let Event::Crypto { bytes, .. } = event {
                handshake.extend(bytes);
            } else if let Event::Anomaly { anomaly, .. } = event {
                anomalies.push(anomaly);
            }
        });
    }
    (handshake, anomalies)
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for index in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(index, usize::try_from(seed >> 33).unwrap() % (index + 1));
    }
}
