//! One connection that is seen from its two ends.

use std::net::SocketAddr;
use std::time::Duration;

use forge::{Ending, RecordKind, Side};
use tunnel::{ReceiverLimits, Sender};

use crate::place::{Sensor, finish, limits, sender, until};
use crate::records::{closed, data, opened_between};

#[test]
fn a_connection_that_two_agents_tell_is_handed_on_once() {
    let sensor = Sensor::start();
    let [client, server] = both_ends(&sensor, "192.0.2.1:40000");
    for agent in [&client, &server] {
        agent.hand_in(&data(1, Side::Client, 0, b"request"));
        agent.hand_in(&data(1, Side::Server, 0, b"response"));
        agent.hand_in(&closed(1));
    }
    finish(client);
    finish(server);
    let seen = sensor.only();
    assert_eq!(seen.bytes, [b"request".to_vec(), b"response".to_vec()]);
    assert_eq!((seen.agent.as_str(), seen.ending), ("a", Some(Ending::Finished)));
    let counters = sensor.receiver.stop();
    assert_eq!((counters.connections, counters.duplicate_connections), (1, 1));
    assert_eq!((counters.delivered_bytes, counters.duplicate_bytes), (15, 15));
    assert_eq!(counters.received_bytes, 30);
}

#[test]
fn an_end_that_comes_when_all_was_told_is_the_same_connection() {
    let sensor = Sensor::start();
    let client = sender("a", sensor.settings());
    let address: SocketAddr = "192.0.2.1:40000".parse().unwrap();
    client.hand_in(&opened_between(1, address, Side::Client));
    client.hand_in(&closed(1));
    finish(client);
    let server = sender("b", sensor.settings());
    server.hand_in(&opened_between(1, address, Side::Server));
    server.hand_in(&data(1, Side::Server, 0, b"late"));
    server.hand_in(&closed(1));
    finish(server);
    assert_eq!(sensor.only().bytes[1], b"");
    assert_eq!(sensor.receiver.counters().duplicate_bytes, 4);
}

#[test]
fn the_other_end_goes_on_when_the_first_is_lost() {
    let take_over_after = Duration::from_millis(1);
    let sensor = Sensor::with(ReceiverLimits { take_over_after, ..limits() });
    let [client, server] = both_ends(&sensor, "192.0.2.1:40000");
    client.hand_in(&data(1, Side::Client, 0, b"0123456789"));
    server.hand_in(&data(1, Side::Client, 0, b"01234"));
    until("both", || sensor.receiver.counters().received_bytes == 15);
    drop(client);
    until("the other", || sensor.receiver.counters().takeovers == 1);
    // It is behind, then in step.
    server.hand_in(&data(1, Side::Client, 5, b"56789abc"));
    server.hand_in(&data(1, Side::Client, 13, b"def"));
    server.hand_in(&closed(1));
    finish(server);
    let seen = sensor.only();
    assert_eq!(seen.bytes[0], b"0123456789abcdef");
    assert_eq!((seen.ending, seen.missing.len()), (Some(Ending::Finished), 0));
    let counters = sensor.receiver.stop();
    assert_eq!((counters.delivered_bytes, counters.duplicate_bytes), (16, 10));
}

#[test]
fn what_the_other_end_told_before_it_took_over_is_missing() {
    let take_over_after = Duration::from_millis(1);
    let sensor = Sensor::with(ReceiverLimits { take_over_after, ..limits() });
    let [client, server] = both_ends(&sensor, "192.0.2.1:40000");
    client.hand_in(&data(1, Side::Client, 0, b"01234"));
    until("the first", || sensor.receiver.counters().received_bytes == 5);
    server.hand_in(&data(1, Side::Client, 0, b"0123456789"));
    until("both", || sensor.receiver.counters().received_bytes == 15);
    drop(client);
    until("the other", || sensor.receiver.counters().takeovers == 1);
    server.hand_in(&data(1, Side::Client, 10, b"abc"));
    server.hand_in(&closed(1));
    finish(server);
    let seen = sensor.only();
    assert_eq!(seen.bytes[0], b"01234abc");
    assert_eq!(seen.missing, [("overload", 5)].into());
    assert_eq!(sensor.receiver.counters().unexplained_bytes, 5);
}

#[test]
fn an_end_that_joined_late_goes_on_as_another_connection() {
    let take_over_after = Duration::from_millis(1);
    let sensor = Sensor::with(ReceiverLimits { take_over_after, ..limits() });
    let address: SocketAddr = "192.0.2.1:40000".parse().unwrap();
    let client = sender("a", sensor.settings());
    client.hand_in(&opened_between(1, address, Side::Client));
    client.hand_in(&data(1, Side::Client, 0, b"01234"));
    until("the first", || sensor.seen().bytes() == 5);
    let server = sender("b", sensor.settings());
    let mut late = opened_between(1, address, Side::Server);
    if let RecordKind::Opened(opened) = &mut late.kind {
        opened.is_late = true;
    }
    // Whenever that was.
    late.at = late.at.plus_nanos(3600 * 1_000_000_000);
    server.hand_in(&late);
    server.hand_in(&data(1, Side::Client, 0, b"34"));
    until("both", || sensor.receiver.counters().duplicate_bytes == 2);
    drop(client);
    until("the other", || sensor.receiver.counters().takeovers == 1);
    server.hand_in(&data(1, Side::Client, 2, b"56"));
    server.hand_in(&closed(1));
    finish(server);
    let seen = sensor.seen();
    let told: Vec<_> = seen
        .connections
        .values()
        .map(|it| (it.bytes[0].as_slice(), it.opened.is_late, it.ending))
        .collect();
    let abandoned = (&b"01234"[..], false, Some(Ending::Abandoned));
    assert_eq!(told, [abandoned, (b"56", true, Some(Ending::Finished))]);
}

#[test]
fn connections_that_only_look_alike_are_two() {
    let hour = 3600 * 1_000_000_000;
    for (client, sides, later) in [
        // Each host has its own loopback.
        ("127.0.0.1:40000", [Side::Client, Side::Server], 0),
        // Two hosts that are each the client's end of something.
        ("10.0.0.1:40000", [Side::Client, Side::Client], 0),
        // The port is used again.
        ("10.0.0.1:40000", [Side::Client, Side::Server], hour),
    ] {
        let sensor = Sensor::start();
        for ((name, side), later) in ["a", "b"].into_iter().zip(sides).zip([0, later]) {
            let agent = sender(name, sensor.settings());
            let mut opened = opened_between(1, client.parse().unwrap(), side);
            opened.at = opened.at.plus_nanos(later);
            agent.hand_in(&opened);
            agent.hand_in(&closed(1));
            finish(agent);
        }
        assert_eq!(sensor.seen().connections.len(), 2, "{client} {sides:?}");
        assert_eq!(sensor.receiver.counters().duplicate_connections, 0);
    }
}

/// Agents `a` at the client and `b` at the server that have told connection 1 to be open.
fn both_ends(sensor: &Sensor, client: &str) -> [Sender; 2] {
    [("a", Side::Client), ("b", Side::Server)].map(|(name, side)| {
        let agent = sender(name, sensor.settings());
        agent.hand_in(&opened_between(1, client.parse().unwrap(), side));
        until("it is told", || {
            let counters = sensor.receiver.counters();
            counters.connections + counters.duplicate_connections
                == if side == Side::Client { 1 } else { 2 }
        });
        agent
    })
}
