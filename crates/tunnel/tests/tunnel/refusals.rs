//! What a sensor and an agent refuse.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use forge::{Ending, Side};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tunnel::format::{ALPN, Frame, MAX_BATCH_LEN, Refusal, Reply, VERSION};
use tunnel::{CertificateRequest, Link, ReceiverLimits, make_certificates};

use crate::place::{Sensor, file, finish, limits, now, sender, settings, until};
use crate::rawagent::{RawAgent, Shown, batch, batch_of, hello};
use crate::records::{closed, data, opened};

#[test]
fn nobody_comes_in_without_a_certificate_of_an_agent() {
    let sensor = Sensor::start();
    let port = sensor.receiver.address().port();
    let other = tempfile::tempdir().unwrap();
    let request = CertificateRequest { sensor_names: Vec::new(), agents: vec!["a".to_owned()] };
    make_certificates(other.path(), &request, now()).unwrap();
    for (certificate, reason, said) in [
        (None, "no_certificate", "no certificate"),
        (Some(other.path().join("a")), "bad_certificate", "UnknownIssuer"),
        (Some(file("old")), "bad_certificate", "expired"),
        // That of a sensor is for servers.
        (Some(file("sensor")), "bad_certificate", "extended key usage"),
    ] {
        let sensor = Sensor::start();
        let port = sensor.receiver.address().port();
        // In TLS 1.3 the other side learns of it when it reads.
        if let Ok(mut agent) = RawAgent::as_shown(port, Shown { certificate, alpn: ALPN }) {
            agent.send(&hello(1, 0));
            agent.reply().unwrap_err();
        }
        let line = sensor.until_refused(reason).to_string();
        assert!(line.to_lowercase().contains(&said.to_lowercase()), "{line}");
        assert!(sensor.receiver.agents().is_empty());
    }
    RawAgent::as_shown(port, Shown { certificate: Some(file("a")), alpn: b"h2" }).err().unwrap();
    sensor.until_refused("handshake");
    TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    until("two of them", || sensor.receiver.counters().refused.get("handshake") == Some(&2));
}

#[test]
fn what_is_malformed_or_out_of_order_is_refused_and_harms_no_other() {
    let sensor = Sensor::start();
    let port = sensor.receiver.address().port();
    let other = sender("b", sensor.settings());
    other.hand_in(&opened(1));
    other.hand_in(&data(1, Side::Client, 0, b"one"));
    until("the other's connection", || sensor.seen().bytes() == 3);
    for (number, (what, bytes, refusal)) in (1_u8..).zip(misbehaviours()) {
        let mut agent = RawAgent::connect(port);
        agent.hello(number, 0);
        agent.batch(1, &[opened(2), data(2, Side::Client, 0, b"x")]);
        agent.send(&bytes);
        assert_eq!(agent.reply().unwrap(), Reply::Refused(refusal), "{what}");
        agent.reply().unwrap_err();
        sensor.until_refused(refusal.name());
    }
    until("all of them", || {
        let refused: u64 = sensor.receiver.counters().refused.values().sum();
        refused == misbehaviours().len() as u64
    });
    other.hand_in(&data(1, Side::Client, 3, b"two"));
    other.hand_in(&closed(1));
    finish(other);
    let seen = sensor.seen();
    let of_other = seen.connections.values().find(|it| it.agent.as_str() == "b").unwrap();
    assert_eq!(of_other.bytes[0], b"onetwo");
    assert_eq!(of_other.ending, Some(Ending::Finished));
}

/// What an agent may not send as its second batch, and how it is answered.
fn misbehaviours() -> Vec<(&'static str, Vec<u8>, Refusal)> {
    let next = data(2, Side::Client, 1, b"y");
    let mut of_other_version = hello(1, 0);
    of_other_version[10] = u8::try_from(VERSION).unwrap() + 1;
    let head = |len: u32, kind: u8| [&len.to_be_bytes()[..], &[kind]].concat();
    let mut bomb = Vec::new();
    let mut packed = Vec::new();
    let mut packer = tunnel::format::Packer::new().unwrap();
    packer.pack(&vec![0; 16 << 20], &mut packed).unwrap();
    let len = u32::try_from(MAX_BATCH_LEN).unwrap();
    Frame::Batch { sequence: 2, len, packed: &packed }.put(&mut bomb);
    let mut known = Vec::new();
    Frame::Known { len: 0, packed: &[] }.put(&mut known);
    vec![
        ("an oversized frame", head(1 << 20, 2), Refusal::Malformed),
        ("a frame of no kind", head(8, 77), Refusal::Malformed),
        ("records that are none", batch_of(2, b"\x09nonsense"), Refusal::Malformed),
        ("a record that is cut", batch_of(2, &[2; 20]), Refusal::Malformed),
        ("a decompression bomb", bomb, Refusal::Malformed),
        ("a second hello", hello(1, 0), Refusal::Malformed),
        ("a hello of another version", of_other_version, Refusal::Version),
        ("the batch before again", batch(1, &[opened(3)]), Refusal::Replay),
        ("a batch too far", batch(3, std::slice::from_ref(&next)), Refusal::SequenceGap),
        ("bytes again", batch(2, &[data(2, Side::Client, 0, b"z")]), Refusal::Contradiction),
        ("a connection again", batch(2, &[opened(2)]), Refusal::Contradiction),
        ("openings in the middle", known, Refusal::Malformed),
    ]
}

#[test]
fn a_batch_that_comes_again_is_refused_on_a_new_connection_too() {
    let sensor = Sensor::start();
    let port = sensor.receiver.address().port();
    let records = [opened(1), data(1, Side::Client, 0, b"x")];
    let mut agent = RawAgent::connect(port);
    agent.hello(1, 0);
    agent.batch(1, &records);
    drop(agent);
    let mut agent = RawAgent::connect(port);
    let acknowledged = Reply::Acknowledged { sequence: 1, is_new: false };
    assert_eq!(agent.hello(1, 0), acknowledged);
    assert_eq!(agent.batch(1, &records), Reply::Refused(Refusal::Replay));
    let line = sensor.until_refused("replay").to_string();
    assert!(line.starts_with("agent a at 127.0.0.1:") && line.ends_with("replay"), "{line}");
    // The session is none the worse for it.
    let mut agent = RawAgent::connect(port);
    assert_eq!(agent.hello(1, 1), acknowledged);
    agent.batch(2, &[data(1, Side::Client, 1, b"y"), closed(1)]);
    assert_eq!(sensor.only().bytes[0], b"xy");
}

#[test]
fn the_newer_of_two_connections_of_a_session_counts() {
    let sensor = Sensor::start();
    let port = sensor.receiver.address().port();
    let mut old = RawAgent::connect(port);
    old.hello(1, 0);
    let mut new = RawAgent::connect(port);
    new.hello(1, 0);
    assert_eq!(old.batch(1, &[opened(1)]), Reply::Refused(Refusal::Replaced));
    let acknowledged = Reply::Acknowledged { sequence: 1, is_new: false };
    assert_eq!(new.batch(1, &[opened(1)]), acknowledged);
}

#[test]
fn sessions_and_agents_have_bounds() {
    let limits = ReceiverLimits { sessions_of_agent: 2, agents: 3, ..limits() };
    let sensor = Sensor::with(limits);
    let port = sensor.receiver.address().port();
    let mut agents = [1, 2].map(|session| {
        let mut agent = RawAgent::connect(port);
        agent.hello(session, 0);
        agent
    });
    let mut third = RawAgent::connect(port);
    assert_eq!(third.hello(3, 0), Reply::Refused(Refusal::TooManySessions));
    sensor.until_refused("too_many_sessions");
    until("its place", || {
        let mut third = RawAgent::connect(port);
        third.send(&hello(4, 0));
        third.reply().is_ok()
    });
    agents[0].batch(1, &[opened(1)]);
    let shown = || Shown { certificate: Some(file("b")), alpn: ALPN };
    let mut others = Vec::new();
    until("the last place", || {
        if let Ok(mut agent) = RawAgent::as_shown(port, shown()) {
            agent.send(&hello(9, 0));
            if agent.reply().is_ok() {
                others.push(agent);
            }
        }
        sensor.receiver.counters().refused.contains_key("busy")
    });
    // Who went makes room for who comes.
    drop((agents, others));
    until("room", || {
        let mut agent =
            RawAgent::as_shown(port, Shown { certificate: Some(file("a")), alpn: ALPN });
        agent.as_mut().is_ok_and(|agent| {
            agent.send(&hello(5, 0));
            matches!(agent.reply(), Ok(Reply::Acknowledged { .. }))
        })
    });
}

#[test]
fn an_agent_that_falls_silent_is_cut() {
    let patience = Duration::from_millis(50);
    let sensor = Sensor::with(ReceiverLimits { patience, ..limits() });
    let mut agent = RawAgent::connect(sensor.receiver.address().port());
    agent.hello(1, 0);
    agent.reply().unwrap_err();
    sensor.until_refused("silent");
}

#[test]
fn a_sensor_can_make_an_agent_do_nothing() {
    let acknowledged = |sequence, is_new| Reply::Acknowledged { sequence, is_new }.to_bytes();
    let again = [acknowledged(0, true), acknowledged(0, true)].concat();
    let much = acknowledged(0, true).repeat(10_000);
    for (what, bytes, is_improper) in [
        ("nonsense", b"rm -rf / #xx".to_vec(), true),
        ("batches that were not sent", acknowledged(7, false).to_vec(), true),
        ("batches of a session it does not know", acknowledged(1, true).to_vec(), true),
        ("more than it was asked", again, true),
        ("much more than it was asked", much, true),
        ("a refusal", Reply::Refused(Refusal::Version).to_bytes().to_vec(), false),
    ] {
        let port = fake_sensor(bytes);
        let agent = sender("a", settings(port));
        agent.hand_in(&opened(1));
        agent.hand_in(&data(1, Side::Client, 0, b"kept"));
        until(what, || {
            let counters = agent.counters();
            let count = if is_improper { counters.improper_replies } else { counters.refused };
            count > 1 || (what.starts_with("much") && counters.connected + count > 1)
        });
        until("the reason", || matches!(agent.link(), Link::Down(Some(_))));
        assert_eq!(agent.counters().acknowledged_bytes, 0, "{what}");
        assert_eq!(agent.counters().waiting_bytes(), 4, "{what}");
    }
}

/// A sensor with a right certificate that answers a hello with these bytes, each time.
fn fake_sensor(answer: Vec<u8>) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let chain = vec![CertificateDer::from_pem_file(file("sensor.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("sensor.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, tcp.unwrap());
            let mut hello = [0; 35];
            if stream.read_exact(&mut hello).is_ok()
                && stream.write_all(&answer).and_then(|()| stream.flush()).is_ok()
            {
                // Until the agent hangs up.
                stream.read_to_end(&mut Vec::new()).ok();
            }
        }
    });
    port
}
