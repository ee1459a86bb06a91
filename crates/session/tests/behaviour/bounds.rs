//! Hostile input costs no more than the limits, and what it costs others is told.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use flow::Limits;
use session::Settings;

use crate::analysis::{Analysis, analyse, one};
use crate::certificates::leaf;
use crate::conversation::Conversation;
use crate::messages::{
    ClientHello, HANDSHAKE, certificate, message, prefixed24, record, records_of, server_hello,
};
use crate::packets::Flow;
use crate::packets::Side::{Client, Server};

#[test]
fn half_open_hellos_are_dropped_and_counted() {
    let limits = Limits { max_buffered_bytes: 1 << 20, ..Limits::default() };
    let mut analysis = Analysis::with(Settings::default(), limits);
    let hello = ClientHello::tls13().record();
    for number in 0..5000 {
        let mut conversation = Conversation::on(Flow { number, ..Flow::default() });
        conversation.send(Client, &hello[..1200]);
        analysis.take(&conversation.frames);
        assert_eq!(analysis.events().len(), 0, "no hello was whole");
    }
    assert!(analysis.counters().flows_evicted > 3000, "{:?}", analysis.counters());
    let mut whole = Conversation::on(Flow { number: 9000, ..Flow::default() });
    whole.send(Client, &hello);
    whole.reset(Server);
    analysis.take(&whole.frames);
    assert_eq!(analysis.events().len(), 1, "a session goes through the flood");
}

#[test]
fn a_message_that_claims_16_mib_is_given_up() {
    let mut conversation = hello();
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    let endless = [&[11, 0xff, 0xff, 0xff][..], &vec![0x41; 300_000]].concat();
    conversation.send(Server, &records_of(HANDSHAKE, &endless, 16_000));
    let event = one(&conversation.frames);
    assert!(event.tlsight.anomalies.contains(&"handshake_message_too_long".into()));
    assert_eq!(event.tls.version, Some("1.2"), "what came before is told");
}

#[test]
fn a_hello_that_claims_16_mib_is_no_hello() {
    let mut conversation = Conversation::new();
    let endless = [&[1, 0xff, 0xff, 0xff, 3, 3][..], &vec![0x41; 60_000]].concat();
    conversation.send(Client, &records_of(HANDSHAKE, &endless, 16_000));
    conversation.close();
    assert_eq!(analyse(&conversation.frames).len(), 0);
}

#[test]
fn a_message_that_never_ends_in_records_of_one_byte_is_bounded() {
    let mut conversation = hello();
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    let long = message(11, &vec![0x41; 200_000]);
    conversation.send(Server, &records_of(HANDSHAKE, &long[..150_000], 1));
    conversation.close();
    let limits = Limits { max_buffered_bytes: 100_000, ..Limits::default() };
    let mut analysis = Analysis::with(Settings::default(), limits);
    analysis.take(&conversation.frames);
    let events = analysis.finish();
    assert_eq!(events.len(), 1);
    assert!(events[0].tlsight.partial.contains(&"evicted".into()), "{:?}", events[0].tlsight);
    assert_eq!(analysis.counters().flows_evicted, 1);
}

#[test]
fn empty_records_without_end_cost_nothing() {
    let mut conversation = hello();
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    conversation.send(Server, &record(HANDSHAKE, b"").repeat(20_000));
    conversation.send(Server, &record(HANDSHAKE, &certificate(&[leaf()])));
    assert!(one(&conversation.frames).tls.server.hash.is_some());
}

#[test]
fn hellos_without_end_are_one_session() {
    let mut conversation = Conversation::new();
    conversation.send(Client, &ClientHello::tls12().record().repeat(2000));
    let event = one(&conversation.frames);
    assert_eq!(event.tlsight.messages.client_hello, 2000);
    assert!(event.tlsight.anomalies.contains(&"client_hello_repeated".into()));
}

#[test]
fn alerts_without_end_are_counted_and_some_are_told() {
    let mut conversation = hello();
    conversation.send(Server, &record(21, &[1, 90]).repeat(5000));
    let event = one(&conversation.frames);
    assert_eq!(event.tlsight.messages.alert, 5000);
    assert_eq!(event.tls.detailed.unwrap().alerts.len(), 16);
}

#[test]
fn plain_lines_without_end_are_left_alone() {
    let mut conversation = Conversation::new();
    conversation.send(Server, b"220 mx.test ESMTP\r\n");
    conversation.send(Client, &b"250 a line of some length, again and again\r\n".repeat(10_000));
    conversation.send(Client, b"STARTTLS\r\n");
    conversation.send(Client, &ClientHello::tls12().record());
    let mut analysis = Analysis::new();
    analysis.take(&conversation.frames);
    assert_eq!(analysis.finish().len(), 0, "behind the limit nothing is looked at");
}

#[test]
fn a_line_without_end_is_left_alone() {
    for start in [&b"220 "[..], b"<stream ", b"GET /", b"CONNECT ", b"\x30\x84\x7f\xff\xff\xff"] {
        let mut conversation = Conversation::new();
        conversation.send(Client, &[start, &[b'a'; 100_000][..]].concat());
        let mut analysis = Analysis::new();
        analysis.take(&conversation.frames);
        assert_eq!(analysis.counters().flows_unconsumed_over_limit, 0);
        assert_eq!(analysis.finish().len(), 0);
    }
}

#[test]
fn a_certificate_bomb_is_not_blown_up() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    for claimed in [1000_u32, 200_000, 0xff_ffff] {
        let event = one(&compressed(claimed, &bomb).frames);
        assert_eq!(event.tlsight.anomalies, ["certificate_decompression_failed"], "{claimed}");
        assert_eq!(event.tls.server.hash, None);
    }
}

#[test]
fn a_compressed_certificate_is_read() {
    let plain = certificate(&[leaf()])[4..].to_vec();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&plain).unwrap();
    let len = u32::try_from(plain.len()).unwrap();
    let event = one(&compressed(len, &encoder.finish().unwrap()).frames);
    assert!(event.tls.server.hash.is_some());
    assert_eq!(event.tlsight.anomalies, [""; 0]);
}

#[test]
fn gaps_and_strays_are_counted() {
    let mut conversation = hello();
    conversation.lose(Server, 500);
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    conversation.reset(Client);
    let mut analysis = Analysis::new();
    analysis.take(&conversation.frames);
    assert_eq!(analysis.finish().len(), 1);
    assert_eq!((analysis.counters().gaps, analysis.counters().gap_bytes), (1, 500));
    assert_eq!(analysis.counters().losses().get("gap_bytes"), Some(&500));
}

fn hello() -> Conversation {
    let mut conversation = Conversation::new();
    conversation.send(Client, &ClientHello::tls12().record());
    conversation
}

/// A session whose server sends a `CompressedCertificate`.
fn compressed(claimed: u32, bytes: &[u8]) -> Conversation {
    let mut body = vec![0, 1];
    body.extend(&claimed.to_be_bytes()[1..]);
    body.extend(prefixed24(bytes));
    let flight = [server_hello(&[], 0xc02b, &[]), message(25, &body)].concat();
    let mut conversation = hello();
    conversation.send(Server, &records_of(HANDSHAKE, &flight, 16_000));
    conversation.close();
    conversation
}
