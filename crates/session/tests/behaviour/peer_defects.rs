//! What other programs get wrong, done right.

use event::ResumptionMethod;

use crate::analysis::{Analysis, analyse, one};
use crate::captures::Capture;
use crate::certificates::leaf;
use crate::conversation::Conversation;
use crate::flights::{Flights, tls12, tls12_end, tls13, tls13_end, tls13_of};
use crate::messages::{
    APPLICATION_DATA, ClientHello, HANDSHAKE, KEY_SHARE, PRE_SHARED_KEY, SECP384R1, X25519,
    certificate, change_cipher_spec, encrypted, hello_retry_request, key_shares, message,
    pre_shared_key, record, records_of, server_hello, server_hello13, server_key_exchange,
};
use crate::packets::Flow;
use crate::packets::Side::{self, Client, Server};

/// Packetbeat calls a TLS 1.3 handshake resumed because the server echoes the session id of
/// middlebox-compatibility mode and sends no key exchange in clear.
#[test]
fn a_full_handshake_of_tls13_that_echoes_a_session_id_is_not_resumed() {
    let event = one(&of(&tls13()).frames);
    assert!(event.tls.established && !event.tls.resumed);
    assert!(!event.tlsight.resumption.offered);
    assert_eq!(event.tlsight.resumption.method, None);
    assert_eq!(event.tls.detailed.unwrap().resumption_method, None);
}

/// Packetbeat says `id` of a TLS 1.3 session that a pre-shared key resumed, though the
/// `ServerHello` has the extension.
#[test]
fn a_session_of_tls13_is_resumed_by_psk() {
    let hello = ClientHello::tls13().with(PRE_SHARED_KEY, pre_shared_key());
    let server = server_hello13(&[0x5e; 32], X25519, &[(PRE_SHARED_KEY, vec![0, 0])]);
    let event = one(&of(&tls13_of(&hello, &server)).frames);
    assert!(event.tls.resumed);
    assert_eq!(event.tlsight.resumption.method, Some(ResumptionMethod::Psk));
    assert_eq!(event.tls.detailed.unwrap().resumption_method, Some("psk"));
}

/// Packetbeat stops at the first `ChangeCipherSpec`: behind a `HelloRetryRequest` it misses the
/// second `ClientHello` and the `ServerHello`, and calls the session established too early.
#[test]
fn a_handshake_goes_on_behind_the_change_cipher_spec_of_a_retry() {
    let conversation = of(&retried());
    let mut analysis = Analysis::new();
    let until_server_hello = conversation.frames.len() - 6;
    analysis.take(&conversation.frames[..until_server_hello]);
    assert_eq!(analysis.events().len(), 0, "the handshake is not over");
    analysis.take(&conversation.frames[until_server_hello..]);
    let events = analysis.finish();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert!(event.tls.established);
    assert_eq!(event.tlsight.key_exchange.hello_retry.as_deref(), Some("secp384r1"));
    assert_eq!(event.tls.curve.as_deref(), Some("secp384r1"));
    assert_eq!(event.tlsight.messages.client_hello, 2);
    assert_eq!(event.tlsight.messages.server_hello, 1);
    assert!(event.tls.detailed.as_ref().unwrap().server_hello.is_some());
    assert_eq!(event.tlsight.anomalies, [""; 0]);
}

/// Packetbeat never sees a TLS 1.3 session established whose sides send no `ChangeCipherSpec`.
#[test]
fn a_handshake_without_change_cipher_spec_is_established() {
    let mut hello = ClientHello::tls13();
    hello.session_id.clear();
    let flights = [
        (Client, hello.record()),
        (Server, record(HANDSHAKE, &server_hello13(&[], X25519, &[]))),
        (Server, encrypted(APPLICATION_DATA, 1400)),
        (Client, encrypted(APPLICATION_DATA, 53)),
    ];
    let event = one(&of(&flights).frames);
    assert!(event.tls.established);
    assert_eq!(event.event.outcome, "success");
}

/// Packetbeat drops the stream at one segment out of order.
#[test]
fn one_reordered_segment_changes_nothing() {
    for flights in [tls12(), tls13()] {
        let conversation = of(&flights);
        let expected = one(&conversation.frames);
        for place in 3..conversation.frames.len() - 1 {
            let mut frames = conversation.frames.clone();
            frames.swap(place, place + 1);
            let event = one(&frames);
            assert_eq!(event.tls, expected.tls, "frames {place} and {} swapped", place + 1);
            assert_eq!(event.tlsight.partial, expected.tlsight.partial);
        }
    }
}

/// Zeek ignores the whole session after a gap.
#[test]
fn a_gap_costs_what_was_in_it_and_is_said() {
    let mut conversation = Conversation::new();
    conversation.send(Client, &ClientHello::tls12().record());
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    let chain = record(HANDSHAKE, &certificate(&[leaf()]));
    conversation.lose(Server, u32::try_from(chain.len()).unwrap());
    conversation.send(Server, &record(HANDSHAKE, &server_key_exchange()));
    conversation.send(Server, &record(HANDSHAKE, &message(14, b"")));
    conversation.send_all(&tls12_end());
    let event = one(&conversation.frames);
    assert!(event.tls.established);
    assert_eq!(event.tlsight.partial, ["gap"]);
    assert_eq!(event.tls.cipher.as_deref(), Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(event.tls.curve.as_deref(), Some("x25519"), "from behind the gap");
    assert_eq!(event.tls.server.hash, None, "it was in the gap");
}

/// Packetbeat gives no event of a handshake that a reset ended.
#[test]
fn a_handshake_that_is_reset_is_an_event() {
    for side in [Client, Server] {
        let mut conversation = Conversation::new();
        conversation.send(Client, &ClientHello::tls13().record());
        conversation.reset(side);
        let event = one(&conversation.frames);
        assert_eq!(event.event.outcome, "failure", "reset by the {side:?}");
        assert_eq!(event.tls.client.server_name.as_deref(), Some("a.test"));
        assert_eq!(event.tlsight.partial.last().map(|name| &**name), Some("aborted"));
    }
}

/// Mercury cuts what is longer than 8192 bytes or 20 segments.
#[test]
fn a_chain_of_many_segments_is_read_to_its_end() {
    let chain: Vec<Vec<u8>> = std::iter::repeat_n(leaf(), 40).collect();
    assert!(chain.concat().len() > 8192);
    let flight = [server_hello(&[], 0xc02b, &[]), certificate(&chain), server_key_exchange()];
    let mut conversation = Conversation::new();
    conversation.send(Client, &ClientHello::tls12().record());
    conversation.send_in(Server, &records_of(HANDSHAKE, &flight.concat(), 16_000), 300);
    conversation.send_all(&tls12_end());
    let event = one(&conversation.frames);
    assert!(event.tls.established);
    assert_eq!(event.tls.curve.as_deref(), Some("x25519"), "from behind the chain");
    assert!(event.tls.server.hash.is_some());
    assert_eq!(event.tlsight.partial, ["chain_truncated"], "said, as 16 are kept");
}

/// Suricata and Zeek need the SYN.
#[test]
fn a_connection_without_its_syn_is_read() {
    for flights in [tls12(), tls13()] {
        let expected = one(&of(&flights).frames);
        let mut conversation = Conversation::midstream(Flow::default());
        conversation.send_all(&flights);
        let event = one(&conversation.frames);
        assert_eq!(event.tls, expected.tls);
        assert_eq!(event.client.ip, expected.client.ip);
    }
}

/// Programs in eBPF that read one packet lose any hello that is longer, and a post-quantum key
/// share makes it so.
#[test]
fn a_hello_of_two_segments_is_read() {
    let hello = ClientHello::tls13().record();
    assert!(hello.len() > 1400);
    let mut conversation = Conversation::new();
    conversation.send(Client, &hello);
    let event = one(&conversation.frames);
    assert_eq!(event.tls.client.server_name.as_deref(), Some("a.test"));
    let shares = event.tlsight.key_exchange.offered_key_shares.unwrap();
    assert!(shares.contains(&"X25519MLKEM768".into()), "{shares:?}");
}

/// Suricata gives no event of 100 of 449 captures with a hello.
#[test]
fn each_capture_gives_as_many_events_as_it_has_sessions() {
    let captures = Capture::all();
    assert!(captures.len() > 100);
    for capture in captures {
        assert_eq!(capture.events().len(), capture.expected_sessions(), "{}", capture.name);
    }
}

/// A handshake of TLS 1.3 with a retry in middlebox-compatibility mode. Its end is six frames.
fn retried() -> Flights {
    let hello = ClientHello::tls13();
    let again = hello.clone().set(KEY_SHARE, key_shares(&[(SECP384R1, 97)]));
    let hello = hello.set(10, crate::messages::list16(&[X25519, SECP384R1]));
    let hello = hello.set(KEY_SHARE, key_shares(&[(X25519, 32)]));
    let retry = record(HANDSHAKE, &hello_retry_request(&[0x5e; 32], SECP384R1));
    let server = record(HANDSHAKE, &server_hello13(&[0x5e; 32], SECP384R1, &[]));
    let mut flights = vec![
        (Client, hello.record()),
        (Server, [retry, change_cipher_spec()].concat()),
        (Client, [change_cipher_spec(), again.record()].concat()),
        (Server, server),
    ];
    flights.extend(tls13_end());
    flights
}

fn of(flights: &[(Side, Vec<u8>)]) -> Conversation {
    let mut conversation = Conversation::new();
    conversation.send_all(flights);
    assert_eq!(analyse(&conversation.frames[..3]).len(), 0, "the three-way handshake");
    conversation
}
