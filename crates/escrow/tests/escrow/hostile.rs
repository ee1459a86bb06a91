//! Peers that do not keep to the protocol.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use escrow::Wait;
use escrow::audit::AuditEvent;
use escrow::wire::{ALPN, Frame, FrameReader, Peer, Refusal};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::world::{World, deliver, wait_for};

type Raw = StreamOwned<ClientConnection, TcpStream>;

/// A connection with TLS on it that says what it likes.
fn raw(world: &World, port: u16) -> Raw {
    let config = Arc::new(world.credentials("web-1").client(ALPN).unwrap());
    let name = ServerName::try_from("localhost").unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp)
}

/// The refusal that comes before the end, if one does.
fn refusal(raw: Raw) -> Option<Refusal> {
    refusal_behind(raw, FrameReader::default())
}

/// The same, where some of what comes was read.
fn refusal_behind(mut raw: Raw, mut frames: FrameReader) -> Option<Refusal> {
    let mut chunk = [0; 4096];
    let mut refusal = None;
    while let Ok(len @ 1..) = raw.read(&mut chunk) {
        frames.push(&chunk[..len]);
        while let Ok(Some(frame)) = frames.next_frame() {
            if let Frame::Refused(why) = frame {
                refusal = Some(why);
            }
        }
    }
    refusal
}

/// What becomes of somebody who says hello as an agent and then this.
fn said(world: &World, port: u16, bytes: &[u8]) -> Option<Refusal> {
    let mut raw = raw(world, port);
    let mut hello = Vec::new();
    Frame::Hello(Peer::Agent).put(&mut hello);
    raw.write_all(&hello).unwrap();
    // The announcement says that the hello was taken.
    let mut frames = FrameReader::default();
    let mut first = [0; 1];
    assert_eq!(raw.read(&mut first).unwrap(), 1);
    frames.push(&first);
    raw.write_all(bytes).unwrap();
    refusal_behind(raw, frames)
}

fn frame(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.put(&mut bytes);
    bytes
}

#[test]
fn what_is_malformed_ends_the_connection_and_is_counted() {
    let world = World::new();
    let service = world.service();
    let port = service.address().port();
    let zeros = [0; 32];
    let deliver_frame =
        |archive, live| frame(&Frame::Deliver { sequence: 1, client_random: zeros, archive, live });
    let cases = [
        (vec![0xff; 64], Refusal::Malformed),
        (frame(&Frame::Hello(Peer::Agent)), Refusal::Malformed),
        (frame(&Frame::Taken(1)), Refusal::Malformed),
        (frame(&Frame::Context(&[1; 40])), Refusal::Malformed),
        (deliver_frame(&[9; 100], &[]), Refusal::Version),
        (deliver_frame(&[], &[9; 100]), Refusal::Version),
        (record_to_nobody(), Refusal::UnknownKey),
        ([deliver_frame(&[], &[]), deliver_frame(&[], &[])].concat(), Refusal::Malformed),
        (u32::MAX.to_be_bytes().to_vec().into_iter().chain([3]).collect(), Refusal::Malformed),
    ];
    for (number, (bytes, expected)) in cases.iter().enumerate() {
        assert_eq!(said(&world, port, bytes), Some(*expected), "case {number}");
    }
    wait_for("the counters", || {
        service.counters().refused.values().sum::<u64>() == cases.len() as u64
    });
    wait_for("the audit log", || {
        world.has_audited(|event| {
            matches!(event, AuditEvent::ConnectionRefused { name, .. }
            if name == "web-1")
        })
    });

    // Whoever keeps to it is served.
    let client = world.ready_client("web-1", port);
    deliver(&client, 1, Wait::Durable);
    drop(service);
}

fn record_to_nobody() -> Vec<u8> {
    let record = escrow::seal::SealedRecord {
        part: escrow::tier::Part::Client,
        stage: secrets::SessionStage::Hello,
        recipient: [1; 16],
        context: [2; 16],
        sequence: 0,
        time_ms: 0,
        sealed: &[0; 40],
    };
    let mut archive = Vec::new();
    record.put(&mut archive);
    frame(&Frame::Deliver { sequence: 1, client_random: [0; 32], archive: &archive, live: &[] })
}

#[test]
fn who_begins_otherwise_or_is_silent_is_cut() {
    let mut world = World::new();
    world.limits.patience = Duration::from_millis(300);
    let service = world.service();
    let port = service.address().port();
    let mut other = raw(&world, port);
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(refusal(other), Some(Refusal::Malformed));
    let mut silent = raw(&world, port);
    silent.write_all(&frame(&Frame::Hello(Peer::Agent))).unwrap();
    assert_eq!(refusal(silent), None);
    wait_for("the silent one to be counted", || {
        service.counters().refused.get("silent") == Some(&1)
    });
}

#[test]
fn without_a_certificate_of_the_authority_nobody_comes_in() {
    let (world, elsewhere) = (World::new(), World::new());
    let service = world.service();
    let port = service.address().port();
    let client = elsewhere.client("web-1", port);
    let plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    (&plain).write_all(&[0; 100]).unwrap();
    wait_for("the handshakes to be refused", || {
        service.counters().refused.get("handshake").is_some_and(|count| *count >= 1)
    });
    assert!(!client.is_ready());
    drop(service);
}

#[test]
fn there_are_so_many_connections_and_no_more() {
    let mut world = World::new();
    world.limits.connections = 2;
    let service = world.service();
    let port = service.address().port();
    let clients: Vec<_> = ["web-1", "web-2"].map(|name| world.ready_client(name, port)).into();
    let third = world.client("other", port);
    wait_for("the third to be refused", || {
        service.counters().refused.get("busy").is_some_and(|count| *count > 0)
    });
    assert!(!third.is_ready());
    drop(clients);
    wait_for("a place to be free", || third.is_ready());
    drop(service);
}
