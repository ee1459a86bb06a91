//! Agents and the archive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use escrow::audit::AuditEvent;
use escrow::keys::Filter;
use escrow::store::{segments, state_of};
use escrow::tier::Tier;
use escrow::{IncidentKind, Outcome, RefusedDelivery, Wait};
use secrets::{Label, SessionStage};

use crate::world::{World, contains, deliver, random, secret, soon, tls13, wait_for};

#[test]
fn what_is_durable_is_in_the_archive_and_sealed_there() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    for number in 0..50 {
        deliver(&client, number, if number % 2 == 0 { Wait::Durable } else { Wait::Received });
    }
    assert!(client.drain(soon()));
    assert_eq!(client.counters().durable, 100);
    drop(client);
    let counters = service.stop();
    assert_eq!((counters.deliveries, counters.archive_records), (100, 50 * 5));

    let archive = world.archive(Tier::Both, Filter::default());
    assert_eq!(archive.counts.sessions, 50);
    assert_eq!((archive.counts.damaged, archive.counts.destroyed), (0, 0));
    for (random, labels) in archive.labels() {
        assert_eq!(labels.len(), 4, "{random:?}");
    }
    let first = &archive.told[0];
    assert_eq!(first.agent, "web-1");
    let origin = first.contents[0].origin.as_ref().unwrap();
    assert_eq!(origin.server_name.as_ref().unwrap().as_str(), "shop.example");
}

#[test]
fn no_secret_random_or_name_is_on_the_disk_of_the_service() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    deliver(&client, 1, Wait::Durable);
    drop(client);
    drop(service);
    for (path, bytes) in world.disk() {
        for label in [Label::ClientHandshakeTraffic, Label::ClientTraffic(0)] {
            let secret = secret(1, label);
            assert!(!contains(&bytes, secret.dangerous_bytes()), "{}", path.display());
        }
        assert!(!contains(&bytes, b"SECRET"), "{}", path.display());
        assert!(!contains(&bytes, &random(1)), "{}", path.display());
        assert!(!contains(&bytes, b"shop.example"), "{}", path.display());
    }
}

#[test]
fn many_threads_deliver_at_once() {
    let world = World::new();
    let service = world.service();
    let client = Arc::new(world.ready_client("web-1", service.address().port()));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let client = Arc::clone(&client);
            thread::spawn(move || {
                for number in 0..25 {
                    deliver(&client, thread * 100 + number, Wait::Received);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(client.drain(soon()));
    let archive = world.archive(Tier::Both, Filter::default());
    assert_eq!(archive.counts.sessions, 200);
    drop(service);
}

#[test]
fn the_same_random_may_be_told_by_both_ends() {
    let world = World::new();
    let service = world.service();
    for name in ["web-1", "web-2"] {
        let client = world.ready_client(name, service.address().port());
        deliver(&client, 1, Wait::Durable);
    }
    let filter = Filter {
        client_randoms: vec![data_encoding::HEXLOWER.encode(&random(1))],
        ..Filter::default()
    };
    let archive = world.archive(Tier::Client, filter);
    let agents: BTreeSet<&str> = archive.told.iter().map(|told| &*told.agent).collect();
    assert_eq!(agents, BTreeSet::from(["web-1", "web-2"]));
    assert_eq!(archive.counts.sessions, 1);
    drop(service);
}

#[test]
fn nothing_that_was_sealed_is_lost_when_the_service_goes_and_comes_back() {
    let world = World::new();
    let service = world.service();
    let address = service.address();
    let client = world.ready_client("web-1", address.port());
    deliver(&client, 1, Wait::Durable);
    drop(service);
    wait_for("the client to notice", || !client.is_ready());
    for number in 2..20 {
        for stage in [SessionStage::Hello, SessionStage::Application] {
            let outcome = client.deliver(tls13(number, stage), Wait::None, soon());
            assert_eq!(outcome, Outcome::Acknowledged(Wait::None));
        }
    }
    let asked = Instant::now();
    let outcome = client.deliver(
        tls13(20, SessionStage::Hello),
        Wait::Durable,
        asked + Duration::from_secs(60),
    );
    assert_eq!(outcome, Outcome::Refused(RefusedDelivery::Disconnected));
    assert!(asked.elapsed() < Duration::from_secs(30), "who is not connected does not wait");

    let service = world.service_at(address);
    assert!(client.drain(soon()));
    deliver(&client, 21, Wait::Durable);
    drop(client);
    drop(service);
    let archive = world.archive(Tier::Handshake, Filter::default());
    assert_eq!(archive.counts.sessions, 21);
    assert_eq!(archive.counts.damaged, 0);
    for name in segments(&world.path("store")).unwrap() {
        let state = state_of(&name.file(&world.path("store"))).unwrap();
        assert!(state.damaged.is_empty() && state.torn_bytes == 0, "{name}: {state:?}");
    }
}

#[test]
fn a_deadline_is_kept_when_nobody_acknowledges() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    let past = Instant::now();
    let outcome = client.deliver(tls13(1, SessionStage::Hello), Wait::Durable, past);
    assert!(
        matches!(outcome, Outcome::Deadline | Outcome::Acknowledged(Wait::Durable)),
        "{outcome:?}"
    );
    assert!(client.drain(soon()), "it is delivered nevertheless");
    drop(service);
}

#[test]
fn before_the_first_key_is_known_nothing_is_taken_and_that_is_counted() {
    let world = World::new();
    // Nobody listens at port 1 of this host.
    let client = world.client("web-1", 1);
    let outcome = client.deliver(tls13(1, SessionStage::Hello), Wait::None, soon());
    assert_eq!(outcome, Outcome::Refused(RefusedDelivery::NoKey));
    assert_eq!(client.counters().lost, 1);
}

#[test]
fn the_queue_has_a_bound_and_what_it_has_no_room_for_is_a_gap() {
    let world = World::new();
    let service = world.service();
    let address = service.address();
    let mut settings = world.settings(address.port());
    settings.queue_bytes = 10_000;
    let client = world.client_with("web-1", settings);
    wait_for("the client to be connected", || client.is_ready());
    drop(service);
    wait_for("the client to notice", || !client.is_ready());
    let refused = (0..100)
        .filter(|number| {
            let told = tls13(*number, SessionStage::Application);
            client.deliver(told, Wait::None, soon()) == Outcome::Refused(RefusedDelivery::Full)
        })
        .count();
    assert!((50..100).contains(&refused), "{refused} refused");
    assert_eq!(client.counters().lost, refused as u64);

    let service = world.service_at(address);
    assert!(client.drain(soon()));
    drop(client);
    drop(service);
    let told: u64 = world
        .audit()
        .iter()
        .map(|line| {
            if let AuditEvent::Gap(incident) = &line.event {
                assert_eq!(incident.agent, "web-1");
                incident.sessions
            } else if let AuditEvent::Unmentioned { count } = &line.event {
                *count
            } else {
                0
            }
        })
        .sum();
    assert_eq!(told, refused as u64);
}

#[test]
fn what_went_on_or_was_ended_without_escrow_is_in_the_audit_log() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    client.report(IncidentKind::FailOpen, 1, Some(&random(1)), "deadline");
    client.report(IncidentKind::Abort, 1, None, "deadline");
    assert!(client.drain(soon()));
    wait_for("the audit log", || world.has_audited(|event| matches!(event, AuditEvent::Abort(_))));
    assert!(world.has_audited(|event| matches!(event, AuditEvent::FailOpen(incident)
        if incident.session.is_some() && incident.reason == "deadline")));
    let log = std::fs::read(world.path("audit.log")).unwrap();
    let random = data_encoding::HEXLOWER.encode(&random(1));
    assert!(!contains(&log, random.as_bytes()), "sessions are named by their tag");
    drop(service);
}
