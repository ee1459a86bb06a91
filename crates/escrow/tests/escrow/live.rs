//! Monitors.

use std::time::{Duration, Instant};

use escrow::audit::AuditEvent;
use escrow::hpke::Kem;
use escrow::keys::{Identity, Role};
use escrow::tier::{Part, Tier};
use escrow::{HandshakeSecrets, Outcome, RefusedDelivery, Wait};
use secrets::{Label, SessionStage};

use crate::world::{Seen, World, deliver, random, soon, tls13, wait_for};

#[test]
fn a_monitor_has_what_was_acknowledged_as_live() {
    let world = World::new();
    let service = world.service();
    let port = service.address().port();
    let (monitor, seen) = world.monitor(port, Tier::Both);
    let client = world.ready_client("web-1", port);
    wait_for("the client to know the monitor", || client.monitors() == 1);
    for number in 0..40 {
        deliver(&client, number, Wait::Live);
        let labels = labels(&seen, number);
        for label in [Label::ClientTraffic(0), Label::ServerTraffic(0)] {
            assert!(labels.contains(&label), "session {number}: {labels:?}");
        }
    }
    assert_eq!(monitor.counters().unopened, 0);
    assert!(world.has_audited(|event| matches!(event, AuditEvent::MonitorJoined { .. })));
    drop(service);
}

#[test]
fn a_monitor_gets_no_more_than_its_tier() {
    let all = [
        (Tier::Metadata, vec![]),
        (Tier::Handshake, vec![Part::Handshake]),
        (Tier::Client, vec![Part::Handshake, Part::Client]),
        (Tier::Server, vec![Part::Handshake, Part::Server]),
    ];
    for (tier, parts) in all {
        let world = World::new();
        let service = world.service();
        let port = service.address().port();
        let (_monitor, seen) = world.monitor(port, tier);
        let client = world.ready_client("web-1", port);
        wait_for("the client to know the monitor", || client.monitors() == 1);
        deliver(&client, 1, Wait::Live);
        let seen = seen.lock().unwrap();
        let mut got: Vec<Part> = seen
            .iter()
            .filter(|(_, content)| content.part != Part::Metadata)
            .map(|(_, content)| content.part)
            .collect();
        got.sort_unstable();
        assert_eq!(got, parts, "{tier}");
        let metadata = seen.iter().filter(|(_, it)| it.part == Part::Metadata).count();
        assert_eq!(metadata, 2, "{tier}: one of each stage");
        drop(service);
    }
}

#[test]
fn secrets_of_handshakes_come_when_these_are_over_unless_it_was_chosen() {
    for (chosen, is_early) in
        [(HandshakeSecrets::WhenOver, false), (HandshakeSecrets::AtOnce, true)]
    {
        let world = World::new();
        let service = world.service();
        let port = service.address().port();
        let (_monitor, seen) = world.monitor(port, Tier::Both);
        let mut settings = world.settings(port);
        settings.handshake_secrets = chosen;
        let client = world.client_with("web-1", settings);
        wait_for("the client", || client.is_ready() && client.monitors() == 1);
        let outcome = client.deliver(tls13(1, SessionStage::Hello), Wait::Live, soon());
        assert_eq!(outcome, Outcome::Acknowledged(Wait::Live));
        let has = |seen: &Seen| labels(seen, 1).contains(&Label::ClientHandshakeTraffic);
        assert_eq!(has(&seen), is_early);
        let outcome = client.deliver(tls13(1, SessionStage::Application), Wait::Live, soon());
        assert_eq!(outcome, Outcome::Acknowledged(Wait::Live));
        assert!(has(&seen));
        drop(service);
    }
}

#[test]
fn without_a_monitor_nobody_waits_for_one() {
    let world = World::new();
    let service = world.service();
    let port = service.address().port();
    let client = world.ready_client("web-1", port);
    let refused = Outcome::Refused(RefusedDelivery::NoMonitor);
    assert_eq!(client.deliver(tls13(1, SessionStage::Hello), Wait::Live, soon()), refused);

    let (monitor, _seen) = world.monitor(port, Tier::Both);
    wait_for("the client to know the monitor", || client.monitors() == 1);
    deliver(&client, 2, Wait::Live);
    drop(monitor);
    wait_for("the client to know that it left", || client.monitors() == 0);
    let begun = Instant::now();
    assert_eq!(client.deliver(tls13(3, SessionStage::Hello), Wait::Live, soon()), refused);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(client.drain(soon()), "the archive has it");
    drop(service);
}

#[test]
fn a_monitor_whose_sink_hangs_is_waited_for_until_the_deadline() {
    let world = World::new();
    let service = world.service();
    let port = service.address().port();
    let (monitor, seen) = world.monitor(port, Tier::Both);
    let client = world.ready_client("web-1", port);
    wait_for("the client to know the monitor", || client.monitors() == 1);
    let hanging = seen.lock().unwrap();
    let deadline = Instant::now() + Duration::from_millis(50);
    let outcome = client.deliver(tls13(1, SessionStage::Hello), Wait::Live, deadline);
    assert_eq!(outcome, Outcome::Deadline);
    drop(hanging);
    deliver(&client, 1, Wait::Live);
    drop((monitor, service));
}

#[test]
fn who_has_no_grant_or_one_for_less_does_not_subscribe() {
    let world = World::new();
    let service = world.service();
    let port = service.address().port();
    let who = Identity::generate(Kem::X25519).unwrap();
    let grant = world.grant("soc", &[Role::Monitor], Tier::Handshake, &who);
    let text = who.signing.dangerous_text().unwrap();
    let signing = || escrow::keys::SigningKey::parse(&text).unwrap();
    let other = || escrow::keys::SigningKey::generate().unwrap();

    let refused = |tier, grant, signing, cause: &str| {
        let before = service.counters().refused.get("not_granted").copied().unwrap_or(0);
        let (monitor, _seen) = world.monitor_with(port, tier, grant, signing);
        wait_for(cause, || {
            service.counters().refused.get("not_granted").copied().unwrap_or(0) > before
        });
        assert!(!monitor.is_subscribed(), "{cause}");
    };
    refused(Tier::Both, grant.clone(), signing(), "a higher tier");
    refused(Tier::Handshake, grant.clone(), other(), "another's key");
    let approver = world.grant("soc", &[Role::Approver], Tier::Both, &who);
    refused(Tier::Both, approver, signing(), "another role");
    let mut forged = grant.statement().clone();
    if let escrow::keys::Statement::Grant(grant) = &mut forged {
        grant.tier = "t4".to_owned();
    }
    refused(Tier::Master, forged.sign(&other()).unwrap(), signing(), "no authority");
    let elsewhere = world.grant("other", &[Role::Monitor], Tier::Both, &who);
    refused(Tier::Both, elsewhere, signing(), "another's name");
    std::fs::remove_file(world.path("grants").join("soc-t1.json")).unwrap();
    refused(Tier::Handshake, grant, signing(), "a grant that was taken away");
    assert!(world.has_audited(|event| matches!(event, AuditEvent::ConnectionRefused { name, .. }
        if name == "soc")));
}

fn labels(seen: &Seen, number: u32) -> Vec<Label> {
    let seen = seen.lock().unwrap();
    let of = seen.iter().filter(|(_, content)| content.facts.client_random == random(number));
    of.flat_map(|(_, content)| content.secrets.iter().map(|(label, _)| *label)).collect()
}
