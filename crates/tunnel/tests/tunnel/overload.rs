//! More than there is room for: each byte is delivered or said to be missing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use forge::{MissingCause, Side};
use tunnel::{ReceiverLimits, Sender, SenderSettings, SpoolSettings};

use crate::place::{Sensor, finish, free_port, limits, sender, settings, until};
use crate::records::{closed, data, noise, opened};

#[test]
fn what_finds_no_room_is_missing_to_the_byte() {
    let port = free_port();
    let agent = sender("a", SenderSettings { queue_bytes: 1 << 20, ..settings(port) });
    hand_in_much(&agent, 1..21, 1 << 20);
    assert!(agent.queued_bytes() <= (1 << 20) + (1 << 17));
    assert!(agent.counters().dropped_bytes > 15 << 20);
    let sensor = Sensor::at(&format!("127.0.0.1:{port}"), limits());
    settle(&sensor, agent, 20);
}

#[test]
fn a_spool_that_is_full_loses_its_oldest_bytes_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let spool = SpoolSettings { folder: folder.path().to_owned(), limit_bytes: 4 << 20 };
    let port = free_port();
    let queue_bytes = 2 << 20;
    let agent = sender("a", SenderSettings { queue_bytes, spool: Some(spool), ..settings(port) });
    for connection in 1..21 {
        hand_in_much(&agent, connection..connection + 1, 1 << 20);
        until("room", || agent.queued_bytes() <= queue_bytes * 3 / 4);
    }
    assert!(agent.counters().evicted_bytes > 10 << 20, "{:?}", agent.counters());
    let on_disk: u64 = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(on_disk <= 4 << 20, "{on_disk}");
    let sensor = Sensor::at(&format!("127.0.0.1:{port}"), limits());
    let last = settle(&sensor, agent, 20);
    assert_eq!(last, 1 << 20, "the newest bytes are there");
}

#[test]
fn many_threads_and_a_slow_sensor_lose_nothing_that_is_not_told() {
    let sensor = Sensor::start();
    sensor.seen().delay = Duration::from_micros(300);
    let agent = sender("a", SenderSettings { queue_bytes: 1 << 20, ..sensor.settings() });
    let handed_in = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (agent, handed_in) = (&agent, &handed_in);
            scope.spawn(move || {
                for number in 0..8 {
                    let connection = worker * 8 + number + 1;
                    hand_in_much(agent, connection..connection + 1, 1 << 20);
                    handed_in.fetch_add(1 << 20, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(agent.counters().seen_bytes, handed_in.load(Ordering::Relaxed));
    sensor.seen().delay = Duration::ZERO;
    settle(&sensor, agent, 32);
}

#[test]
fn connections_beyond_the_bound_are_counted() {
    let sensor = Sensor::start();
    let agent = sender("a", SenderSettings { max_connections: 2, ..sensor.settings() });
    for connection in 1..=5 {
        agent.hand_in(&opened(connection));
        agent.hand_in(&data(connection, Side::Client, 0, b"four"));
    }
    for connection in 1..=5 {
        agent.hand_in(&closed(connection));
    }
    let counters = finish(agent);
    assert_eq!((counters.untold_connections, counters.dropped_bytes), (3, 12));
    assert_eq!(sensor.seen().connections.len(), 2);
    assert_eq!(sensor.seen().bytes(), 8);
}

#[test]
fn bytes_that_go_back_are_dropped_before_a_sensor_would_refuse_them() {
    let sensor = Sensor::start();
    let agent = sender("a", sensor.settings());
    for record in [
        opened(1),
        data(1, Side::Client, 0, b"one"),
        data(1, Side::Client, 2, b"back"),
        opened(1),
        data(1, Side::Client, u64::MAX, b"beyond"),
        data(1, Side::Client, 3, b"two"),
        closed(1),
    ] {
        agent.hand_in(&record);
    }
    assert_eq!(sensor.only().bytes[0], b"onetwo");
    assert_eq!(finish(agent).dropped_bytes, 10);
    assert!(sensor.receiver.counters().refused.is_empty());
}

#[test]
fn a_sensor_bears_so_many_connections_and_counts_the_rest() {
    let sensor = Sensor::with(ReceiverLimits { connections_of_agent: 2, ..limits() });
    let agent = sender("a", sensor.settings());
    for connection in 1..=5 {
        agent.hand_in(&opened(connection));
        agent.hand_in(&data(connection, Side::Client, 0, b"four"));
    }
    assert_eq!(finish(agent).acknowledged_bytes, 20);
    let counters = sensor.receiver.stop();
    assert_eq!((counters.connections, counters.refused_connections), (2, 3));
    assert_eq!((counters.delivered_bytes, counters.stray_bytes), (8, 12));
    assert_eq!(counters.received_bytes, 20);
}

#[test]
fn an_agent_that_finds_no_sensor_counts_all_as_dropped() {
    let agent = sender("a", settings(free_port()));
    hand_in_much(&agent, 1..3, 100_000);
    let counters = agent.finish(Duration::from_millis(20));
    assert_eq!((counters.seen_bytes, counters.dropped_bytes), (200_000, 200_000));
}

#[test]
fn a_bound_on_bytes_a_second_makes_an_agent_wait() {
    let limits = ReceiverLimits { bytes_per_second: Some(8 << 20), ..limits() };
    let sensor = Sensor::with(limits);
    let agent = sender("a", sensor.settings());
    let begin = std::time::Instant::now();
    hand_in_much(&agent, 1..2, 4 << 20);
    assert_eq!(finish(agent).dropped_bytes, 0);
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    assert_eq!(sensor.seen().bytes(), 4 << 20);
}

/// Hands connections in, in pieces of 16 KiB, of both sides by turns.
fn hand_in_much(agent: &Sender, connections: std::ops::Range<u64>, len: usize) {
    for connection in connections.clone() {
        agent.hand_in(&opened(connection));
    }
    let text = noise(connections.start, len / 2);
    for (number, piece) in text.chunks(16 << 10).enumerate() {
        for connection in connections.clone() {
            for side in Side::BOTH {
                agent.hand_in(&data(connection, side, (number as u64) << 14, piece));
            }
        }
    }
    connections.for_each(|connection| agent.hand_in(&closed(connection)));
}

/// Asserts that all is delivered or missing; gives how many bytes of the last connection came.
fn settle(sensor: &Sensor, agent: Sender, connections: usize) -> usize {
    let counters = finish(agent);
    let seen = sensor.seen();
    assert_eq!(seen.connections.len(), connections);
    assert!(seen.connections.values().all(|connection| connection.ending.is_some()));
    assert_eq!(seen.bytes(), counters.acknowledged_bytes);
    assert_eq!(seen.missing(MissingCause::Overload), counters.dropped_bytes);
    assert_eq!(counters.seen_bytes, seen.bytes() + seen.missing(MissingCause::Overload));
    assert!(counters.dropped_bytes > 0);
    assert_eq!(sensor.receiver.counters().unexplained_bytes, 0);
    seen.connections.values().next_back().map_or(0, |it| it.bytes.iter().map(Vec::len).sum())
}
