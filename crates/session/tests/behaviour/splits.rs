//! However a conversation is cut, mixed up and repeated, it is the same session.

use event::TlsEvent;
use proptest::prelude::*;

use crate::analysis::{analyse, json, one};
use crate::conversation::Conversation;
use crate::flights::{Flights, smtp, tls12, tls12_end, tls12_server_flight, tls13, tls13_end};
use crate::messages::{
    ClientHello, HANDSHAKE, X25519MLKEM768, change_cipher_spec, records_of, server_hello13,
};
use crate::packets::Flow;
use crate::packets::Side::{Client, Server};

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_of_any_length_in_any_order_give_the_same_event(
        kind in 0..4_usize,
        lens in prop::collection::vec(1..1400_usize, 1..40),
        moves in prop::collection::vec(0..WINDOW, 0..60),
        copies in prop::collection::vec((0..1000_usize, 0..WINDOW), 0..10),
    ) {
        let (flights, expected) = conversation(kind);
        let mut frames = cut(&flights, &lens).frames;
        for (place, distance) in moves.iter().enumerate() {
            let place = 3 + place * 2;
            if place + distance < frames.len() {
                let frame = frames.remove(place + distance);
                frames.insert(place, frame);
            }
        }
        for (place, distance) in copies {
            let place = 3 + place % (frames.len() - 3);
            let frame = frames[place].clone();
            frames.insert((place + distance).min(frames.len()), frame);
        }
        assert_same(&one(&frames), &expected);
    }

    #[test]
    fn a_lost_segment_leaves_one_event_that_says_so(
        kind in 0..4_usize,
        lens in prop::collection::vec(100..1400_usize, 1..20),
        lost in 0..1000_usize,
    ) {
        let (flights, expected) = conversation(kind);
        let mut frames = cut(&flights, &lens).frames;
        frames.remove(3 + lost % (frames.len() - 3));
        let events = analyse(&frames);
        prop_assert_eq!(events.len(), 1);
        let is_marked = events[0].tlsight.partial.contains(&"gap".into());
        prop_assert!(is_marked || content(&events[0]) == content(&expected), "{}", json(&events[0]));
    }

    #[test]
    fn records_of_any_length_give_the_same_event(
        lens in prop::collection::vec(1..600_usize, 1..10),
        segment in 1..1400_usize,
    ) {
        for (flights, messages) in [(tls12(), tls12_in(&lens)), (tls13(), tls13_in(&lens))] {
            let expected = one(&cut(&flights, &[1400]).frames);
            assert_same(&one(&cut(&messages, &[segment]).frames), &expected);
        }
    }

    #[test]
    fn any_bytes_for_any_part_of_a_conversation_give_one_event_at_most(
        kind in 0..4_usize,
        at in 0..4000_usize,
        garbage in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let (mut flights, _) = conversation(kind);
        let total: usize = flights.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut at = at % total;
        for (_, bytes) in &mut flights {
            if at < bytes.len() {
                for (byte, new) in bytes[at..].iter_mut().zip(&garbage) {
                    *byte = *new;
                }
                break;
            }
            at -= bytes.len();
        }
        prop_assert!(analyse(&cut(&flights, &[1400]).frames).len() <= 1);
    }
}

#[test]
fn every_prefix_gives_one_event_as_soon_as_a_hello_was_whole() {
    for kind in 0..4 {
        let (flights, _) = conversation(kind);
        let hello_end: usize = {
            let client = flights.iter().position(|(_, bytes)| bytes.starts_with(&[22, 3])).unwrap();
            flights[..=client].iter().map(|(_, bytes)| bytes.len()).sum()
        };
        let total: usize = flights.iter().map(|(_, bytes)| bytes.len()).sum();
        let lens = (0..=total).step_by(13).chain(hello_end - 2..hello_end + 3).chain([total]);
        for len in lens {
            let mut left = len;
            let mut conversation = Conversation::new();
            for (side, bytes) in &flights {
                conversation.send(*side, &bytes[..left.min(bytes.len())]);
                left = left.saturating_sub(bytes.len());
            }
            let events = analyse(&conversation.frames).len();
            assert_eq!(events, usize::from(len >= hello_end), "prefix of {len} bytes, {kind}");
        }
    }
}

#[test]
fn records_and_segments_of_one_byte_give_the_same_event() {
    for (flights, messages) in [(tls12(), tls12_in(&[1])), (tls13(), tls13_in(&[1]))] {
        let expected = one(&cut(&flights, &[1400]).frames);
        assert_same(&one(&cut(&messages, &[1]).frames), &expected);
    }
}

#[test]
fn the_sides_of_a_conversation_may_come_one_after_the_other() {
    for kind in 0..2 {
        let (flights, expected) = conversation(kind);
        let frames = cut(&flights, &[1400]).frames;
        let (client, server): (Vec<_>, Vec<_>) =
            frames[3..].iter().cloned().partition(|frame| frame[11] == 1);
        let opening = &frames[..3];
        for sides in [[&client[..], &server], [&server, &client]] {
            let event = one(&[opening, sides[0], sides[1]].concat());
            assert_same(&event, &expected);
        }
    }
}

/// A conversation, and its event if nothing disturbs it.
fn conversation(kind: usize) -> (Flights, TlsEvent) {
    let flights = match kind {
        0 => tls12(),
        1 => tls13(),
        2 => smtp(tls12()),
        _ => smtp(tls13()),
    };
    let event = one(&cut(&flights, &[1400]).frames);
    assert!(event.tls.established);
    assert_eq!(event.tlsight.starttls, (kind > 1).then_some("smtp"));
    (flights, event)
}

/// Cuts each flight into segments of these lengths in turn.
fn cut(flights: &Flights, lens: &[usize]) -> Conversation {
    let mut conversation = Conversation::on(Flow { server_port: 9, ..Flow::default() });
    let mut lens = lens.iter().copied().cycle();
    for (side, bytes) in flights {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(lens.next().unwrap().min(rest.len()));
            conversation.send(*side, piece);
            rest = behind;
        }
    }
    conversation
}

/// The flights of TLS 1.2 with the clear messages in records of these lengths in turn.
fn tls12_in(lens: &[usize]) -> Flights {
    let mut flights = vec![
        (Client, records(&ClientHello::tls12().message(), lens)),
        (Server, records(&tls12_server_flight().concat(), lens)),
    ];
    flights.extend(tls12_end());
    flights
}

fn tls13_in(lens: &[usize]) -> Flights {
    let server = server_hello13(&[0x5e; 32], X25519MLKEM768, &[]);
    let mut flights = vec![
        (Client, records(&ClientHello::tls13().message(), lens)),
        (Server, [records(&server, lens), change_cipher_spec()].concat()),
    ];
    flights.extend(tls13_end());
    flights
}

fn records(bytes: &[u8], lens: &[usize]) -> Vec<u8> {
    let (mut rest, mut records) = (bytes, Vec::new());
    for len in lens.iter().cycle() {
        let (piece, behind) = rest.split_at((*len).min(rest.len()));
        records.extend(records_of(HANDSHAKE, piece, piece.len().max(1)));
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    records
}

#[track_caller]
fn assert_same(event: &TlsEvent, expected: &TlsEvent) {
    let (event, expected) = (json(&content(event)), json(&content(expected)));
    for object in ["client", "server", "source", "destination", "tls", "tlsight", "event"] {
        for (name, value) in expected[object].as_object().unwrap() {
            assert_eq!(&event[object][name], value, "{object}.{name}");
        }
    }
    assert_eq!(event, expected);
}

/// What does not depend on when, in how many packets and in which order bytes came.
fn content(event: &TlsEvent) -> TlsEvent {
    let mut event = event.clone();
    event.event.duration = 0;
    for party in [&mut event.source, &mut event.destination, &mut event.client, &mut event.server] {
        (party.bytes, party.packets) = (None, None);
    }
    event.tlsight.timing = event::Timing::default();
    let epoch = event::Timestamp::default();
    (event.timestamp, event.event.start, event.event.end) = (epoch, epoch, epoch);
    event
}

/// Segments over which a segment may be moved: fewer than those after which a hole is given up.
const WINDOW: usize = 12;
