//! Any segmentation in any order gives the stream, and loss gives gaps of the right length.

use std::collections::BTreeSet;

use flow::Direction::FromInitiator;
use flow::{Interest, Lookout, Progress};
use proptest::prelude::*;
use wire::LinkType;

use crate::packets::{SYN, packet};
use crate::recorder::{Call, Recorder};
use crate::talk::{Talk, frame};

proptest! {
    #[test]
    fn any_order_with_repetitions_gives_the_stream(
        stream in prop::collection::vec(any::<u8>(), 1..300),
        cuts in prop::collection::vec(0_usize..300, 0..30),
        repeated in prop::collection::vec((0_usize..300, 1_usize..50), 0..10),
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut segments = segments(stream.len(), &cuts);
        for (start, len) in repeated {
            let start = start % stream.len();
            segments.push((start, (start + len).min(stream.len())));
        }
        shuffle(&mut segments, seed ^ order.index(usize::MAX) as u64);
        let mut talk = Talk::unseen();
        talk.segment(FromInitiator, SYN, -1, 0, b"");
        for (start, end) in segments {
            talk.data(FromInitiator, start as i64, &stream[start..end]);
        }
        prop_assert_eq!(talk.recorder().stream(FromInitiator), stream);
        talk.engine.finish();
        prop_assert_eq!(talk.recorder().gaps(), []);
        prop_assert_eq!(talk.recorder().anomalies(), []);
    }

    #[test]
    fn any_loss_gives_the_rest_and_gaps_of_what_is_missing(
        stream in prop::collection::vec(any::<u8>(), 1..300),
        cuts in prop::collection::vec(0_usize..300, 0..30),
        lost in prop::collection::btree_set(0_usize..30, 0..10),
        seed in any::<u64>(),
    ) {
        let segments = segments(stream.len(), &cuts);
        let (mut kept, expected) = survivors(&stream, &segments, &lost);
        shuffle(&mut kept, seed);
        let mut talk = Talk::unseen();
        talk.segment(FromInitiator, SYN, -1, 0, b"");
        for (start, end) in kept {
            talk.data(FromInitiator, start as i64, &stream[start..end]);
        }
        talk.engine.finish();
        let mut seen = Vec::new();
        for call in &talk.recorder().calls {
            match call {
                Call::Stream(_, bytes) => seen.extend(bytes.iter().copied().map(Some)),
                Call::Gap(_, missing, _) => {
                    let missing = missing.unwrap() as usize;
                    seen.extend(std::iter::repeat_n(None, missing));
                }
                Call::Open | Call::End(_) => {}
                Call::Datagram(..) | Call::Anomaly(..) => panic!("{call:?}"),
            }
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn a_batch_is_taken_as_its_packets_one_by_one(
        segments in prop::collection::vec(
            (any::<bool>(), 0..32_u8, 0..30_i64, 0..30_i64, 0..10_usize),
            0..100,
        ),
        seed in 1..3_u64,
    ) {
        // Long segments end the interest, so that SYNs begin flows in place of those that are done.
        let consume: fn(&[u8]) -> Progress = |bytes| {
            let interest = if bytes.len() > 7 { Interest::Done } else { Interest::Continue };
            Progress { consumed: bytes.len(), opaque: false, interest }
        };
        let frames: Vec<_> = segments
            .iter()
            .map(|(back, flags, place, acknowledged, len)| {
                let direction = if *back { FromInitiator.opposite() } else { FromInitiator };
                frame(direction, *flags, *place, *acknowledged, &vec![7; *len])
            })
            .collect();
        let packets: Vec<_> =
            frames.iter().map(|frame| packet(LinkType::ETHERNET, frame, 0)).collect();
        let (mut one_by_one, mut in_batches) =
            (Recorder::consuming(consume), Recorder::consuming(consume));
        for packet in &packets {
            one_by_one.handle_packet(packet);
        }
        let lookout = Lookout::new(seed, 1);
        let mut sighted = packets.iter().map(|packet| (*packet, lookout.sight(packet)));
        while in_batches.handle_some(&mut sighted) {}
        one_by_one.finish();
        in_batches.finish();
        prop_assert_eq!(&one_by_one.application().calls, &in_batches.application().calls);
        prop_assert_eq!(one_by_one.counters(), in_batches.counters());
    }

    #[test]
    fn any_segments_are_taken_without_panic(
        segments in prop::collection::vec(
            (any::<bool>(), any::<u8>(), -50_i64..50, -50_i64..50, 0_usize..20, 0_i64..100),
            0..60,
        ),
    ) {
        let mut talk = Talk::unseen();
        for (back, flags, place, acknowledged, len, pause) in segments {
            let direction = if back { FromInitiator.opposite() } else { FromInitiator };
            talk.now_ms += pause;
            talk.segment(direction, flags, place, acknowledged, &vec![flags; len]);
        }
        talk.engine.finish();
        prop_assert_eq!(talk.engine.held_bytes(), 0);
        prop_assert_eq!(talk.engine.flows_tracked(), 0);
        let opened = talk.recorder().calls.iter().filter(|call| **call == Call::Open).count();
        prop_assert!(talk.recorder().ends().len() <= opened);
    }
}

/// Parts of a stream of `len` bytes, cut at `cuts`.
fn segments(len: usize, cuts: &[usize]) -> Vec<(usize, usize)> {
    let mut places: BTreeSet<usize> = cuts.iter().map(|cut| cut % len).collect();
    places.extend([0, len]);
    let places: Vec<usize> = places.into_iter().collect();
    places.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The segments that are not lost, and what the stream looks like up to the last of them.
fn survivors(
    stream: &[u8],
    segments: &[(usize, usize)],
    lost: &BTreeSet<usize>,
) -> (Vec<(usize, usize)>, Vec<Option<u8>>) {
    let kept: Vec<_> = segments
        .iter()
        .enumerate()
        .filter(|(index, _)| !lost.contains(index))
        .map(|(_, segment)| *segment)
        .collect();
    let mut expected = Vec::new();
    for (start, end) in &kept {
        expected.resize(*start, None);
        expected.extend(stream[*start..*end].iter().copied().map(Some));
    }
    (kept, expected)
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for index in (1..items.len()).rev() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        items.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
    }
}
