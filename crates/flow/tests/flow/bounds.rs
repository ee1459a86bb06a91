//! Floods.

use flow::Direction::FromInitiator;
use flow::{EndReason, Engine, Limits, Lookout};
use wire::LinkType;

use crate::packets::{ACK, RST, SYN, TCP, ethernet, ipv4, packet, tcp_between, udp_between};
use crate::recorder::{Recorder, at};

#[test]
fn a_flood_of_syns_stays_within_the_table_and_opens_nothing() {
    let limits = Limits { max_flows: 1000, ..Limits::default() };
    let mut engine = Recorder::limited(limits, 0);
    for number in 0..20_000 {
        give(&mut engine, number, SYN, 0, b"");
        assert!(engine.flows_tracked() <= 1000);
    }
    assert_eq!(engine.application().calls, []);
    assert_eq!(engine.counters().flows_opened, 20_000);
    assert_eq!(engine.counters().flows_evicted, 19_000);
    assert!(engine.held_bytes() < 1000 * 1024, "{} bytes", engine.held_bytes());
}

#[test]
fn half_open_flows_with_data_stay_within_the_memory() {
    let limits = Limits { max_buffered_bytes: 1 << 20, ..Limits::default() };
    let mut engine = Recorder::limited(limits, 0);
    for number in 0..20_000 {
        give(&mut engine, number, SYN, 0, b"");
        give(&mut engine, number, ACK, 100, &[7; 1000]);
        assert!(engine.held_bytes() <= 1 << 20);
    }
    assert!(engine.counters().flows_evicted > 15_000);
    let evicted = engine.application().ends();
    assert!(evicted.iter().all(|reason| *reason == EndReason::Evicted));
}

#[test]
fn the_memory_of_application_states_counts() {
    let limits = Limits { max_buffered_bytes: 1 << 20, ..Limits::default() };
    let mut engine = Recorder::limited(limits, 100_000);
    for number in 0..100 {
        give(&mut engine, number, ACK, 1, b"hello");
        assert!(engine.held_bytes() <= 1 << 20);
    }
    assert!(engine.counters().flows_evicted >= 90);
}

#[test]
fn the_flow_that_is_silent_for_longest_goes_first() {
    let limits = Limits { max_flows: 16, ..Limits::default() };
    let mut engine = Recorder::limited(limits, 0);
    for (number, millis) in [(5, 0), (6, 500), (5, 1000)] {
        let bytes = segment(number, ACK, 1, b"hello");
        engine.handle_packet(&packet(LinkType::RAW, &bytes, millis * 1_000_000));
    }
    for number in 100..115 {
        let bytes = segment(number, ACK, 1, b"hello");
        engine.handle_packet(&packet(LinkType::RAW, &bytes, 2_000_000_000));
    }
    assert_eq!(engine.application().ends(), [EndReason::Evicted]);
    let evicted =
        engine.application().flows.iter().rfind(|flow| flow.source_port(FromInitiator) < 100);
    assert_eq!(evicted.map(|flow| flow.source_port(FromInitiator)), Some(6));
}

#[test]
fn a_slot_that_changes_hands_within_a_batch_is_looked_up_again() {
    // The table has room for one flow: the second takes the slot of the first, and is over when the
    // first goes on.
    let packets: Vec<_> = [(1, ACK, 1), (2, ACK, 1), (2, RST, 6), (1, ACK, 6)]
        .map(|(number, flags, place)| {
            let payload: &[u8] = if flags == ACK { b"hello" } else { b"" };
            ethernet(FromInitiator, 0x0800, &segment(number, flags, place, payload))
        })
        .into();
    let limits = Limits { max_flows: 1, ..Limits::default() };
    let mut one_by_one = Recorder::limited(limits, 0);
    for bytes in &packets {
        one_by_one.handle_packet(&packet(LinkType::ETHERNET, bytes, 0));
    }
    let mut in_batches = Recorder::limited(limits, 0);
    let first = packet(LinkType::ETHERNET, &packets[0], 0);
    in_batches.handle_packet(&first);
    let lookout = Lookout::new(limits.hash_seed, 1);
    let mut rest = packets[1..].iter().map(|bytes| {
        let packet = packet(LinkType::ETHERNET, bytes, 0);
        (packet, lookout.sight(&packet))
    });
    while in_batches.handle_some(&mut rest) {}
    assert_eq!(in_batches.application().calls, one_by_one.application().calls);
    assert_eq!(in_batches.counters(), one_by_one.counters());
    assert_eq!(in_batches.counters().flows_opened, 3);
}

#[test]
fn half_open_flows_are_forgotten_in_time() {
    let mut engine = Recorder::engine();
    for number in 0..1000 {
        give(&mut engine, number, SYN, 0, b"");
    }
    engine.handle_timeout(at(29_000));
    assert_eq!(engine.flows_tracked(), 1000);
    engine.handle_timeout(at(31_000));
    assert_eq!((engine.flows_tracked(), engine.held_bytes()), (0, 0));
    assert_eq!(engine.application().calls, []);
}

#[test]
fn packets_alone_move_time_on() {
    let mut engine = Recorder::engine();
    for number in 0..500 {
        give(&mut engine, number, ACK, 1, b"hello");
    }
    for second in 1..140_i64 {
        let bytes = ipv4(FromInitiator, 17, &udp_between((1, 2), b"tick"));
        engine.handle_packet(&packet(LinkType::RAW, &bytes, second * 1_000_000_000));
    }
    let timed_out =
        engine.application().ends().iter().filter(|end| **end == EndReason::Timeout).count();
    assert_eq!(timed_out, 500);
    assert_eq!(engine.flows_tracked(), 1);
}

fn give(engine: &mut Engine<Recorder>, number: u16, flags: u8, sequence: u32, payload: &[u8]) {
    engine.handle_packet(&packet(LinkType::RAW, &segment(number, flags, sequence, payload), 0));
}

fn segment(number: u16, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    ipv4(FromInitiator, TCP, &tcp_between((number, 443), (sequence, 1), flags, payload))
}
