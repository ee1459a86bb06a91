//! A session that showed a hello gives exactly one event, however its flow ends.

use event::TlsEvent;
use flow::Limits;
use session::Settings;

use crate::analysis::{Analysis, analyse, one};
use crate::conversation::Conversation;
use crate::flights::{dtls12, tls12, tls13};
use crate::messages::{ClientHello, HANDSHAKE, dtls_encrypted, fatal_alert, record, server_hello};
use crate::packets::Flow;
use crate::packets::Side::{Client, Server};
use crate::packets::datagram;

#[test]
fn a_flow_that_is_closed_gives_one() {
    let mut conversation = hello_only();
    conversation.close();
    let event = one(&conversation.frames);
    assert_eq!(event.event.outcome, "failure");
    assert!(has_partial(&event, "aborted"));
}

#[test]
fn a_flow_that_is_reset_gives_one() {
    let mut conversation = hello_only();
    conversation.reset(Server);
    conversation.reset(Server);
    assert!(has_partial(&one(&conversation.frames), "aborted"));
}

#[test]
fn a_flow_that_falls_silent_gives_one() {
    let mut analysis = Analysis::new();
    analysis.take(&hello_only().frames);
    analysis.wait(119);
    assert_eq!(analysis.events().len(), 0);
    analysis.wait(2);
    let events = analysis.events();
    assert_eq!(events.len(), 1);
    assert!(has_partial(&events[0], "timeout"));
    assert_eq!(events[0].event.outcome, "unknown");
    analysis.wait(1000);
    assert_eq!(analysis.finish().len(), 0);
}

#[test]
fn a_flow_whose_ports_are_used_again_gives_one() {
    let mut frames = hello_only().frames;
    let mut second = Conversation::with_sequence(Flow::default(), 77_000_000);
    second.send_all(&tls12());
    frames.extend(second.frames);
    let events = analyse(&frames);
    assert_eq!(events.len(), 2);
    assert!(has_partial(&events[0], "aborted"));
    assert!(events[1].tls.established);
}

#[test]
fn ports_used_again_after_a_whole_session_give_another() {
    let mut first = Conversation::new();
    first.send_all(&tls13());
    first.close();
    let mut second = Conversation::with_sequence(Flow::default(), 77_000_000);
    second.send_all(&tls12());
    let versions: Vec<_> =
        analyse(&[first.frames, second.frames].concat()).iter().map(|e| e.tls.version).collect();
    assert_eq!(versions, [Some("1.3"), Some("1.2")]);
}

#[test]
fn the_end_of_the_input_gives_one() {
    let event = one(&hello_only().frames);
    assert!(has_partial(&event, "end_of_capture"));
    assert_eq!(event.event.outcome, "unknown");
}

#[test]
fn a_flow_that_is_evicted_gives_one() {
    const FLOWS: u32 = 200;
    let limits = Limits { max_flows: 64, ..Limits::default() };
    let mut analysis = Analysis::with(Settings::default(), limits);
    for number in 0..FLOWS {
        let mut conversation = Conversation::on(Flow { number, ..Flow::default() });
        conversation.send(Client, &ClientHello::tls12().record());
        analysis.take(&conversation.frames);
    }
    let evicted = analysis.events();
    assert_eq!(evicted.len(), FLOWS as usize - 64);
    assert_eq!(analysis.counters().flows_evicted, u64::from(FLOWS) - 64);
    assert!(evicted.iter().all(|event| has_partial(event, "evicted")));
    assert_eq!(analysis.finish().len(), 64);
}

#[test]
fn what_follows_the_handshake_gives_no_more() {
    for flights in [tls12(), tls13()] {
        let mut conversation = Conversation::new();
        conversation.send_all(&flights);
        let after = conversation.frames.len();
        conversation.send_all(&flights);
        conversation.send(Server, &fatal_alert(40));
        conversation.close();
        let repeated = conversation.frames[3..after].to_vec();
        conversation.frames.extend(repeated);
        let event = one(&conversation.frames);
        assert!(event.tls.established);
    }
}

#[test]
fn a_failed_handshake_gives_one_however_it_is_ended() {
    let flights = [
        vec![(Server, fatal_alert(40))],
        vec![(Server, fatal_alert(40)), (Client, fatal_alert(90))],
        vec![
            (Server, record(HANDSHAKE, &server_hello(&[], 0xc02b, &[]))),
            (Client, fatal_alert(48)),
        ],
    ];
    for flights in flights {
        let mut conversation = hello_only();
        conversation.send_all(&flights);
        conversation.close();
        let event = one(&conversation.frames);
        assert_eq!(event.event.outcome, "failure");
        let told = event.tls.detailed.unwrap().alerts.len();
        assert_eq!(u32::try_from(told), Ok(event.tlsight.messages.alert));
    }
}

#[test]
fn a_flow_without_a_hello_gives_none() {
    let mut conversation = Conversation::new();
    conversation.send(Client, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    conversation.send(Server, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    conversation.close();
    assert_eq!(analyse(&conversation.frames).len(), 0);
}

#[test]
fn a_datagram_flow_gives_one_however_it_ends() {
    let frames: Vec<Vec<u8>> =
        dtls12().iter().map(|(side, bytes)| datagram(Flow::default(), *side, bytes)).collect();
    for prefix in 1..=frames.len() {
        let event = one(&frames[..prefix]);
        assert!(has_partial(&event, "end_of_capture"), "{prefix} datagrams");
    }
    let mut analysis = Analysis::new();
    analysis.take(&frames);
    analysis.wait(61);
    let events = analysis.events();
    assert_eq!(events.len(), 1);
    assert!(has_partial(&events[0], "timeout"));
    assert_eq!(analysis.finish().len(), 0);
}

#[test]
fn a_datagram_session_that_is_closed_at_once_is_told_at_once() {
    let mut flights = dtls12();
    for (side, kind) in [(Client, 22), (Server, 22), (Client, 21)] {
        flights.push((side, dtls_encrypted(kind)));
    }
    let frames: Vec<Vec<u8>> =
        flights.iter().map(|(side, bytes)| datagram(Flow::default(), *side, bytes)).collect();
    let mut analysis = Analysis::new();
    analysis.take(&frames);
    let events = analysis.events();
    assert_eq!(events.len(), 1);
    assert!(events[0].tls.established && events[0].tlsight.partial.is_empty(), "{:?}", events[0]);
    assert_eq!(analysis.finish().len(), 0);
}

fn hello_only() -> Conversation {
    let mut conversation = Conversation::new();
    conversation.send(Client, &ClientHello::tls12().record());
    conversation
}

fn has_partial(event: &TlsEvent, name: &str) -> bool {
    event.tlsight.partial.iter().any(|partial| partial == name)
}
