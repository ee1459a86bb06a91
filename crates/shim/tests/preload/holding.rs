//! Sessions that wait, with an agent that answers late, never, or is not there.

use std::process::Command;
use std::time::{Duration, Instant};

use handover::Tallies;

use crate::agent::{Answers, Running};
use crate::place::{Place, Server, gets_page, output};
use crate::relay::Relay;

#[test]
fn an_aborted_client_lets_no_protected_byte_out() {
    let Some(place) = Place::new(&["curl", "python3"]) else { return };
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Server::openssl(&place, &[version]);
        for client in ["curl", "python"] {
            for is_there in [true, false] {
                let agent = is_there.then(|| Running::start(place.folder(), Answers::Never));
                let socket = place.file("agent.sock");
                let relay = Relay::start(server.port);
                let settings = "wait=received deadline=50ms on-deadline=abort";
                let mut command = if client == "curl" {
                    place.curl(&socket, settings, relay.port)
                } else {
                    place.python(&socket, settings, relay.port, 1)
                };
                let output = output(&mut command);
                let context = format!("{client} {version} {is_there}: {output:?}");
                assert!(!output.status.success(), "{context}");
                let records = relay.records();
                let [[client, _]] = &records[..] else { panic!("{records:?}, {context}") };
                assert!(is_open(client), "{client:?}, {context}");
                if let Some(agent) = agent {
                    assert_eq!(agent.finish().0.len(), 1, "{context}");
                }
            }
        }
    }
}

#[test]
fn an_aborted_server_lets_no_protected_byte_out() {
    let Some(place) = Place::new(&["curl", "nginx"]) else { return };
    for (versions, flag) in [("TLSv1.3", "--tlsv1.3"), ("TLSv1.2", "--tlsv1.2")] {
        let agent = Running::start(place.folder(), Answers::Never);
        let settings = "wait=received deadline=50ms on-deadline=abort breaker=0";
        let nginx = place.program("nginx", agent.socket(), settings);
        let server = Server::nginx(&place, nginx, versions);
        for _ in 0..3 {
            let relay = Relay::start(server.port);
            let mut curl = Command::new("curl");
            curl.args(["-sS", "-k", "--max-time", "60", flag]);
            let output = output(curl.arg(format!("https://localhost:{}/page", relay.port)));
            assert!(!output.status.success(), "{output:?}");
            let records = relay.records();
            let [[_, server]] = &records[..] else { panic!("{records:?}") };
            assert!(is_open(server), "{server:?}");
        }
        drop(server);
        let (came, missed) = agent.finish();
        assert_eq!(came.len(), 3);
        assert_eq!(missed, [Tallies { aborted: 1, ..Tallies::default() }; 3]);
    }
}

#[test]
fn a_session_that_may_go_on_does_so_after_its_deadline_and_says_so() {
    let Some(place) = Place::new(&["curl"]) else { return };
    let server = Server::openssl(&place, &["-tls1_3"]);
    let agent = Running::start(place.folder(), Answers::Never);
    let began = Instant::now();
    let settings = "wait=live deadline=100ms on-deadline=open";
    gets_page(&mut place.curl(agent.socket(), settings, server.port));
    assert!(began.elapsed() >= Duration::from_millis(200), "two messages");
    let (came, missed) = agent.finish();
    assert_eq!(came.len(), 2);
    assert_eq!(missed, [Tallies { opened: 1, ..Tallies::default() }; 2], "of both of them");
    // With no agent at all nobody waits.
    let began = Instant::now();
    let settings = "wait=live deadline=60s on-deadline=open";
    gets_page(&mut place.curl(&place.file("agent.sock"), settings, server.port));
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_tripped_breaker_costs_no_more_deadlines_until_an_agent_answers() {
    let Some(place) = Place::new(&["python3"]) else { return };
    let server = Server::openssl(&place, &["-tls1_2"]);
    let agent = Running::start(place.folder(), Answers::Never);
    let settings = "wait=live deadline=1s breaker=2 pause=3600s";
    let began = Instant::now();
    gets_page(&mut place.python(agent.socket(), settings, server.port, 12));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2), "two deadlines: {took:?}");
    assert!(took < Duration::from_secs(11), "and not twelve: {took:?}");
    let (came, missed) = agent.finish();
    assert_eq!(came.len(), 12, "they are told, but nobody waits");
    assert_eq!(missed.iter().map(|it| it.opened).sum::<u32>(), 12, "and each is told");
}

/// Whether the records of a side, by their types, have nothing that is protected: no application data, and
/// no handshake behind the change of the cipher (RFC 5246 section 7.1; in TLS 1.3 that is without meaning,
/// and all that is protected looks like application data).
fn is_open(types: &[u8]) -> bool {
    let change = types.iter().position(|kind| *kind == CHANGE_CIPHER_SPEC);
    let behind = change.and_then(|at| types.get(at + 1..)).unwrap_or_default();
    !types.contains(&APPLICATION_DATA) && !behind.contains(&HANDSHAKE)
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
