//! Each byte is accounted for, whatever becomes of it.

use std::net::SocketAddr;

use forge::{MissingCause, Side};
use probe::{ClearTextOptions, Matches, Rules};

use crate::mirror::Mirror;
use crate::openssl::only_port;
use crate::place::{Nginx, Place, Running, curl};

#[test]
fn what_the_rings_have_no_room_for_is_a_gap_of_the_right_length() {
    let Some(place) = Place::new("mirror-full", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    let options = ClearTextOptions {
        rules: only_port(nginx.port),
        rings_len: Some(512 << 10),
        ..ClearTextOptions::default()
    };
    let Some(mut mirror) = Mirror::open_with(&options) else { return };
    let body = place.body("body", 8 << 20);
    // Nobody reads meanwhile.
    let status = curl(&place, &nginx.url("body"), &place.file("got")).status().unwrap();
    assert!(status.success());
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    mirror.read_until("the connection", |told| !told.with_server(server).is_empty());
    let account = mirror.capture.account();
    let told = mirror.finish();
    let [conversation] = told.with_server(server)[..] else { panic!("one connection") };
    let missing: u64 = conversation.missing.iter().map(|(_, len, _)| len).sum();
    assert!(missing > body.len() as u64 / 2, "{:?}", conversation.missing);
    for (side, _, cause) in &conversation.missing {
        assert_eq!((*side, *cause), (Side::Server, MissingCause::RingFull));
    }
    // The head of the response may be missing as well, but what is behind it is as long as it was.
    let head_len = conversation.server.len().checked_sub(body.len());
    assert!(head_len.is_some_and(|len| (1..1024).contains(&len)), "{head_len:?}");
    let got = &conversation.server[head_len.unwrap()..];
    // What is missing is told as zeros here; all else is what was sent.
    let differs = got.iter().zip(&body).filter(|(got, sent)| got != sent);
    assert!(differs.clone().all(|(got, _)| *got == 0));
    assert!(differs.count() as u64 <= missing);
    assert!(account.ring_full >= missing, "{account:?}");
}

#[test]
fn nothing_of_a_process_that_no_rule_allows_leaves_the_kernel() {
    let Some(place) = Place::new("mirror-scope", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    place.body("body", 100_000);
    let ports = vec![nginx.port];
    let own = vec![std::process::id()];
    for rules in [
        Rules::default(),
        Rules {
            deny: Matches { ports: ports.clone(), ..Matches::default() },
            ..only_port(nginx.port)
        },
        Rules {
            allow: Matches { pids: own.clone(), ports, ..Matches::default() },
            ..Rules::default()
        },
        Rules { allow: Matches { pids: own, ..Matches::default() }, ..Rules::default() },
    ] {
        let Some(mut mirror) = Mirror::open(rules.clone()) else { return };
        let before = mirror.capture.account();
        let status = curl(&place, &nginx.url("body"), &place.file("got")).status().unwrap();
        assert!(status.success());
        mirror.capture.poll(std::time::Duration::ZERO, &mut |_| panic!("{rules:?}"));
        let after = mirror.capture.account();
        // Both ends are on this host: each of them handles all of the body.
        assert!(after.seen - before.seen > 200_000, "{after:?}");
        assert!(after.filtered - before.filtered > 200_000, "{after:?}");
        assert_eq!((after.delivered, after.pending), (0, 0), "{rules:?}");
        assert!(mirror.finish().0.is_empty());
    }
}

#[test]
fn an_end_of_a_connection_that_the_other_one_tells_already_is_counted() {
    let Some(place) = Place::new("mirror-both", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    let body = place.body("body", 4 << 20);
    let Some(mut mirror) = Mirror::open(only_port(nginx.port)) else { return };
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    let child = Running::start(&mut curl(&place, &nginx.url("body"), &place.file("got")));
    mirror.read_until("the end", |told| {
        told.with_server(server).iter().any(|one| one.ending.is_some())
    });
    child.finish();
    let counts = mirror.capture.counts();
    let account = mirror.capture.account();
    assert_eq!((counts.streams.connections, counts.streams.both_ends), (1, 1));
    assert_eq!(
        account.seen,
        account.delivered + account.duplicate + account.filtered,
        "{account:?}"
    );
    assert_eq!(account.delivered, account.duplicate, "{account:?}");
    let told = mirror.finish();
    assert!(told.with_server(server)[0].body() == body);
}
