//! Servers that say what they may not. The agent goes on, within bounds, and loses nothing.

use std::sync::Arc;

use fleet::limits;
use fleet::v1::{Kept, Later, Policies, Settings, Welcome, from_server::Message};

use crate::world::{
    Answers, Book, World, expected, is_up, keep, kept, push, settings, start, wait,
};

/// Has a hostile server talk to an agent until `is_enough`, and an honest one after it.
fn survive(prepare: impl FnOnce(&mut Book), answers: Answers, is_improper: bool) {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(settings(folder.path(), &[port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    server.kill();
    prepare(&mut world.book());
    let hostile = world.serve_with(port, answers);
    push(&uplink, 0..10);
    let meter = uplink.meter();
    wait("it shows", || {
        let counters = meter.counters();
        if is_improper { counters.improper >= 3 } else { counters.postponed >= 3 }
    });
    assert_eq!(meter.counters().kept_sessions, 0);
    hostile.kill();
    world.book().orders.clear();
    world.book().welcome = None;
    let _server = world.serve_with(port, Arc::new(keep));
    wait("all is kept", || kept(&uplink) == 10);
    assert_eq!(world.lines(), expected(0..10));
}

fn nothing(_: &mut Book) {}

fn mute(_: &fleet::v1::Batch, _: &mut Book) -> Vec<Message> {
    Vec::new()
}

#[test]
fn answers_to_what_was_never_sent() {
    let answers = |batch: &fleet::v1::Batch, _: &mut Book| {
        vec![Message::Kept(Kept { number: batch.number + 1000, rejected: 0 })]
    };
    survive(nothing, Arc::new(answers), true);
}

#[test]
fn answers_out_of_order() {
    let answers = |_: &fleet::v1::Batch, _: &mut Book| {
        vec![Message::Later(Later { number: u64::MAX, milliseconds: 0, reason: String::new() })]
    };
    survive(nothing, Arc::new(answers), true);
}

#[test]
fn endless_postponing() {
    let answers = |batch: &fleet::v1::Batch, _: &mut Book| {
        let reason = "x".repeat(100_000);
        vec![Message::Later(Later { number: batch.number, milliseconds: 0, reason })]
    };
    survive(nothing, Arc::new(answers), false);
}

#[test]
fn a_message_beyond_the_limit() {
    let prepare = |book: &mut Book| {
        let toml = "x".repeat(limits::MOST_TO_AGENT + 1);
        book.orders = vec![Message::Settings(Settings { revision: 1, toml })];
    };
    survive(prepare, Arc::new(mute), true);
}

#[test]
fn a_welcome_for_shorter_batches_than_there_are() {
    let prepare = |book: &mut Book| {
        let welcome = Welcome { window: u32::MAX, most_lines_len: 10, ..Welcome::default() };
        book.welcome = Some(welcome);
    };
    survive(prepare, Arc::new(mute), true);
}

#[test]
fn two_welcomes() {
    let prepare = |book: &mut Book| {
        book.orders = vec![Message::Welcome(Welcome::default())];
    };
    survive(prepare, Arc::new(mute), true);
}

#[test]
fn a_window_of_any_size_and_a_clock_of_any_time_and_orders_without_sense() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    for (window, clock) in [(0, i64::MIN), (u32::MAX, i64::MAX)] {
        world.book().welcome = Some(Welcome {
            agent: "\u{1b}[2J".repeat(1000),
            clock,
            window,
            most_lines_len: u32::MAX,
        });
        let nonsense =
            |revision| Message::Settings(Settings { revision, toml: "nonsense".repeat(1000) });
        world.book().orders = vec![
            nonsense(0),
            nonsense(u64::MAX),
            Message::Policies(Policies {
                digest: Vec::new(),
                documents: vec![String::new(); 1000],
            }),
        ];
        let server = world.serve();
        let token = Some(world.token());
        let (uplink, program) = start(settings(folder.path(), &[server.port], token));
        let before = world.lines().len();
        for _ in 0..5 {
            assert!(uplink.push(b"x\n"));
        }
        wait("it is kept", || kept(&uplink) == 5);
        assert_eq!(world.lines().len(), before + 5);
        let told = program.told.lock().unwrap();
        assert!(told.iter().all(|message| message.len() < 12_000 && !message.contains('\u{1b}')));
        assert!(told.iter().any(|message| message.contains("the clock is")));
    }
}
