//! Batches on their way to servers that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet::agent::Link;
use fleet::policies_digest;
use fleet::v1::{Kept, Later, Policies, Refused, Settings, from_server::Message};

use crate::world::{World, expected, is_up, keep, kept, push, settings, start, wait};

#[test]
fn what_is_handed_in_arrives_once_and_in_order() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(world.token())));
    push(&uplink, 0..100);
    wait("all is kept", || kept(&uplink) == 100);
    assert_eq!(world.lines(), expected(0..100));
    wait("a status came", || world.book().statuses.len() > 1);
    let status = world.book().statuses.last().cloned().unwrap();
    assert_eq!((status.sessions, status.losses.get("gaps")), (42, Some(&3)));
    let Link::Up { agent, clock_ahead, .. } = uplink.meter().link() else { panic!() };
    assert_eq!(agent, "node-1");
    assert!(clock_ahead.abs() < 60_000_000_000);
    assert!(program.was_told("joined at") && program.was_told("connected to"));
    let counters = uplink.finish(Duration::ZERO);
    assert_eq!((counters.taken_sessions, counters.kept_sessions), (100, 100));
    assert_eq!((counters.connections, counters.certificates), (1, 1));
}

#[test]
fn a_server_that_is_killed_loses_nothing_and_counts_nothing_twice() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    // It keeps each batch, and dies now and then before it has said so.
    let mute = Arc::new(AtomicU64::new(0));
    let answers = {
        let mute = Arc::clone(&mute);
        move |batch: &fleet::v1::Batch, book: &mut crate::world::Book| {
            let answers = keep(batch, book);
            if mute.load(Ordering::Relaxed) > 0 { Vec::new() } else { answers }
        }
    };
    let answers: crate::world::Answers = Arc::new(answers);
    let mut server = world.serve_with(0, Arc::clone(&answers));
    let port = server.port;
    let (uplink, _program) = start(settings(folder.path(), &[port], Some(world.token())));
    for round in 0..4_u32 {
        push(&uplink, round * 50..round * 50 + 25);
        wait("it answers", || kept(&uplink) >= u64::from(round * 50 + 25));
        mute.store(1, Ordering::Relaxed);
        push(&uplink, round * 50 + 25..round * 50 + 50);
        wait("it has all", || world.lines().len() == (round as usize + 1) * 50);
        server.kill();
        wait("that is noticed", || !is_up(&uplink));
        mute.store(0, Ordering::Relaxed);
        server = world.serve_with(port, Arc::clone(&answers));
        wait("it was told again", || kept(&uplink) == u64::from(round + 1) * 50);
    }
    assert_eq!(world.lines(), expected(0..200));
    assert!(world.book().again > 0);
    assert!(uplink.meter().counters().connections >= 5);
    wait("nothing waits", || uplink.meter().backlog().batches == 0);
}

#[test]
fn what_one_process_leaves_the_next_one_sends() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(settings(folder.path(), &[port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    server.kill();
    push(&uplink, 0..20);
    let counters = uplink.finish(Duration::ZERO);
    assert_eq!(counters.kept_sessions, 0);
    let _server = world.serve_with(port, Arc::new(keep));
    let (uplink, _) = start(settings(folder.path(), &[port], None));
    wait("all is kept", || kept(&uplink) == 20);
    assert_eq!(world.lines(), expected(0..20));
    assert_eq!(world.book().issued, 1);
}

#[test]
fn an_uplink_that_ends_sends_what_waits() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    push(&uplink, 0..30);
    assert_eq!(uplink.finish(Duration::from_secs(180)).kept_sessions, 30);
    assert_eq!(world.lines(), expected(0..30));
}

#[test]
fn a_refused_batch_is_counted_and_the_others_go_on() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let answers = |batch: &fleet::v1::Batch, book: &mut crate::world::Book| {
        if batch.number == 1 {
            let reason = "no\u{7} room\nfor this".to_owned();
            return vec![Message::Refused(Refused { number: 1, reason })];
        }
        let mut answers = keep(batch, book);
        if let Some(Message::Kept(Kept { rejected, .. })) = answers.first_mut() {
            *rejected = 2;
        }
        answers
    };
    let server = world.serve_with(0, Arc::new(answers));
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(world.token())));
    for number in 0..3_u64 {
        assert!(uplink.push(b"x\n"));
        let meter = uplink.meter();
        wait("it was answered", || {
            meter.counters().kept_batches + meter.counters().refused_batches == number + 1
        });
    }
    let counters = uplink.meter().counters();
    assert_eq!((counters.refused_batches, counters.refused_sessions), (1, 1));
    assert_eq!((counters.kept_batches, counters.rejected_lines), (2, 4));
    assert!(program.was_told("which is lost with 1 sessions: no  room for this"));
}

#[test]
fn what_is_to_come_later_comes_later_and_nothing_is_lost_or_counted_twice() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let asked = AtomicU64::new(0);
    let answers = move |batch: &fleet::v1::Batch, book: &mut crate::world::Book| {
        // Each third time, while those behind it are kept.
        if asked.fetch_add(1, Ordering::Relaxed) % 3 == 1 {
            let reason = "busy".to_owned();
            return vec![Message::Later(Later { number: batch.number, milliseconds: 1, reason })];
        }
        keep(batch, book)
    };
    let server = world.serve_with(0, Arc::new(answers));
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(world.token())));
    push(&uplink, 0..60);
    wait("all is kept", || kept(&uplink) == 60);
    assert_eq!(world.lines(), expected(0..60));
    assert!(uplink.meter().counters().postponed > 0);
    assert_eq!(uplink.meter().counters().connections, 1);
}

#[test]
fn the_next_server_takes_over() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let (first, second) = (world.serve(), world.serve());
    let ports = [first.port, second.port];
    let (uplink, _) = start(settings(folder.path(), &ports, Some(world.token())));
    push(&uplink, 0..10);
    wait("the first has it", || kept(&uplink) == 10);
    first.kill();
    push(&uplink, 10..20);
    wait("the second has it", || kept(&uplink) == 20);
    assert_eq!(world.lines(), expected(0..20));
    let Link::Up { server, .. } = uplink.meter().link() else { panic!() };
    assert_eq!(server, format!("127.0.0.1:{}", second.port));
}

#[test]
fn orders_are_in_force_after_a_restart_and_wrong_ones_are_told() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let documents = vec!["[]".to_owned(), "{}".to_owned()];
    let digest = policies_digest(&documents).to_vec();
    let orders = vec![
        Message::Policies(Policies { digest: digest.clone(), documents: documents.clone() }),
        Message::Settings(Settings { revision: 7, toml: "group = \"30s\"".to_owned() }),
        Message::Settings(Settings { revision: 8, toml: "nonsense".to_owned() }),
        Message::Policies(Policies { digest: vec![0; 32], documents: vec!["other".to_owned()] }),
    ];
    world.book().orders = orders;
    let server = world.serve();
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(world.token())));
    wait("the errors are told", || {
        world.book().statuses.last().is_some_and(|status| {
            !status.settings_error.is_empty() && !status.policies_error.is_empty()
        })
    });
    let status = world.book().statuses.last().cloned().unwrap();
    assert_eq!(status.settings_error, "revision 8: unknown key nonsense");
    assert_eq!((status.settings_revision, &status.policies_digest), (7, &digest));
    assert_eq!(program.policies.lock().unwrap().as_slice(), std::slice::from_ref(&documents));
    drop(uplink);
    world.book().orders.clear();
    let (uplink, program) = start(settings(folder.path(), &[server.port], None));
    assert_eq!(*program.policies.lock().unwrap(), [documents]);
    assert_eq!(*program.settings.lock().unwrap(), ["group = \"30s\""]);
    wait("it is up", || is_up(&uplink));
    let hello = world.book().hellos.last().cloned().unwrap();
    assert_eq!((hello.settings_revision, hello.policies_digest), (7, digest));
}
