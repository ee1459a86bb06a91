//! Which packets wait.

use std::time::Duration;

use handover::{Hold, Label, OnTrip};
use nfqueue::{Fate, Limits, Told};
use wire::TcpFlags;

use crate::world::{
    BOTH, Connection, DEADLINE, HANDSHAKE, World, addr, certificate, change_cipher_spec,
    client_hello, encrypted_handshake, hold, or_abort, protected, retry, server_hello,
};

#[test]
fn a_client_of_tls13_waits_with_its_finished_for_both_secrets() {
    for (sees_input, ends) in [
        (true, [addr("192.0.2.1", 1000), addr("192.0.2.2", 443)]),
        (false, [addr("192.0.2.1", 1000), addr("192.0.2.2", 443)]),
        (true, [addr("2001:db8::1", 1000), addr("2001:db8::2", 443)]),
    ] {
        let mut world = World::new(hold());
        let mut tcp = Connection::begin_between(&mut world, ends, 0, sees_input);
        let hello = tcp.send(&mut world, 0, &client_hello(1, false));
        assert!(!world.waits(hello));
        tcp.send(&mut world, 1, &[server_hello(true), protected(2000)].concat());
        world.take(1, &HANDSHAKE);
        world.take(1, &BOTH);
        let change = tcp.send(&mut world, 0, &change_cipher_spec());
        assert!(!world.waits(change));
        let finished = tcp.send(&mut world, 0, &protected(53));
        let request = tcp.send(&mut world, 0, &protected(100));
        let ack = tcp.signal(&mut world, 0, TcpFlags::ACK);
        let fin = tcp.signal(&mut world, 0, TcpFlags::FIN);
        assert!(world.waits(finished) && world.waits(request) && world.waits(fin));
        assert!(!world.waits(ack), "the peer may send on");
        world.acknowledge(1, &HANDSHAKE);
        world.acknowledge(1, &BOTH[..1]);
        assert!(world.waits(finished));
        world.acknowledge(1, &BOTH[1..]);
        assert_eq!(world.accepted[world.accepted.len() - 3..], [finished, request, fin]);
        let more = tcp.send(&mut world, 0, &protected(100));
        assert!(world.done.contains(&more));
        assert_eq!((world.counts().acknowledged, world.counts().held), (1, 3));
        assert!(world.told.is_empty() && world.resets.is_empty());
    }
}

#[test]
fn a_server_of_tls13_waits_for_its_own_secret_and_then_for_the_clients() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 1);
    tcp.send(&mut world, 0, &client_hello(1, false));
    world.take(1, &HANDSHAKE);
    world.take(1, &BOTH[1..]);
    let flight = tcp.send(&mut world, 1, &[server_hello(true), protected(2000)].concat());
    assert!(world.waits(flight));
    world.acknowledge(1, &BOTH[1..]);
    assert!(world.waits(flight), "all that was taken is to be there");
    world.acknowledge(1, &HANDSHAKE);
    assert!(!world.waits(flight));
    tcp.send(&mut world, 0, &[change_cipher_spec(), protected(53), protected(100)].concat());
    let tickets = tcp.send(&mut world, 1, &protected(200));
    assert!(world.waits(tickets));
    world.take(1, &BOTH[..1]);
    world.acknowledge(1, &BOTH[..1]);
    assert!(!world.waits(tickets));
    assert_eq!(world.counts().acknowledged, 2);
    let [greeting] = &world.greetings[..] else { panic!("both hellos were seen once") };
    assert_eq!((greeting.client_random, greeting.server_random), ([1; 32], [9; 32]));
    assert_eq!((greeting.version, greeting.cipher_suite), (0x0304, 0x1301));
    assert_eq!((greeting.server_name.as_deref(), greeting.is_client_here), (Some("test"), false));
    assert_eq!([greeting.peer, greeting.local], tcp.ends());
}

#[test]
fn in_tls12_what_changes_the_cipher_waits_for_the_master_secret() {
    for here in [0, 1] {
        let mut world = World::new(hold());
        let mut tcp = Connection::begin(&mut world, 1000, here);
        tcp.send(&mut world, 0, &client_hello(1, false));
        let flight = tcp.send(&mut world, 1, &[server_hello(false), certificate()].concat());
        assert!(!world.waits(flight));
        let finished = [change_cipher_spec(), encrypted_handshake()].concat();
        if here == 1 {
            tcp.send(&mut world, 0, &finished);
        }
        let held = tcp.send(&mut world, here, &finished);
        assert!(world.waits(held));
        world.take(1, &[Label::Master]);
        assert!(world.waits(held));
        world.acknowledge(1, &[Label::Master]);
        assert!(!world.waits(held));
    }
}

#[test]
fn who_is_acknowledged_before_does_not_wait() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 0);
    world.take(1, &BOTH);
    world.acknowledge(1, &BOTH);
    tcp.send(&mut world, 0, &client_hello(1, false));
    tcp.send(&mut world, 1, &server_hello(true));
    let finished = tcp.send(&mut world, 0, &protected(53));
    assert!(!world.waits(finished));
    assert_eq!(world.counts().held, 0);
}

#[test]
fn early_data_waits_for_its_own_secret_and_never_for_what_follows_from_it() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 0);
    tcp.send(&mut world, 0, &client_hello(1, true));
    world.take(1, &[Label::ClientEarly]);
    let early = tcp.send(&mut world, 0, &protected(100));
    assert!(world.waits(early));
    world.acknowledge(1, &[Label::ClientEarly]);
    assert!(!world.waits(early));
    tcp.send(&mut world, 1, &server_hello(true));
    let finished = tcp.send(&mut world, 0, &protected(53));
    assert!(world.waits(finished));
    // A server has the client's secret only behind what its flight is the answer to.
    let mut tcp = Connection::begin(&mut world, 1001, 1);
    tcp.send(&mut world, 0, &[client_hello(2, true), protected(100)].concat());
    world.take(2, &BOTH[1..]);
    world.acknowledge(2, &BOTH[1..]);
    let flight = tcp.send(&mut world, 1, &[server_hello(true), protected(2000)].concat());
    assert!(!world.waits(flight));
}

#[test]
fn a_hello_behind_a_change_of_the_cipher_is_not_protected() {
    let mut world = World::new(hold());
    let mut tcp = Connection::begin(&mut world, 1000, 0);
    tcp.send(&mut world, 0, &client_hello(1, false));
    tcp.send(&mut world, 1, &[retry(), change_cipher_spec()].concat());
    let again = [change_cipher_spec(), client_hello(1, false)].concat();
    let second = tcp.send(&mut world, 0, &again);
    assert!(!world.waits(second));
    tcp.send(&mut world, 1, &[server_hello(true), protected(100)].concat());
    assert_eq!(world.greetings.len(), 1);
    let finished = tcp.send(&mut world, 0, &protected(53));
    assert!(world.waits(finished));
    // And the same at the other end.
    let mut tcp = Connection::begin(&mut world, 1001, 1);
    tcp.send(&mut world, 0, &client_hello(2, false));
    let first = tcp.send(&mut world, 1, &[retry(), change_cipher_spec()].concat());
    tcp.send(&mut world, 0, &again);
    let hello = tcp.send(&mut world, 1, &server_hello(true));
    let flight = tcp.send(&mut world, 1, &protected(100));
    assert!(!world.waits(first) && !world.waits(hello) && world.waits(flight));
}

#[test]
fn at_its_deadline_a_session_goes_on_or_is_reset_at_both_ends_and_is_told_once() {
    for (hold, fate) in [(hold(), Fate::Opened), (or_abort(), Fate::Aborted)] {
        let mut world = World::new(hold);
        let (mut tcp, finished) = waiting_client(&mut world, 1000, 1);
        let before = tcp.next(0);
        let request = tcp.send(&mut world, 0, &protected(100));
        assert_eq!(world.gate.deadline_ns(), Some(2_000_000_000));
        world.pass(DEADLINE - Duration::from_nanos(1));
        assert!(world.waits(finished) && world.waits(request) && world.told.is_empty());
        world.pass(Duration::from_nanos(1));
        assert_eq!(world.gate.deadline_ns(), None);
        let told = Told { client_random: Some([1; 32]), owner: Some("curl"), fate };
        assert_eq!(world.told, [told]);
        let late = tcp.send(&mut world, 0, &protected(10));
        if fate == Fate::Opened {
            assert_eq!(world.accepted[world.accepted.len() - 3..], [finished, request, late]);
            assert!(world.resets.is_empty() && world.counts().opened == 1);
        } else {
            assert_eq!(world.dropped, [finished, request, late]);
            let [reset] = world.resets[..] else { panic!("one reset") };
            assert_eq!([reset.local, reset.peer], tcp.ends());
            assert_eq!(reset.local_next, before.minus(58), "where what was dropped begins");
            assert_eq!(reset.peer_next, tcp.next(1));
            let own = tcp.signal(&mut world, 0, TcpFlags::RST);
            assert!(world.accepted.contains(&own), "the reset itself passes");
        }
    }
}

#[test]
fn what_rules_keep_back_is_not_waited_for() {
    let mut world = World::new(or_abort());
    let (_tcp, finished) = waiting_client(&mut world, 1000, 1);
    world.deny(1);
    assert!(!world.waits(finished) && world.told.is_empty());
    assert_eq!((world.counts().denied, world.counts().acknowledged), (1, 0));
}

#[test]
fn the_breaker_trips_when_nobody_acknowledges_and_not_when_nobody_takes() {
    let hold = Hold { breaker: 2, pause: DEADLINE * 10, ..hold() };
    for (on_trip, fate) in [(OnTrip::Open, Fate::Opened), (OnTrip::Refuse, Fate::Refused)] {
        let mut world = World::new(Hold { on_trip, ..hold.clone() });
        for random in 1..=3 {
            untaken_client(&mut world, 1000 + u16::from(random), random);
            world.pass(DEADLINE);
        }
        assert_eq!((world.counts().untaken, world.counts().opened), (3, 3));
        assert!(world.told.iter().all(|told| told.owner.is_none()));
        for random in 4..=5 {
            let (_tcp, finished) = waiting_client(&mut world, 1000 + u16::from(random), random);
            assert!(world.waits(finished));
            world.pass(DEADLINE);
        }
        let (_tcp, finished) = waiting_client(&mut world, 1010, 6);
        assert!(!world.waits(finished), "those before waited in vain");
        assert_eq!(world.told.last().map(|told| told.fate), Some(fate));
        // One tries again, and is acknowledged.
        world.pass(DEADLINE * 10);
        let (_tcp, finished) = waiting_client(&mut world, 1011, 7);
        assert!(world.waits(finished));
        world.acknowledge(7, &BOTH);
        let (_tcp, finished) = waiting_client(&mut world, 1012, 8);
        assert!(world.waits(finished));
    }
}

#[test]
fn sessions_side_by_side_wait_each_for_its_own_secrets() {
    let mut world = World::new(hold());
    let held: Vec<_> = (1..=50)
        .map(|random| waiting_client(&mut world, 1000 + u16::from(random), random).1)
        .collect();
    for random in (1..=50).rev() {
        let own = held[usize::from(random) - 1];
        assert!(world.waits(own));
        world.acknowledge(random, &BOTH);
        assert!(!world.waits(own));
        assert_eq!(world.accepted.last(), Some(&own));
    }
    assert_eq!(world.counts().acknowledged, 50);
}

#[test]
fn more_packets_than_there_is_room_for_are_as_if_the_deadline_was_over() {
    let limits = Limits { max_held_of_flow: 3, max_held: 5, ..Limits::default() };
    let mut world = World::with_limits(hold(), limits);
    let (mut tcp, first) = waiting_client(&mut world, 1000, 1);
    tcp.send(&mut world, 0, &protected(10));
    tcp.send(&mut world, 0, &protected(10));
    assert!(world.waits(first));
    let surplus = tcp.send(&mut world, 0, &protected(10));
    assert!(!world.waits(first) && !world.waits(surplus));
    for random in 2..=6 {
        let (_tcp, held) = waiting_client(&mut world, 1000 + u16::from(random), random);
        assert!(world.waits(held));
    }
    let (_tcp, surplus) = waiting_client(&mut world, 1010, 7);
    assert!(!world.waits(surplus));
    assert_eq!((world.counts().no_room, world.counts().opened), (2, 2));
}

#[test]
fn a_gate_that_ends_lets_all_go_on() {
    let mut world = World::new(or_abort());
    let (_tcp, finished) = waiting_client(&mut world, 1000, 1);
    world.gate.open();
    world.pass(Duration::ZERO);
    assert!(world.accepted.contains(&finished));
    assert_eq!(world.told.len(), 1);
}

/// A client whose finished waits for secrets that were taken; and the number of that.
fn waiting_client(world: &mut World, port: u16, random: u8) -> (Connection, u32) {
    world.take(random, &BOTH);
    untaken_client(world, port, random)
}

fn untaken_client(world: &mut World, port: u16, random: u8) -> (Connection, u32) {
    let mut tcp = Connection::begin(world, port, 0);
    tcp.send(world, 0, &client_hello(random, false));
    tcp.send(world, 1, &server_hello(true));
    let finished = tcp.send(world, 0, &protected(53));
    (tcp, finished)
}
