//! Programs with rustls, blocking and with tokio, whose connections do not stay where they are.

mod clients;
mod program;
mod servers;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use forge::Ending;
use probe::{Library, Matches, Reason, Rules};

use crate::mirror::{Conversation, Mirror};
use crate::place::{Nginx, Place, Running, curl, free_port, wait_for_listener};

#[test]
fn what_a_client_says_is_told_byte_for_byte() {
    let Some(place) = Place::new("mirror-rustls-client", &["nginx", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    let program = program::copy(&place);
    let Some(mut mirror) = Mirror::open(rules(&program, nginx.port)) else { return };
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    let mut seen = 0;
    for version in ["1.2", "1.3"] {
        let mut client = started(&mut mirror, &program, &format!("client {version}"));
        for kind in ["blocking", "tokio"] {
            for len in [1, 16_385, 8 << 20] {
                let body = place.body("body", len);
                say(&mut client, &format!("{kind} {} 1", nginx.port));
                mirror.read_until("the end", |told| {
                    told.with_server(server).get(seen).is_some_and(|one| one.ending.is_some())
                });
                let told = mirror.told.with_server(server);
                seen += 1;
                assert_eq!(told.len(), seen, "each connection is told once");
                assert_whole(told[seen - 1], &body);
                assert_eq!(told[seen - 1].ending, Some(Ending::Finished));
            }
        }
        client.finish_after_input();
    }
    assert_eq!(mirror.capture.counts().calls_unreadable, 0);
    let unmapped = mirror.capture.account().unmapped;
    assert_eq!(unmapped, 0);
    mirror.finish();
}

#[test]
fn what_a_server_says_and_is_told_is_told_byte_for_byte() {
    let Some(place) = Place::new("mirror-rustls-server", &["curl", "openssl"]) else { return };
    let program = program::copy(&place);
    let folder = place.file("");
    let sent = place.body("sent", 3_000_000);
    for kind in ["blocking", "tokio"] {
        let port = free_port();
        let server: SocketAddr = ([127, 0, 0, 1], port).into();
        let Some(mut mirror) = Mirror::open(rules(&program, port)) else { return };
        let role = format!("server {kind} {port} {}", folder.display());
        let running = started(&mut mirror, &program, &role);
        wait_for_listener(port);
        let mut seen = 0;
        for version in ["--tls-max 1.2", "--tlsv1.3"] {
            for (len, is_post) in [(1, false), (1, true), (8 << 20, false)] {
                let body = place.body("body", len);
                let url = format!("https://127.0.0.1:{port}/body");
                let mut curl = curl(&place, &url, &place.file("got"));
                curl.args(["-k", "-H", "Expect:"]).args(version.split(' '));
                if is_post {
                    curl.arg("--data-binary").arg(format!("@{}", place.file("sent").display()));
                }
                let curl = Running::start(&mut curl);
                mirror.read_until("the end", |told| {
                    told.with_server(server).get(seen).is_some_and(|one| one.ending.is_some())
                });
                curl.finish();
                let told = mirror.told.with_server(server);
                seen += 1;
                assert_eq!(told.len(), seen, "each connection is told once");
                let one = told[seen - 1];
                assert!(one.body() == if is_post { &sent } else { &body }, "{len} bytes");
                assert!(one.has_right_client() && one.missing.is_empty());
                assert!(!one.opened.is_late);
                assert_eq!(one.client.ends_with(&sent), is_post);
            }
        }
        running.finish_after_input();
        mirror.finish();
    }
}

#[test]
fn none_of_a_thousand_connections_is_taken_for_another() {
    let Some(place) = Place::new("mirror-rustls-many", &["nginx", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    let body = place.body("body", 30_000);
    let program = program::copy(&place);
    let Some(mut mirror) = Mirror::open(rules(&program, nginx.port)) else { return };
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    let mut client = started(&mut mirror, &program, "client 1.3");
    say(&mut client, &format!("tokio {} {CONNECTIONS}", nginx.port));
    mirror.read_until("the end of all", |told| {
        let all = told.with_server(server);
        all.len() == CONNECTIONS && all.iter().all(|one| one.ending.is_some())
    });
    client.finish_after_input();
    let account = mirror.capture.account();
    assert_eq!((account.unmapped, account.fault), (0, 0), "{account:?}");
    let told = mirror.finish();
    for one in told.with_server(server) {
        assert_whole(one, &body);
    }
}

#[test]
fn connections_that_change_places_in_one_thread_are_not_mixed_up() {
    let Some(place) = Place::new("mirror-rustls-swapped", &["nginx", "openssl"]) else { return };
    let nginx = Nginx::start_with(&place, "TLSv1.2 TLSv1.3");
    let body = place.body("body", 300_000);
    let program = program::copy(&place);
    let server: SocketAddr = ([127, 0, 0, 1], nginx.port).into();
    for version in ["1.2", "1.3"] {
        // Of more than a few whose records wait to be opened, some are not told apart and not told.
        for count in [2, 4, 12] {
            let Some(mut mirror) = Mirror::open(rules(&program, nginx.port)) else { return };
            let mut client = started(&mut mirror, &program, &format!("client {version}"));
            say(&mut client, &format!("swapped {} {count}", nginx.port));
            mirror.read_until("the end of all", |told| {
                let all = told.with_server(server);
                all.len() == count && all.iter().all(|one| one.ending.is_some())
            });
            client.finish_after_input();
            let account = mirror.capture.account();
            let told = mirror.finish();
            for one in told.with_server(server) {
                assert!(is_own_request(one), "{:?}", one.opened);
                if count <= 4 {
                    assert_whole(one, &body);
                }
            }
            if count <= 4 {
                assert_eq!(account.unmapped, 0, "{account:?}");
            }
        }
    }
}

#[test]
fn what_goes_through_no_socket_is_unmapped() {
    let Some(place) = Place::new("mirror-rustls-pipe", &["openssl", "strip"]) else { return };
    let program = program::copy(&place);
    for ports in [vec![], vec![443]] {
        let executables = vec![program.clone()];
        let allow = Matches { executables, ports, ..Matches::default() };
        let Some(mut mirror) = Mirror::open(Rules { allow, ..Rules::default() }) else { return };
        let role = format!("pipe {}", place.file("").display());
        let mut running = started(&mut mirror, &program, &role);
        say(&mut running, "300000");
        mirror.poll_until("all is seen", |mirror| mirror.capture.account().seen >= 600_000);
        running.finish_after_input();
        mirror.poll_for(Duration::from_millis(100));
        let told = mirror.finish();
        assert!(told.0.is_empty(), "{} connections", told.0.len());
    }
}

#[test]
fn a_program_without_symbols_is_listed() {
    let Some(place) = Place::new("mirror-rustls-stripped", &["openssl", "strip"]) else { return };
    let program = program::copy(&place);
    assert!(Command::new("strip").arg(&program).status().unwrap().success());
    let Some(mut mirror) = Mirror::open(Rules::everything()) else { return };
    let mut running = Running::start(&mut program::play(&program, "client 1.3"));
    let pid = running.child().id();
    mirror.poll_until("the process is listed", |mirror| {
        let uncovered = mirror.capture.uncovered();
        uncovered.iter().any(|one| one.pid == pid && one.reason == Reason::Rustls)
    });
    running.finish_after_input();
}

/// Starts a copy of this program, and waits until it has probes.
fn started(mirror: &mut Mirror, program: &Path, role: &str) -> Running {
    let running = Running::start(&mut program::play(program, role));
    let path = program.display().to_string();
    mirror.poll_until("the program has probes", |mirror| {
        mirror.capture.targets().iter().any(|target| target.path == path)
    });
    let target = mirror.capture.targets().iter().find(|target| target.path == path).unwrap();
    assert_eq!((target.library, &target.refused[..]), (Library::Rustls, &[][..]), "{target:?}");
    for name in ["MessageEncrypter::encrypt", "MessageDecrypter::decrypt"] {
        assert!(target.probed.iter().any(|(probed, _)| *probed == name), "{target:?}");
    }
    running
}

fn say(running: &mut Running, line: &str) {
    writeln!(running.child().stdin.as_ref().unwrap(), "{line}").unwrap();
}

/// Rules that allow the connections of one program with one server.
fn rules(program: &Path, port: u16) -> Rules {
    let executables = vec![program.to_owned()];
    let allow = Matches { executables, ports: vec![port], ..Matches::default() };
    Rules { allow, ..Rules::default() }
}

fn assert_whole(one: &Conversation, body: &[u8]) {
    assert!(is_own_request(one), "{:?}", one.opened);
    assert!(one.body() == body, "{} of {} bytes", one.body().len(), body.len());
    assert!(one.missing.is_empty() && one.has_right_client() && !one.opened.is_late);
}

/// Whether the client says the port that it has.
fn is_own_request(one: &Conversation) -> bool {
    let port = one.opened.client.port();
    let expected = format!(
        "GET /body?{port} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Port: {port}\r\n\r\n"
    );
    one.client == expected.as_bytes()
}

/// At the same time.
const CONNECTIONS: usize = 1000;
