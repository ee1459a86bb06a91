//! Fragmented datagrams.

use flow::Direction::FromInitiator;
use flow::{Engine, FlowAnomaly, Limits};
use wire::LinkType;

use crate::packets::{UDP, ipv4, ipv4_fragment, ipv6, packet, udp, udp_between};
use crate::recorder::{Call, Recorder, at};

const MORE: u16 = 0x2000;

#[test]
fn fragments_in_any_order_make_the_datagram() {
    let payload: Vec<u8> = (0..100).collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        for v6 in [false, true] {
            let mut engine = Recorder::engine();
            let fragments = fragments(v6, 7, &udp(FromInitiator, &payload));
            assert_eq!(fragments.len(), 4);
            for index in order {
                give(&mut engine, &fragments[index], 0);
            }
            let whole = Call::Datagram(FromInitiator, payload.clone());
            assert_eq!(engine.application().calls, [Call::Open, whole], "{order:?}");
            assert_eq!(engine.counters().datagrams_reassembled, 1);
            assert_eq!(engine.held_bytes(), held_without_fragments(&payload));
        }
    }
}

#[test]
fn datagrams_with_other_identifications_do_not_mix() {
    let mut engine = Recorder::engine();
    let (one, two) = ([b'1'; 60], [b'2'; 60]);
    let one = fragments(false, 1, &udp(FromInitiator, &one));
    let two = fragments(false, 2, &udp(FromInitiator, &two));
    for (one, two) in one.iter().zip(&two) {
        give(&mut engine, one, 0);
        give(&mut engine, two, 0);
    }
    let calls = &engine.application().calls;
    assert_eq!(calls[1], Call::Datagram(FromInitiator, vec![b'1'; 60]));
    assert_eq!(calls[2], Call::Datagram(FromInitiator, vec![b'2'; 60]));
}

#[test]
fn a_repeated_fragment_is_counted_and_changes_nothing() {
    let mut engine = Recorder::engine();
    let fragments = fragments(false, 1, &udp(FromInitiator, &[7; 60]));
    give(&mut engine, &fragments[0], 0);
    give(&mut engine, &fragments[0], 0);
    for fragment in &fragments[1..] {
        give(&mut engine, fragment, 0);
    }
    assert_eq!(engine.application().calls[1], Call::Datagram(FromInitiator, vec![7; 60]));
    assert_eq!(engine.counters().fragments_overlapping, 1);
    assert_eq!(engine.application().anomalies(), []);
}

#[test]
fn the_first_of_two_differing_fragments_counts_and_the_flow_learns_of_it() {
    let mut engine = Recorder::engine();
    let datagram = udp(FromInitiator, &[b'a'; 24]);
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, MORE, &datagram[..16]), 0);
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, MORE | 1, &[b'X'; 8]), 0);
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, 2, &datagram[16..]), 0);
    let recorder = engine.application();
    assert_eq!(recorder.calls[1], Call::Datagram(FromInitiator, vec![b'a'; 24]));
    assert_eq!(recorder.anomalies(), [FlowAnomaly::FragmentOverlap]);
}

#[test]
fn what_does_not_become_whole_in_time_is_dropped_and_counted() {
    let mut engine = Recorder::engine();
    let fragments = fragments(false, 1, &udp(FromInitiator, &[7; 60]));
    give(&mut engine, &fragments[0], 0);
    give(&mut engine, &fragments[1], 1000);
    engine.handle_timeout(at(31_000));
    assert_eq!(engine.counters().fragments_timed_out, 2);
    assert_eq!(engine.held_bytes(), 0);
    for fragment in &fragments[2..] {
        give(&mut engine, fragment, 31_001);
    }
    engine.finish();
    assert_eq!(engine.application().calls, []);
    assert_eq!(engine.counters().fragments_timed_out, fragments.len() as u64);
}

#[test]
fn impossible_fragments_are_refused() {
    let mut engine = Recorder::engine();
    for (bits, len) in [(MORE, 7), (MORE, 0), (0x1fff, 16), (2, 0)] {
        give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, bits, &vec![0; len]), 0);
    }
    assert_eq!(engine.counters().fragments_malformed, 4);
    assert_eq!(engine.held_bytes(), 0);
}

#[test]
fn a_second_end_of_the_datagram_is_refused() {
    let mut engine = Recorder::engine();
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, 2, &[0; 8]), 0);
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, 3, &[0; 8]), 0);
    give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, MORE | 3, &[0; 8]), 0);
    assert_eq!(engine.counters().fragments_malformed, 2);
}

#[test]
fn a_flood_of_fragments_stays_within_its_bound() {
    let limits = Limits { max_fragment_bytes: 100_000, ..Limits::default() };
    let mut engine = Recorder::limited(limits, 0);
    for identification in 0..10_000 {
        let fragment = ipv4_fragment(FromInitiator, UDP, identification, MORE, &[0; 512]);
        give(&mut engine, &fragment, 0);
        assert!(engine.held_bytes() <= 100_000);
    }
    engine.finish();
    let counters = engine.counters();
    assert!(counters.fragments_over_limit > 9000);
    assert_eq!(counters.fragments_over_limit + counters.fragments_timed_out, 10_000);
}

#[test]
fn a_datagram_of_too_many_pieces_is_dropped() {
    let mut engine = Recorder::engine();
    for piece in 0..200 {
        give(&mut engine, &ipv4_fragment(FromInitiator, UDP, 1, MORE | (piece * 2), &[0; 8]), 0);
    }
    assert!(engine.counters().fragments_over_limit > 60);
}

#[test]
fn fragments_cut_by_the_capture_are_counted() {
    let fragment = ipv4_fragment(FromInitiator, UDP, 1, MORE, &[0; 64]);
    let mut engine = Recorder::engine();
    let mut cut = packet(LinkType::RAW, &fragment, 0);
    cut.bytes = &fragment[..40];
    engine.handle_packet(&cut);
    assert_eq!(engine.counters().fragments_truncated, 1);
    assert_eq!(engine.held_bytes(), 0);
}

#[test]
fn a_fragmented_tunnel_packet_is_walked_on() {
    let inner = ipv4(FromInitiator, UDP, &udp_between((1, 2), &[9; 80]));
    let mut engine = Recorder::engine();
    give(&mut engine, &ipv4_fragment(FromInitiator, 4, 1, MORE, &inner[..48]), 0);
    give(&mut engine, &ipv4_fragment(FromInitiator, 4, 1, 6, &inner[48..]), 0);
    assert_eq!(engine.application().calls[1], Call::Datagram(FromInitiator, vec![9; 80]));
}

/// Fragments of 32 bytes of a UDP datagram.
fn fragments(v6: bool, identification: u8, datagram: &[u8]) -> Vec<Vec<u8>> {
    let count = datagram.len().div_ceil(32);
    let fragment = |(index, part): (usize, &[u8])| {
        let (offset, more) = (u16::try_from(index * 4).unwrap(), index + 1 < count);
        if v6 {
            let bits = (offset << 3 | u16::from(more)).to_be_bytes();
            let header = [UDP, 0, bits[0], bits[1], 0, 0, 0, identification];
            ipv6(FromInitiator, 44, &[&header[..], part].concat())
        } else {
            let bits = offset | if more { MORE } else { 0 };
            ipv4_fragment(FromInitiator, UDP, identification.into(), bits, part)
        }
    };
    datagram.chunks(32).enumerate().map(fragment).collect()
}

fn give(engine: &mut Engine<Recorder>, bytes: &[u8], millis: i64) {
    engine.handle_packet(&packet(LinkType::RAW, bytes, millis * 1_000_000));
}

fn held_without_fragments(payload: &[u8]) -> usize {
    let mut engine = Recorder::engine();
    give(&mut engine, &ipv4(FromInitiator, UDP, &udp(FromInitiator, payload)), 0);
    engine.held_bytes()
}
