//! Sessions whose secrets are known, in part, late or not at all.

use std::sync::Arc;

use event::{CertificateState, Evidence};
use forge::Ending;
use proptest::prelude::*;
use secrets::KeyStore;
use session::{Budget, Extent, Patience};

use crate::captures::{Capture, Captured};
use crate::decrypted::{Decrypted, Text, add, event_of, store};

const SERVER_HANDSHAKE: &str = "SERVER_HANDSHAKE_TRAFFIC_SECRET";
const CLIENT_HANDSHAKE: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
const SERVER_DATA: &str = "SERVER_TRAFFIC_SECRET_0";
const CLIENT_DATA: &str = "CLIENT_TRAFFIC_SECRET_0";

/// Cases, each client of which says hello and is answered with the same backwards.
const DIALOGUES: [&str; 8] = [
    "secrets-tls13",
    "secrets-tls12",
    "secrets-tls12-no-etm",
    "secrets-tls12-resumption",
    "secrets-tls11",
    "secrets-tls10",
    "secrets-legacy",
    "secrets-gnutls",
];

#[test]
fn what_both_sides_said_is_read_whatever_protected_it() {
    for name in DIALOGUES {
        let capture = Capture::named(name);
        let decrypted = Decrypted::of(&capture, &capture.key_log());
        assert_eq!(decrypted.texts.len(), capture.expected_sessions(), "{name}");
        for (index, text) in decrypted.texts.iter().enumerate() {
            assert!(text.client.bytes.starts_with(b"hello"), "{name}, {index}: {text:?}");
            let is_answer =
                [&b"olleh"[..], b"hello"].iter().any(|it| it.starts_with(&text.server.bytes[..1]));
            assert!(is_answer, "{name}, {index}: {text:?}");
            assert_eq!(text.client.missing + text.server.missing, 0, "{name}, {index}");
            assert!(
                matches!(text.ending, Some(Ending::Finished | Ending::Reset)),
                "{name}, {index}"
            );
        }
        for (index, event) in decrypted.events.iter().enumerate() {
            assert_eq!(event.tlsight.evidence, Evidence::Secrets, "{name}, {index}");
            assert!(event.tlsight.partial.is_empty(), "{name}, {index}");
            assert!(event.tls.established, "{name}, {index}");
        }
    }
}

#[test]
fn secrets_of_the_handshake_show_certificates_and_nothing_more() {
    let capture = Capture::named("secrets-tls13");
    let decrypted =
        Decrypted::of(&capture, &lines(&capture, &[SERVER_HANDSHAKE, CLIENT_HANDSHAKE]));
    assert!(decrypted.texts.is_empty());
    assert_eq!(decrypted.events.len(), 5);
    for event in &decrypted.events {
        assert_eq!(event.tlsight.certificate.state, CertificateState::Visible);
        assert_eq!(event.tlsight.messages.new_session_ticket, 0, "it is not of the handshake");
        assert_eq!(event.tlsight.evidence, Evidence::Secrets);
        assert!(event.tlsight.partial.is_empty(), "{:?}", event.tlsight.partial);
    }
}

#[test]
fn secrets_of_application_data_alone_show_them() {
    let capture = Capture::named("secrets-tls13");
    let decrypted = Decrypted::of(&capture, &lines(&capture, &[SERVER_DATA, CLIENT_DATA]));
    assert_eq!(decrypted.texts.len(), 5);
    for (text, event) in decrypted.texts.iter().zip(&decrypted.events) {
        assert_eq!((&*text.client.bytes, &*text.server.bytes), (&b"hello\n"[..], &b"olleh\n"[..]));
        assert_eq!(event.tlsight.certificate.state, CertificateState::Encrypted);
        assert!(event.tls.established);
    }
}

#[test]
fn keys_that_are_updated_are_followed() {
    let capture = Capture::named("secrets-tls13-key-update");
    let decrypted = Decrypted::of(&capture, &capture.key_log());
    let [text] = decrypted.texts.as_slice() else { panic!("one session") };
    assert_eq!(text.client.bytes, b"hello\nagain\nlast\n");
    assert_eq!(decrypted.partial(), [""; 0]);
}

#[test]
fn a_session_of_which_only_the_handshake_is_wanted_is_told_at_its_end() {
    let capture = Capture::named("secrets-tls13-key-update");
    let (early, event) = event_of(&capture, Extent::Handshake);
    let (late, whole) = event_of(&capture, Extent::Session);
    assert!(early < capture.packets.len() && early < late, "{early}, {late}");
    for event in [event, whole] {
        assert_eq!(event.tlsight.certificate.state, CertificateState::Visible);
        assert_eq!(event.tlsight.messages.new_session_ticket, 2);
        assert_eq!(event.tlsight.evidence, Evidence::Secrets);
    }
}

#[test]
fn all_sessions_together_keep_no_more_than_their_budget() {
    let capture = Capture::named("secrets-tls12");
    let budget = Arc::new(Budget::new(1000));
    let patience = Patience { budget: Arc::clone(&budget), ..Patience::default() };
    let nothing = Arc::new(KeyStore::default());
    let decrypted =
        Decrypted::of_packets(&capture, &capture.packets, &nothing, Some(patience), |_| {
            assert!(budget.left() <= 1000);
        });
    assert_eq!(decrypted.events.len(), capture.expected_sessions());
    assert_eq!(budget.left(), 1000, "all of it was given back");
}

#[test]
fn early_data_are_told_if_the_server_took_them() {
    let capture = Capture::named("secrets-tls13-resumption");
    let decrypted = Decrypted::of(&capture, &capture.key_log());
    let clients: Vec<&[u8]> = decrypted.texts.iter().map(|text| &*text.client.bytes).collect();
    assert_eq!(clients, [&b"hello\n"[..], b"earlyhello\n", b"hello\n"]);
}

#[test]
fn a_certificate_after_the_handshake_is_seen() {
    let capture = Capture::named("secrets-tls13-client-certificate");
    let decrypted = Decrypted::of(&capture, &capture.key_log());
    for event in &decrypted.events {
        assert_eq!(event.tls.client.subject.as_deref(), Some("CN=client.test,O=tlsight test,C=DE"));
        assert!(event.tlsight.messages.certificate_verify >= 2);
    }
}

#[test]
fn streams_of_quic_are_told_each_by_itself() {
    let capture = Capture::named("secrets-quic");
    let decrypted = Decrypted::of(&capture, &capture.key_log());
    let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|it| it == part);
    let early = decrypted.texts.iter().filter(|text| has(&text.client.bytes, b"early")).count();
    assert_eq!(early, 1, "a stream that the client opened in its first packets");
    for text in &decrypted.texts {
        assert_eq!(text.client.missing + text.server.missing, 0);
        assert!(text.ending.is_some());
    }
}

#[test]
fn secrets_of_others_are_said_not_to_fit() {
    for name in DIALOGUES {
        let capture = Capture::named(name);
        let decrypted = Decrypted::of(&capture, &spoilt(&capture.key_log()));
        assert!(decrypted.texts.is_empty(), "{name}");
        for event in &decrypted.events {
            let partial: Vec<&str> = event.tlsight.partial.iter().map(AsRef::as_ref).collect();
            assert_eq!(partial, ["secrets_mismatch"], "{name}");
            assert_eq!(event.tlsight.evidence, Evidence::Wire, "{name}");
            assert!(event.tls.established, "{name}");
        }
    }
}

#[test]
fn without_secrets_nothing_changes() {
    for name in DIALOGUES {
        let capture = Capture::named(name);
        let decrypted = Decrypted::of(&capture, "CLIENT_RANDOM none\n");
        let plain = capture.events();
        assert_eq!(decrypted.events.len(), plain.len());
        for (with, without) in decrypted.events.iter().zip(&plain) {
            assert_eq!(with.tlsight.partial, without.tlsight.partial, "{name}");
            assert_eq!(with.tlsight.evidence, without.tlsight.evidence, "{name}");
        }
    }
}

#[test]
fn packets_that_overtake_each_other_change_nothing() {
    for name in ["secrets-tls13", "secrets-tls12", "secrets-legacy"] {
        let capture = Capture::named(name);
        let whole = Decrypted::of(&capture, &capture.key_log()).texts;
        let mut packets = capture.packets.clone();
        // Those of one flight, which come within a millisecond, are turned around in pairs.
        for pair in packets.chunks_mut(2) {
            if let [first, second] = pair
                && first.bytes.get(26..34) == second.bytes.get(26..34)
            {
                pair.swap(0, 1);
            }
        }
        let store = store(&capture.key_log());
        let turned = Decrypted::of_packets(&capture, &packets, &store, None, |_| {});
        let said = |texts: &[Text]| -> Vec<_> {
            texts.iter().map(|text| (text.client.clone(), text.server.clone())).collect()
        };
        assert_eq!(said(&turned.texts), said(&whole), "{name}");
    }
}

#[test]
fn a_lost_packet_costs_what_it_held() {
    let capture = Capture::named("secrets-tls13-key-update");
    let store = store(&capture.key_log());
    let whole = Decrypted::of(&capture, &capture.key_log()).texts.remove(0);
    for lost in 0..capture.packets.len() {
        let mut packets = capture.packets.clone();
        packets.remove(lost);
        let decrypted = Decrypted::of_packets(&capture, &packets, &store, None, |_| {});
        for text in &decrypted.texts {
            for (found, whole) in [(&text.client, &whole.client), (&text.server, &whole.server)] {
                let alike = found.bytes.iter().zip(&whole.bytes);
                let wrong = alike.filter(|(found, whole)| found != whole).count();
                assert!(wrong as u64 <= found.missing, "packet {lost}: {found:?}");
            }
        }
    }
}

#[test]
fn what_is_cut_by_the_capture_is_missing_and_no_more() {
    for snap_len in [60, 100, 200, 600] {
        for name in DIALOGUES {
            let capture = Capture::named(name);
            let mut packets = capture.packets.clone();
            for packet in &mut packets {
                packet.bytes.truncate(snap_len);
            }
            let store = store(&capture.key_log());
            let decrypted = Decrypted::of_packets(&capture, &packets, &store, None, |_| {});
            for text in &decrypted.texts {
                let bytes = &text.client.bytes;
                assert!(bytes.iter().all(|byte| b"hello\r\n\0".contains(byte)), "{text:?}");
            }
        }
    }
}

#[test]
fn secrets_may_come_late() {
    for name in
        ["secrets-tls13", "secrets-tls12", "secrets-legacy", "secrets-dtls12", "secrets-quic"]
    {
        let capture = Capture::named(name);
        // The first session, up to its end, or all where there is no sign of one.
        let is_end = |packet: &Captured| packet.bytes[23] == 6 && packet.bytes[47] & 1 == 1;
        let end = capture.packets.iter().position(is_end).unwrap_or(capture.packets.len());
        let packets = &capture.packets[..end];
        let key_log = capture.key_log();
        let whole = Decrypted::of_packets(&capture, packets, &store(&key_log), None, |_| {});
        let late_store = Arc::new(KeyStore::default());
        let patience = Patience { max_ns: u64::MAX, ..Patience::default() };
        let late =
            Decrypted::of_packets(&capture, packets, &late_store, Some(patience), |number| {
                if number == end - 1 {
                    add(&late_store, &key_log);
                }
            });
        assert!(whole.events.iter().all(|event| event.tlsight.evidence == Evidence::Secrets));
        let sorted = |mut texts: Vec<Text>| {
            texts.sort_by_key(|text| (text.client.bytes.clone(), text.server.bytes.clone()));
            texts
        };
        assert_eq!(sorted(late.texts), sorted(whole.texts), "{name}");
        assert_eq!(late.events.len(), whole.events.len(), "{name}");
        for event in &late.events {
            assert_eq!(event.tlsight.evidence, Evidence::Secrets, "{name}");
            assert!(event.tlsight.partial.is_empty(), "{name}: {:?}", event.tlsight.partial);
        }
    }
}

#[test]
fn it_is_all_the_same_between_which_packets_secrets_come() {
    for name in ["secrets-tls13", "secrets-tls12", "secrets-legacy"] {
        let capture = Capture::named(name);
        let is_end = |packet: &Captured| packet.bytes[23] == 6 && packet.bytes[47] & 1 == 1;
        let end = capture.packets.iter().position(is_end).unwrap();
        let packets: Vec<_> = capture.packets[..end].iter().flat_map(in_pieces).collect();
        let key_log = capture.key_log();
        for at in 0..packets.len() {
            let store = Arc::new(KeyStore::default());
            let patience = Patience { max_ns: u64::MAX, ..Patience::default() };
            let decrypted =
                Decrypted::of_packets(&capture, &packets, &store, Some(patience), |number| {
                    if number == at {
                        add(&store, &key_log);
                    }
                });
            let [event] = decrypted.events.as_slice() else { panic!("{name}, before {at}") };
            assert_eq!(event.tlsight.evidence, Evidence::Secrets, "{name}, before {at}");
            assert!(event.tlsight.partial.is_empty(), "{name}, before {at}");
            let state = event.tlsight.certificate.state;
            assert_eq!(state, CertificateState::Visible, "{name}, before {at}");
        }
    }
}

/// The segment of a packet as several small ones.
fn in_pieces(packet: &Captured) -> Vec<Captured> {
    let header_len = 34 + usize::from(packet.bytes[46] >> 4) * 4;
    let end = 14 + usize::from(u16::from_be_bytes([packet.bytes[16], packet.bytes[17]]));
    let (header, payload) = packet.bytes[..end].split_at(header_len);
    if payload.is_empty() {
        return vec![packet.clone()];
    }
    let sequence = u32::from_be_bytes(header[38..42].try_into().unwrap());
    let pieces = payload.chunks(PIECE_LEN).zip((0_u32..).step_by(PIECE_LEN));
    pieces
        .map(|(piece, at)| {
            let mut bytes = [header, piece].concat();
            let len = u16::try_from(bytes.len() - 14).unwrap();
            bytes[16..18].copy_from_slice(&len.to_be_bytes());
            bytes[38..42].copy_from_slice(&sequence.wrapping_add(at).to_be_bytes());
            packet.with(bytes)
        })
        .collect()
}

/// Less than any record that is protected: one ends between a hello and the first of these.
const PIECE_LEN: usize = 20;

#[test]
fn secrets_that_come_too_late_open_what_is_left() {
    let capture = Capture::named("secrets-tls13-key-update");
    let key_log = capture.key_log();
    for max_bytes in [0, 100, 1000] {
        let store = Arc::new(KeyStore::default());
        let budget = Arc::new(Budget::new(1 << 20));
        let patience = Patience { max_bytes, max_ns: u64::MAX, budget };
        let middle = capture.packets.len() / 2;
        let decrypted =
            Decrypted::of_packets(&capture, &capture.packets, &store, Some(patience), |number| {
                if number == middle {
                    add(&store, &key_log);
                }
            });
        assert_eq!(decrypted.events.len(), 1, "{max_bytes} bytes wait");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_part_of_the_secrets_opens_what_it_protects(chosen in any::<u32>()) {
        let capture = Capture::named("secrets-tls13");
        let key_log = capture.key_log();
        let lines = key_log.lines().filter(|line| !line.starts_with('#'));
        let part: Vec<&str> =
            lines.enumerate().filter(|(at, _)| chosen >> (at % 32) & 1 == 1).map(|(_, it)| it).collect();
        let decrypted = Decrypted::of(&capture, &part.join("\n"));
        let count = |label: &str| part.iter().filter(|line| line.starts_with(label)).count();
        let visible = decrypted.events.iter()
            .filter(|event| event.tlsight.certificate.state == CertificateState::Visible).count();
        prop_assert_eq!(visible, count(SERVER_HANDSHAKE));
        let said = |bytes: &[u8], of: fn(&Text) -> &[u8]| {
            decrypted.texts.iter().filter(|text| of(text) == bytes).count()
        };
        prop_assert_eq!(said(b"hello\n", |text| &text.client.bytes), count(CLIENT_DATA));
        prop_assert_eq!(said(b"olleh\n", |text| &text.server.bytes), count(SERVER_DATA));
        for event in &decrypted.events {
            prop_assert!(event.tls.established);
            prop_assert!(event.tlsight.partial.is_empty(), "{:?}", event.tlsight.partial);
        }
    }
}

/// The lines of a capture's key log that have one of `labels`.
fn lines(capture: &Capture, labels: &[&str]) -> String {
    let key_log = capture.key_log();
    let chosen = key_log.lines().filter(|line| labels.iter().any(|it| line.starts_with(it)));
    chosen.map(|line| format!("{line}\n")).collect()
}

/// A key log with the same sessions and other secrets.
fn spoilt(key_log: &str) -> String {
    let mut lines = String::new();
    for line in key_log.lines() {
        let Some((start, last)) = line.split_at_checked(line.len().saturating_sub(1)) else {
            continue;
        };
        lines += start;
        lines += if last == "0" { "1" } else { "0" };
        lines += "\n";
    }
    lines
}
