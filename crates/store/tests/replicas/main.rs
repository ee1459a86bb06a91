//! Several servers that decide together, over one database.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

#[path = "../backend/mod.rs"]
mod backend;
#[path = "../proxy/mod.rs"]
mod proxy;
#[path = "../samples/mod.rs"]
mod samples;
mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use backend::Place;
use event::Timestamp;
use proxy::{Fault, Proxy};
use store::{
    Accounts as _, AgentReport, AuthorityPem, Collection, Control, Decided, Documents as _, EdgeId,
    Expected, Finding, Fleet as _, NotShared, Outbox as _, PostureId, Replication as _, Role,
    SecretText, StoreError, VerdictCounts, Violations as _,
};
use world::{DIGEST, Server, World, assert_same, at, audit, enrol, token, user};

#[test]
fn what_several_servers_decide_at_the_same_time_is_the_same_everywhere_and_nothing_is_lost() {
    let Some(world) = World::new("what_several_servers_decide_at_the_same_time") else { return };
    let servers: Vec<Server> = (0..4).map(|n| world.open(&format!("s{n}"))).collect();
    servers[0].control.add_enrolment_token(&token("t", 10), DIGEST).unwrap();
    let results: Vec<(usize, usize)> = thread::scope(|scope| {
        let work = servers.iter().enumerate().map(|(n, server)| {
            scope.spawn(move || {
                let control = &server.control;
                let (mut counted, mut enrolled) = (0, 0);
                for round in 0..5 {
                    control.add_user(&user(&format!("u{n}-{round}"), Role::Viewer)).unwrap();
                    audit(control, &format!("{n}-{round}")).unwrap();
                    // Each counts one up from what it has read, until nobody was faster.
                    loop {
                        let found = control.document(Collection::Settings, "counter").unwrap();
                        let expected =
                            found.map_or(Expected::Absent, |it| Expected::Version(it.version));
                        let put = control.put_document(
                            Collection::Settings,
                            "counter",
                            b"x",
                            expected,
                            at(round),
                        );
                        match put {
                            Ok(_) => break,
                            Err(StoreError::Conflict { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    counted += 1;
                    enrolled += usize::from(enrol(control, &format!("a{n}-{round}")).is_ok());
                    control.push_parcel("n", b"parcel", at(round)).unwrap();
                }
                (counted, enrolled)
            })
        });
        work.collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_same(&servers);
    let control = &servers[3].control;
    assert_eq!(control.users().unwrap().len(), 20);
    let actions: BTreeSet<String> = control
        .audit(store::Page::first(100))
        .unwrap()
        .items
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(actions.len(), 20);
    let counter = control.document(Collection::Settings, "counter").unwrap().unwrap();
    let counted: usize = results.iter().map(|(counted, _)| counted).sum();
    assert_eq!((counter.version, counted), (20, 20), "each version once");
    assert_eq!(results.iter().map(|(_, enrolled)| enrolled).sum::<usize>(), 10, "uses of a token");
    assert_eq!(control.enrolled_agents().unwrap().len(), 10);
    assert_eq!(control.queue("n").unwrap().queued, 20);
    let positions: BTreeSet<_> = servers.iter().map(|it| it.control.position()).collect();
    assert_eq!(positions.len(), 1);
}

#[test]
fn what_one_server_decides_is_news_to_the_others_and_nothing_changed_is_no_news() {
    let Some(world) = World::new("what_one_server_decides_is_news_to_the_others") else { return };
    let (a, b) = (world.open("a"), world.open("b"));
    a.control.add_user(&user("ann", Role::Admin)).unwrap();
    a.control.put_document(Collection::Policies, "p", b"{}", Expected::Any, at(1)).unwrap();
    assert_eq!(b.control.user("ann").unwrap(), None, "reading asks nobody");
    let news = b.control.follow().unwrap();
    assert_eq!(news, BTreeSet::from([Decided::Accounts, Decided::Documents]));
    assert!(b.control.user("ann").unwrap().is_some());
    assert!(b.control.follow().unwrap().is_empty() && a.control.follow().unwrap().is_empty());
    let before = a.control.position();
    a.control.remove_old_logins(at(0), at(0)).unwrap();
    a.control.set_verdicts(&[]).unwrap();
    assert_eq!(a.control.position(), before);
    let key = SecretText::new("key".to_owned());
    let authority = AuthorityPem { certificate: "first".to_owned(), key: key.clone() };
    assert_eq!(a.control.share_authority(&authority).unwrap(), authority);
    let other = AuthorityPem { certificate: "second".to_owned(), key };
    assert_eq!(b.control.share_authority(&other).unwrap(), authority, "the first is everybody's");
}

#[test]
fn a_sweep_that_finds_the_same_again_writes_nothing() {
    let Some(world) = World::new("a_sweep_that_finds_the_same_again") else { return };
    let (a, b) = (world.open("a"), world.open("b"));
    let record = samples::Samples::new(1, 4).session(at(1));
    let edge = EdgeId::of(&record.source, &record.destination, 443, record.seen.transport);
    let posture = PostureId::of(&record.seen.posture);
    let sweep = |server: &Server, count: u64, last_seen: Timestamp| {
        let findings: Vec<Finding> = (0..100)
            .map(|policy| Finding {
                policy: format!("policy {policy}"),
                policy_name: "No old TLS".to_owned(),
                severity: policy::Severity::High,
                edge,
                posture,
                message: "TLS 1.0 is below 1.2".to_owned(),
                namespaces: Vec::new(),
                text: String::new(),
                sessions: count,
                first_seen: at(1),
                last_seen,
            })
            .collect();
        let verdict = VerdictCounts { pass: 1, fail: 100, unknown: 0 };
        server.control.set_verdicts(&[(edge, posture, verdict)]).unwrap();
        server.control.report(&findings, last_seen).unwrap().opened.len()
    };
    assert_eq!(sweep(&a, 1, at(1000)), 100);
    let position = a.control.position();
    for minute in 1..30 {
        // Whichever of them does so.
        let server = if minute % 2 == 0 { &a } else { &b };
        let sessions = u64::try_from(minute).unwrap();
        assert_eq!(sweep(server, sessions, at(1000 + 60 * minute)), 0);
        assert_eq!(server.control.position(), position, "minute {minute}");
    }
    assert_eq!(sweep(&b, 99, at(1000 + 3600)), 0);
    assert_eq!(b.control.position(), position.map(|it| it + 1), "an hour later, in one entry");
    assert_same(&[a, b]);
}

#[test]
fn an_entry_whose_answer_was_lost_is_there_once_or_not_at_all() {
    let Some(world) = World::new("an_entry_whose_answer_was_lost") else { return };
    let proxy = Proxy::start(&world.url);
    let (a, b) = (world.open_by("a", proxy.url()).unwrap(), world.open("b"));
    for (round, fault) in
        [Fault::Request, Fault::Half, Fault::Answer].into_iter().cycle().take(12).enumerate()
    {
        // One request is what others decided, the next the entry, then whether it is the next one.
        let passed = u64::try_from(round).unwrap() / 3;
        proxy.fail_after(passed, fault);
        let name = format!("u{round}");
        let added = a.control.add_user(&user(&name, Role::Viewer));
        let is_done = added.is_ok();
        assert!(is_done || matches!(added, Err(StoreError::Unreachable { .. })), "{added:?}");
        assert!(a.control.users().is_ok(), "reading asks nobody");
        audit(&b.control, &name).unwrap();
        proxy.heal();
        let again = a.control.add_user(&user(&name, Role::Viewer));
        match again {
            Ok(()) => assert!(!is_done, "round {round}: what was acknowledged was lost"),
            Err(StoreError::Exists { .. }) => {}
            Err(error) => panic!("round {round}: {error}"),
        }
    }
    assert_same(&[a, b]);
}

#[test]
fn a_new_server_and_one_that_was_away_for_long_begin_with_a_snapshot() {
    let Some(world) = World::new("a_new_server_and_one_that_was_away") else { return };
    let (a, away) = (world.open("a"), world.open("away"));
    // What cannot be made shorter, so that sixteen megabytes of entries are soon there.
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    for n in 0..18 {
        let body: Vec<u8> = (0..1 << 20).map(|_| byte()).collect();
        let key = format!("document {n}");
        let collection = Collection::Settings;
        a.control.put_document(collection, &key, &body, Expected::Absent, at(n)).unwrap();
        // As the server does now and then.
        a.control.follow().unwrap();
    }
    let kept = a.control.position().unwrap();
    world
        .ask("ALTER TABLE `{db}`.decisions DELETE WHERE position < 12 SETTINGS mutations_sync = 2");
    let new = world.open("new");
    assert_eq!(new.control.position(), Some(kept));
    assert_eq!(away.control.position(), Some(1), "it has seen nothing");
    away.control.add_user(&user("ann", Role::Admin)).unwrap();
    assert_same(&[a, away, new]);
}

#[test]
fn a_file_of_one_server_becomes_that_of_all_and_another_one_does_not_join_with_its_own() {
    let Some(world) = World::new("a_file_of_one_server_becomes_that_of_all") else { return };
    for name in ["a", "c"] {
        let alone = Control::open(&world.path(name)).unwrap();
        alone.add_user(&user(&format!("of {name}"), Role::Admin)).unwrap();
        assert_eq!(alone.position(), None);
        assert!(alone.has_duties(Duration::ZERO).unwrap());
    }
    let (a, b) = (world.open("a"), world.open("b"));
    assert!(b.control.user("of a").unwrap().is_some());
    let refused = world.open_by("c", &world.url).err().unwrap();
    assert!(matches!(refused, StoreError::NotShared(NotShared::OwnFile { .. })), "{refused}");
    let alone = Control::open(&world.path("c")).unwrap();
    assert!(alone.user("of c").unwrap().is_some(), "it is as it was");
    drop(b);
    a.control.add_user(&user("ann", Role::Viewer)).unwrap();
    let b = world.open("b");
    assert_same(&[a, b]);
}

#[test]
fn servers_that_begin_at_the_same_time_begin_one_log() {
    let Some(world) = World::new("servers_that_begin_at_the_same_time") else { return };
    // The key is there before, as where it is a secret of the cluster.
    drop(world.open("other database"));
    let again = World { url: format!("{}_again", world.url), folder: world.folder };
    let servers: Vec<Server> = thread::scope(|scope| {
        let opened = ["a", "b", "c"].map(|name| {
            let again = &again;
            scope.spawn(move || again.open(name))
        });
        opened.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for (n, server) in servers.iter().enumerate() {
        server.control.add_user(&user(&format!("u{n}"), Role::Viewer)).unwrap();
    }
    assert_same(&servers);
    assert_eq!(servers[0].control.users().unwrap().len(), 3);
}

#[test]
fn without_the_key_nobody_takes_part() {
    let Some(world) = World::new("without_the_key_nobody_takes_part") else { return };
    let a = world.open("a");
    a.control.add_user(&user("ann", Role::Admin)).unwrap();
    let open = |key: &Path| {
        Control::open_shared(&world.path("b"), world.url.parse().unwrap(), key).err().unwrap()
    };
    let key = world.folder.path().join("another.key");
    let missing = open(&key);
    assert!(matches!(missing, StoreError::NotShared(NotShared::NoKey { .. })), "{missing}");
    assert!(!key.exists(), "none is made where there is a log");
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let wrong = open(&key);
    assert!(matches!(wrong, StoreError::NotShared(NotShared::NotOpened { .. })), "{wrong}");
    std::fs::write(&key, "no key").unwrap();
    let none = open(&key);
    assert!(matches!(none, StoreError::NotShared(NotShared::NoSuchKey { .. })), "{none}");
    assert!(world.open("b").control.user("ann").unwrap().is_some());
}

#[test]
fn entries_that_somebody_changed_swapped_repeated_or_removed_are_refused_and_never_applied() {
    let changes = [
        "INSERT INTO `{db}`.decisions (position, id, previous, body) SELECT position, id, previous,
         concat(substring(body, 1, 20), 'x', substring(body, 22)) FROM `{db}`.moved
         WHERE position = 3",
        // The body of another entry.
        "INSERT INTO `{db}`.decisions (position, id, previous, body) SELECT 3,
         (SELECT id FROM `{db}`.moved WHERE position = 3),
         (SELECT previous FROM `{db}`.moved WHERE position = 3), body FROM `{db}`.moved
         WHERE position = 2",
        // An earlier entry once more.
        "INSERT INTO `{db}`.decisions (position, id, previous, body) SELECT 3, id,
         (SELECT previous FROM `{db}`.moved WHERE position = 3), body FROM `{db}`.moved
         WHERE position = 2",
        "INSERT INTO `{db}`.decisions (position, id, previous, body) SELECT position, id, previous, body
         FROM `{db}`.moved WHERE position = 4",
    ];
    for change in changes {
        let Some(world) = World::new("entries_that_somebody_changed") else { return };
        let (a, b) = (world.open("a"), world.open("b"));
        for name in ["first", "second", "third"] {
            a.control.add_user(&user(name, Role::Viewer)).unwrap();
        }
        world.ask("CREATE TABLE `{db}`.moved AS `{db}`.decisions ENGINE = Memory");
        world.ask("INSERT INTO `{db}`.moved SELECT * FROM `{db}`.decisions");
        world.ask(
            "ALTER TABLE `{db}`.decisions DELETE WHERE position > 2 SETTINGS mutations_sync = 2",
        );
        world.ask(change);
        let error = b.control.follow().unwrap_err();
        assert!(matches!(error, StoreError::NotShared(_)), "{error}");
        assert!(b.control.follow().is_err(), "it stays so");
        assert!(b.control.add_user(&user("another", Role::Viewer)).is_err());
        let known: Vec<_> = b.control.users().unwrap().into_iter().map(|it| it.name).collect();
        assert!(known.is_empty() || known == ["first"], "{known:?}");
        // Whoever has applied what was removed does not need it.
        if change != changes[3] {
            let error = a.control.add_user(&user("another", Role::Viewer)).unwrap_err();
            assert!(matches!(error, StoreError::NotShared(_)), "{error}");
        }
    }
}

#[test]
fn a_log_that_was_cut_is_noticed_by_whoever_has_seen_more() {
    let Some(world) = World::new("a_log_that_was_cut") else { return };
    let a = world.open("a");
    for name in ["first", "second"] {
        a.control.add_user(&user(name, Role::Viewer)).unwrap();
    }
    world.ask("ALTER TABLE `{db}`.decisions DELETE WHERE position > 2 SETTINGS mutations_sync = 2");
    let error = a.control.follow().unwrap_err();
    assert!(matches!(error, StoreError::NotShared(NotShared::Differs { .. })), "{error}");
}

#[test]
fn where_the_log_was_lost_a_server_begins_another_with_what_it_has() {
    let Some(world) = World::new("where_the_log_was_lost") else { return };
    let (a, b) = (world.open("a"), world.open("b"));
    for name in ["first", "second"] {
        a.control.add_user(&user(name, Role::Viewer)).unwrap();
    }
    b.control.follow().unwrap();
    world.ask("DROP TABLE `{db}`.decisions SYNC");
    world.ask("DROP TABLE `{db}`.decision_snapshots SYNC");
    assert!(a.control.add_user(&user("third", Role::Viewer)).is_err());
    drop((a, b));
    let a = world.open("a");
    assert_eq!(a.control.users().unwrap().len(), 2);
    a.control.add_user(&user("third", Role::Viewer)).unwrap();
    // It does not take the log of others for its own.
    let other = world.open_by("b", &world.url).err().unwrap();
    assert!(matches!(other, StoreError::NotShared(NotShared::Differs { .. })), "{other}");
    assert_same(&[a, world.open("c")]);
}

#[test]
fn what_agents_say_goes_to_all_servers_beside_the_log() {
    let Some(world) = World::new("what_agents_say_goes_to_all_servers") else { return };
    let (a, b) = (world.open("a"), world.open("b"));
    a.control.add_enrolment_token(&token("t", 9), DIGEST).unwrap();
    enrol(&a.control, "one").unwrap();
    b.control.follow().unwrap();
    let before = a.control.position();
    let report = |heard| AgentReport {
        agent: "one".to_owned(),
        heard: at(heard),
        is_connected: true,
        report: format!("said at {heard}").into_bytes(),
    };
    a.control.note_agents(&[report(10)]).unwrap();
    assert_eq!(b.control.agents_elsewhere().unwrap(), [report(10)]);
    assert!(b.control.agents_elsewhere().unwrap().is_empty(), "nothing new");
    assert!(a.control.agents_elsewhere().unwrap().is_empty(), "it said so itself");
    a.control.note_agents(&[report(20)]).unwrap();
    assert_eq!(b.control.agents_elsewhere().unwrap(), [report(20)]);
    assert_eq!(a.control.position(), before);
    let kept = b.control.enrolled_agent("one").unwrap().unwrap();
    assert_eq!((kept.heard, kept.report), (Some(at(20)), b"said at 20".to_vec()));
}

#[test]
fn one_server_has_the_duties_and_another_takes_them_when_it_is_gone() {
    let Some(world) = World::new("one_server_has_the_duties") else { return };
    let (a, b) = (world.open("a"), world.open("b"));
    let second = Duration::from_secs;
    // Their clocks have nothing in common.
    a.control.look_after_duties(second(1000)).unwrap();
    assert!(a.control.has_duties(second(1000)).unwrap());
    for passed in [0, 10, 20] {
        a.control.look_after_duties(second(1000 + passed)).unwrap();
        b.control.follow().unwrap();
        b.control.look_after_duties(second(passed)).unwrap();
        assert!(!b.control.has_duties(second(passed)).unwrap());
    }
    // It ends, or does not reach the database.
    assert!(!a.control.has_duties(second(1036)).unwrap(), "it stops by itself");
    b.control.look_after_duties(second(45)).unwrap();
    assert!(!b.control.has_duties(second(45)).unwrap(), "not so soon");
    b.control.look_after_duties(second(51)).unwrap();
    assert!(b.control.has_duties(second(51)).unwrap());
    a.control.follow().unwrap();
    a.control.look_after_duties(second(1060)).unwrap();
    assert!(!a.control.has_duties(second(1060)).unwrap(), "they are another one's");
    b.control.give_up_duties().unwrap();
    assert!(!b.control.has_duties(second(52)).unwrap());
    a.control.follow().unwrap();
    a.control.look_after_duties(second(1061)).unwrap();
    assert!(a.control.has_duties(second(1061)).unwrap());
}

#[test]
fn an_old_database_is_refused_and_left_alone() {
    let Some(Place::Url(url)) = Place::old("an_old_database_is_refused") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("control.db"), folder.path().join("control.key"));
    let refused = Control::open_shared(&path, url.parse().unwrap(), &key).err().unwrap();
    assert!(matches!(refused, StoreError::NotShared(NotShared::TooOld { .. })), "{refused}");
    assert!(!key.exists());
    assert!(Control::open(&path).is_ok());
}
