//! Records arrive, whole and once.

use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use forge::{Ending, MissingCause, RecordKind, Side};
use tunnel::{Link, SpoolSettings};

use crate::place::{Sensor, finish, free_port, limits, sender, settings, until};
use crate::records::{closed, data, noise, opened, record};

#[test]
fn records_arrive_as_they_were_handed_in() {
    let sensor = Sensor::start();
    let agent = sender("a", sensor.settings());
    let (request, response) = (b"GET / HTTP/1.1\r\n\r\n".to_vec(), noise(1, 1 << 20));
    agent.hand_in(&opened(7));
    agent.hand_in(&data(7, Side::Client, 0, &request));
    for (number, piece) in response.chunks(16 << 10).enumerate() {
        agent.hand_in(&data(7, Side::Server, (number as u64) << 14, piece));
    }
    let (sender, position) = (Side::Client, request.len() as u64);
    let kind = RecordKind::Missing { sender, position, len: 5, cause: MissingCause::RingFull };
    agent.hand_in(&record(7, kind));
    agent.hand_in(&closed(7));
    let seen = sensor.only();
    assert_eq!(seen.bytes, [request, response]);
    assert_eq!(seen.missing, [("ring_full", 5)].into());
    assert_eq!((seen.agent.as_str(), seen.ending), ("a", Some(Ending::Finished)));
    let RecordKind::Opened(sent) = opened(7).kind else { unreachable!() };
    assert_eq!(seen.opened, *sent);
    let counters = finish(agent);
    assert_eq!(counters.dropped_bytes, 0);
    let received = sensor.receiver.stop();
    assert_eq!(received.delivered_bytes, counters.seen_bytes);
    assert_eq!(received.received_bytes, counters.seen_bytes);
    assert_eq!(received.missing_bytes, 5);
}

#[test]
fn agents_use_the_same_numbers_for_other_connections() {
    let sensor = Sensor::start();
    let agents = ["a", "b"].map(|name| (name, sender(name, sensor.settings())));
    for (number, (name, agent)) in (1_u8..).zip(&agents) {
        let client = ([192, 0, 2, number], 1000).into();
        agent.hand_in(&crate::records::opened_between(1, client, Side::Client));
        agent.hand_in(&data(1, Side::Client, 0, name.as_bytes()));
        agent.hand_in(&closed(1));
    }
    for (_, agent) in agents {
        finish(agent);
    }
    let seen = sensor.seen();
    assert_eq!(seen.connections.len(), 2);
    for connection in seen.connections.values() {
        assert_eq!(connection.bytes[0], connection.agent.as_str().as_bytes());
    }
}

#[test]
fn an_agent_that_ends_leaves_no_connection_open() {
    let sensor = Sensor::start();
    let agent = sender("a", sensor.settings());
    agent.hand_in(&opened(1));
    agent.hand_in(&data(1, Side::Client, 0, b"x"));
    finish(agent);
    assert_eq!(sensor.only().ending, Some(Ending::Abandoned));
    until("no session", || sensor.receiver.agents().is_empty());
}

#[test]
fn an_agent_that_is_away_for_too_long_leaves_no_connection_open() {
    let resume_within = Duration::from_millis(50);
    let sensor = Sensor::with(tunnel::ReceiverLimits { resume_within, ..limits() });
    let agent = sender("a", sensor.settings());
    agent.hand_in(&opened(1));
    until("its connection", || !sensor.seen().connections.is_empty());
    drop(agent);
    assert_eq!(sensor.only().ending, Some(Ending::Abandoned));
}

#[test]
fn heartbeats_tell_what_an_agent_counted() {
    let sensor = Sensor::start();
    let heartbeat = Duration::from_millis(5);
    let agent = sender("a", tunnel::SenderSettings { heartbeat, ..sensor.settings() });
    agent.hand_in(&data(1, Side::Client, 0, b"of no connection"));
    until("the report", || {
        sensor.receiver.agents().first().is_some_and(|it| it.report.dropped_bytes == 16)
    });
    let status = sensor.receiver.agents().remove(0);
    assert!(status.is_connected);
    assert_eq!((status.report.seen_bytes, status.connections), (16, 0));
    assert_eq!(finish(agent).dropped_bytes, 16);
}

#[test]
fn what_was_handed_in_while_the_sensor_was_away_arrives() {
    let port = free_port();
    let agent = sender("a", settings(port));
    agent.hand_in(&opened(1));
    agent.hand_in(&data(1, Side::Client, 0, b"early"));
    until("some attempts", || agent.counters().failed_attempts > 3);
    assert!(matches!(agent.link(), Link::Down(Some(_))));
    let sensor = Sensor::at(&format!("127.0.0.1:{port}"), limits());
    agent.hand_in(&closed(1));
    assert_eq!(sensor.only().bytes[0], b"early");
    assert_eq!(agent.link(), Link::Up);
    finish(agent);
}

#[test]
fn a_sensor_that_forgot_all_is_told_of_open_connections_anew() {
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let first = Sensor::at(&address, limits());
    let agent = sender("a", settings(port));
    for record in [opened(1), opened(2), data(1, Side::Client, 0, b"before"), closed(2)] {
        agent.hand_in(&record);
    }
    until("all of it", || agent.counters().acknowledged_bytes == 6);
    assert_eq!(first.receiver.stop().delivered_bytes, 6);
    agent.hand_in(&data(1, Side::Client, 6, b"after"));
    let second = Sensor::at(&address, limits());
    agent.hand_in(&closed(1));
    let seen = second.only();
    assert_eq!((seen.bytes[0].as_slice(), seen.opened.is_late), (&b"after"[..], true));
    assert_eq!(seen.missing.len(), 0);
    finish(agent);
}

#[test]
fn batches_wait_on_the_disk_only_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let spool = SpoolSettings { folder: folder.path().join("spool"), limit_bytes: 64 << 20 };
    let queue_bytes = 2 << 20;
    let agent = sender(
        "a",
        tunnel::SenderSettings { queue_bytes, spool: Some(spool.clone()), ..settings(port) },
    );
    let text = noise(5, 16 << 20);
    agent.hand_in(&opened(1));
    for (number, piece) in text.chunks(16 << 10).enumerate() {
        agent.hand_in(&data(1, Side::Server, (number as u64) << 14, piece));
        while agent.queued_bytes() > queue_bytes * 3 / 4 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    agent.hand_in(&closed(1));
    // One that is being written may get its name meanwhile.
    let files = std::fs::read_dir(&spool.folder).unwrap();
    let files: Vec<_> = files.filter_map(|file| file.unwrap().metadata().ok()).collect();
    assert!(files.len() > 40, "{}", files.len());
    for file in files {
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    let sensor = Sensor::at(&format!("127.0.0.1:{port}"), limits());
    let seen = sensor.only();
    assert!(seen.bytes[1] == text);
    assert!(seen.missing.is_empty());
    let counters = finish(agent);
    assert_eq!((counters.dropped_bytes, counters.spool_errors), (0, 0));
    assert!(counters.spooled_batches > 40);
    assert_eq!(std::fs::read_dir(&spool.folder).unwrap().count(), 0);
}

#[test]
fn a_sensor_far_away_in_name_is_found_by_the_name_in_its_certificate() {
    let sensor = Sensor::start();
    for (name, is_right) in [("sensor.example", true), ("other.example", false)] {
        let server_name = Some(name.to_owned());
        let agent = sender("a", tunnel::SenderSettings { server_name, ..sensor.settings() });
        until("an outcome", || match agent.link() {
            Link::Up => true,
            Link::Down(why) => why.is_some(),
        });
        assert_eq!(agent.link() == Link::Up, is_right, "{name}: {:?}", agent.link());
        drop(agent);
    }
}
