//! What users of other programs asked for or complained about, by its number in the list of
//! threads of the project's research.
//!
//! Left out: 1, 2 and 3 (processes and containers behind a session) and 5 (several interfaces) are
//! not about what a capture shows; 12 and 30 (memory without bound) are in `memory.rs`, in a
//! process of their own.

use event::{CertificateState, Ech, KeyExchangeClass};

use crate::analysis::{analyse, json, one};
use crate::captures::Capture;
use crate::certificates::{chain, leaf, ml_dsa_65};
use crate::conversation::Conversation;
use crate::flights::{Flights, dtls12, tls12, tls12_end, tls12_server_flight, tls13};
use crate::messages::{
    ALERT, APPLICATION_DATA, ClientHello, ENCRYPTED_CLIENT_HELLO, HANDSHAKE, PRE_SHARED_KEY,
    SERVER_NAME, X25519, certificate, ech_outer, encrypted, fatal_alert, message, pre_shared_key,
    record, records_of, server_hello, server_hello13, server_key_exchange, server_name,
};
use crate::packets::Flow;
use crate::packets::Side::{Client, Server};
use crate::packets::datagram;

/// 4: TLS metadata on all ports, since the ports are not known.
#[test]
fn complaint_4_tls_is_found_on_any_port() {
    for server_port in [1, 53, 80, 443, 5432, 8443, 61_000] {
        for flights in [tls12(), tls13()] {
            let mut conversation = Conversation::on(Flow { server_port, ..Flow::default() });
            conversation.send_all(&flights);
            let event = one(&conversation.frames);
            assert!(event.tls.established, "port {server_port}");
            assert_eq!(event.server.port, server_port);
        }
    }
}

/// 6: random, `status_request` and the OCSP response were missing.
#[test]
fn complaint_6_randoms_and_ocsp_are_told() {
    let event = json(&one(&of(&tls12())));
    let detailed = &event["tls"]["detailed"];
    assert_eq!(detailed["client_hello"]["random"], "11".repeat(32));
    assert_eq!(detailed["server_hello"]["random"], "22".repeat(32));
    let request = &detailed["client_hello"]["extensions"]["status_request"];
    assert_eq!(request["type"], "ocsp");
    assert_eq!(request["responder_id_list_length"], 0);
    assert_eq!(detailed["server_hello"]["extensions"]["status_request"]["response"], true);
    assert_eq!(detailed["ocsp_response"], "successful");
    assert_eq!(event["tlsight"]["ocsp_staple"], true);
}

/// 7: the version was `0.0` after a failed handshake.
#[test]
fn complaint_7_a_failed_handshake_has_no_made_up_version() {
    let refused = vec![(Client, ClientHello::tls12().record()), (Server, fatal_alert(70))];
    let mut reset = Conversation::new();
    reset.send(Client, &ClientHello::tls13().record());
    reset.reset(Server);
    for frames in [of(&refused), of(&refused[..1]), reset.frames] {
        let event = one(&frames);
        assert_eq!(event.tls.version, None);
        assert_eq!(event.tls.version_protocol, None);
        assert!(!event.tls.established);
        assert!(!json(&event).to_string().contains("\"0.0\""));
    }
    let mut answered = refused;
    answered.insert(1, (Server, record(HANDSHAKE, &server_hello(&[], 0xc02b, &[]))));
    assert_eq!(one(&of(&answered)).tls.version, Some("1.2"), "as far as it was negotiated");
}

/// 8: the client's address was missing in some events.
#[test]
fn complaint_8_both_addresses_are_in_every_event() {
    for capture in Capture::all() {
        for event in capture.events() {
            let event = json(&event);
            for party in ["client", "server", "source", "destination"] {
                assert!(event[party]["ip"].is_string(), "{party} of {}", capture.name);
                assert!(event[party]["port"].is_u64(), "{party} of {}", capture.name);
            }
        }
    }
    let server_only = sent_by_server(&of(&tls12()));
    let event = json(&one(&server_only));
    assert_eq!(event["client"]["ip"], "10.0.0.0", "though it sent nothing that was captured");
    assert_eq!(event["server"]["port"], 443);
}

/// 9: JA3 only, no JA3S.
#[test]
fn complaint_9_the_server_has_a_fingerprint() {
    let tls12 = one(&of(&tls12())).tls.server.ja3s.unwrap();
    assert_eq!(&*tls12, "7fae16b0af2c131ac98d09cd8cda2be0", "771,49195,16-5-35");
    let event = one(&of(&tls13()));
    assert_eq!(
        event.tls.server.ja3s.as_deref(),
        Some("f4febc55ea12b31ae17cfb7e614afda8"),
        "771,4865,43-51"
    );
}

/// 11: everything was keyed on a certificate's digest, so that TLS 1.3 showed nothing.
#[test]
fn complaint_11_a_record_of_tls13_tells_all_but_the_certificate() {
    let event = one(&of(&tls13()));
    assert_eq!(event.tlsight.certificate.state, CertificateState::Encrypted);
    let event = json(&event);
    for path in [
        "/tls/version",
        "/tls/cipher",
        "/tls/curve",
        "/tls/client/server_name",
        "/tls/client/ja3",
        "/tls/server/ja3s",
        "/tlsight/ja4",
        "/tlsight/key_exchange/class",
        "/tlsight/timing/finished_us",
    ] {
        assert!(event.pointer(path).is_some(), "{path}");
    }
    assert!(event.pointer("/tls/server/hash").is_none());
}

/// 13: a QUIC hello over several Initial packets was not parsed. 20, 23 and 27: nor out of order,
/// and with a post-quantum key share each one is so long.
#[test]
fn complaints_13_20_23_27_a_quic_hello_over_several_packets_is_read_in_any_order() {
    let mut capture = Capture::named("quic-chromium");
    let expected = capture.one();
    let shares = expected.tlsight.key_exchange.offered_key_shares.clone().unwrap();
    assert!(shares.iter().any(|group| group.contains("MLKEM") || group.contains("Kyber")));
    assert!(expected.tlsight.ja4.as_deref().unwrap().starts_with("q13d"));
    capture.packets.swap(0, 1);
    let event = capture.one();
    assert_eq!(event.tls.client, expected.tls.client);
    assert_eq!(event.tlsight.ja4, expected.tlsight.ja4);
    capture.packets.truncate(1);
    assert!(
        capture.events().iter().all(|event| event.tls.client.ja3.is_none()),
        "half of a hello makes no fingerprint"
    );
}

/// 14: a reordered capture gave no record.
#[test]
fn complaint_14_a_capture_in_reverse_order_is_read() {
    let mut conversation = Conversation::new();
    conversation.send_in(Client, &ClientHello::tls13().record(), 200);
    let expected = one(&conversation.frames);
    conversation.frames[3..].reverse();
    assert_eq!(one(&conversation.frames).tls, expected.tls);
    conversation.frames.reverse();
    assert_eq!(one(&conversation.frames).tls, expected.tls, "the SYN last");
}

/// 15: the type and length of ML-DSA keys were not told.
#[test]
fn complaint_15_post_quantum_certificates_are_described() {
    let event = one(&of(&with_chain(&[ml_dsa_65()])));
    let x509 = event.tls.server.x509.unwrap();
    assert_eq!(x509.public_key_algorithm, "ML-DSA-65");
    assert_eq!(x509.public_key_size, Some(1952 * 8));
    assert_eq!(x509.signature_algorithm, "ML-DSA-65");
    assert_eq!(event.tlsight.certificate.self_signed, Some(true));
}

/// 16: fingerprints of certificates were lost when an error followed.
#[test]
fn complaint_16_a_certificate_is_kept_whatever_follows() {
    let seen = [server_hello(&[], 0xc02b, &[]), certificate(&[leaf()])].concat();
    let expected = one(&of(&with_chain(&chain()))).tls.server.hash;
    assert!(expected.is_some());
    let garbage = message(12, &[0xff; 9]);
    let endless = [&[12, 0xff, 0xff, 0xff][..], &[0; 500]].concat();
    for following in [
        record(HANDSHAKE, &garbage),
        record(HANDSHAKE, &endless),
        fatal_alert(40),
        record(99, &[0; 50]),
        b"this is no TLS at all, and goes on for a while".to_vec(),
    ] {
        let server = [record(HANDSHAKE, &seen), following].concat();
        let mut conversation = Conversation::new();
        conversation.send(Client, &ClientHello::tls12().record());
        conversation.send(Server, &server);
        conversation.reset(Client);
        assert_eq!(one(&conversation.frames).tls.server.hash, expected);
    }
    let broken = one(&of(&with_chain(&[leaf(), vec![0x30, 0x82, 0xff]])));
    assert_eq!(broken.tls.server.hash, expected);
    assert!(!broken.tlsight.anomalies.is_empty());
}

/// 17: `established` and retries were wrong for TLS 1.3.
#[test]
fn complaint_17_established_is_said_of_tls13_when_it_is_so() {
    for name in ["tls13", "tls13-hello-retry", "tls13-no-middlebox", "tls13-psk-resumption"] {
        for event in Capture::named(name).events() {
            assert!(event.tls.established, "{name}");
        }
    }
    let refused = vec![
        (Client, ClientHello::tls13().record()),
        (Server, record(HANDSHAKE, &server_hello13(&[0x5e; 32], X25519, &[]))),
        (Server, encrypted(APPLICATION_DATA, 1400)),
        (Client, encrypted(APPLICATION_DATA, 19)),
    ];
    let event = one(&of(&refused));
    assert!(!event.tls.established, "the client's answer is as long as an alert");
    assert_eq!(event.tlsight.anomalies, ["encrypted_alert"]);
}

/// 18: the raw parameters of both hellos, whatever fingerprints make of them.
#[test]
fn complaint_18_the_parameters_of_both_hellos_are_told() {
    let event = json(&one(&of(&tls13())));
    let client = &event["tls"]["detailed"]["client_hello"];
    assert_eq!(client["version"], "3.3");
    assert_eq!(client["session_id"], "5e".repeat(32));
    assert_eq!(event["tls"]["client"]["supported_ciphers"][0], "GREASE (0x1a1a)");
    assert_eq!(event["tls"]["client"]["supported_ciphers"][1], "TLS_AES_128_GCM_SHA256");
    let extensions = &client["extensions"];
    assert_eq!(extensions["supported_groups"][1], "X25519MLKEM768");
    assert_eq!(extensions["signature_algorithms"][0], "ecdsa_secp256r1_sha256");
    assert_eq!(extensions["supported_versions"][1], "TLS 1.3");
    let types = extensions["types"].as_array().unwrap();
    assert_eq!(types.len(), ClientHello::tls13().extensions.len());
    assert_eq!(types[1], "server_name", "in the order sent");
    let server = &event["tls"]["detailed"]["server_hello"];
    assert_eq!(server["extensions"]["types"][0], "supported_versions");
    assert_eq!(server["extensions"]["types"][1], "key_share");
}

/// 19: ALPN.
#[test]
fn complaint_19_alpn_offered_and_chosen_are_told() {
    let event = json(&one(&of(&tls12())));
    assert_eq!(event["tls"]["next_protocol"], "h2");
    let offered = &event["tls"]["detailed"]["client_hello"]["extensions"]["application_layer_protocol_negotiation"];
    assert_eq!(*offered, serde_json::json!(["h2", "http/1.1"]));
    assert!(json(&one(&of(&tls13())))["tls"]["next_protocol"].is_null(), "it is encrypted");
}

/// 20: a hello split over TCP packets. 26: packets lost for fragments of hellos.
#[test]
fn complaints_20_26_a_hello_split_over_any_number_of_segments_is_the_same() {
    let hello = ClientHello::tls13().record();
    let mut whole = Conversation::new();
    whole.send(Client, &hello);
    let expected = one(&whole.frames);
    for len in [1, 3, 5, 100, 536, 1000] {
        let mut split = Conversation::new();
        split.send_in(Client, &hello, len);
        let event = one(&split.frames);
        assert_eq!(event.tls, expected.tls, "segments of {len} bytes");
        assert_eq!(event.tlsight.ja4, expected.tlsight.ja4);
    }
}

/// 21: the server's hello and certificate were lost where only its side was captured.
#[test]
fn complaint_21_one_side_alone_is_told() {
    let whole = one(&of(&tls12()));
    let server = one(&sent_by_server(&of(&tls12())));
    assert_eq!(server.tls.version, Some("1.2"));
    assert_eq!(server.tls.cipher, whole.tls.cipher);
    assert_eq!(server.tls.server, whole.tls.server);
    assert!(server.tlsight.partial.contains(&"server_only".into()));
    assert_eq!((server.client.ip, server.server.ip), (whole.client.ip, whole.server.ip));
    let client = one(&sent_by_client(&of(&tls12())));
    assert_eq!(client.tls.client, whole.tls.client);
    assert_eq!(client.tls.version, None);
    assert!(client.tlsight.partial.contains(&"client_only".into()));
}

/// 22: JA4 for DTLS.
#[test]
fn complaint_22_dtls_has_a_ja4() {
    let frames: Vec<Vec<u8>> =
        dtls12().iter().map(|(side, bytes)| datagram(Flow::default(), *side, bytes)).collect();
    let event = one(&frames);
    assert_eq!(event.tlsight.ja4.as_deref().unwrap().get(..10), Some("dd2d0407h2"));
    assert_eq!(event.tls.version_protocol, Some("dtls"));
    assert!(event.tls.server.hash.is_some());
}

/// 23: a hello cut into records.
#[test]
fn complaint_23_a_hello_cut_into_records_is_the_same() {
    let hello = ClientHello::tls13();
    let expected = one(&of(&[(Client, hello.record())]));
    for len in [1, 2, 4, 64, 1000] {
        let event = one(&of(&[(Client, records_of(HANDSHAKE, &hello.message(), len))]));
        assert_eq!(event.tls, expected.tls, "records of {len} bytes");
    }
}

/// 24: tell the use of post-quantum cryptography, and handle retries.
#[test]
fn complaint_24_the_use_of_post_quantum_key_exchange_is_told() {
    let hybrid = one(&of(&tls13())).tlsight.key_exchange;
    assert_eq!(hybrid.class, Some(KeyExchangeClass::HybridPq));
    assert_eq!(hybrid.group.as_deref(), Some("X25519MLKEM768"));
    let retried = Capture::named("pq-hello-retry").one().tlsight.key_exchange;
    assert_eq!(retried.class, Some(KeyExchangeClass::HybridPq));
    assert_eq!(retried.hello_retry, retried.group);
    assert!(!retried.offered_key_shares.unwrap().contains(&retried.group.unwrap()));
    let refused = Capture::named("pq-not-accepted").one().tlsight.key_exchange;
    assert_eq!(refused.class, Some(KeyExchangeClass::Classical));
}

/// 25: JA4 of SSL 3.0, behind SOCKS and of DTLS disagreed or crashed.
#[test]
fn complaint_25_ja4_is_made_of_old_tunnelled_and_datagram_hellos() {
    for (name, start) in [
        ("ssl30", "ts3i"),
        ("socks4", "t"),
        ("socks5", "t"),
        ("dtls10", "dd1"),
        ("dtls12", "dd2"),
        ("tls10", "t10"),
    ] {
        let ja4 = Capture::named(name).one().tlsight.ja4.unwrap();
        assert!(ja4.starts_with(start), "{name}: {ja4}");
        assert_eq!(ja4.len(), 36, "{name}: {ja4}");
    }
}

/// 26: JA4 changes when a client resumes by pre-shared key. The fingerprint here is that of the
/// specification, which counts `pre_shared_key`; `tlsight.resumption` tells the hellos that have
/// it. What does not depend on extensions stays.
#[test]
fn complaint_26_ja4_is_the_specified_one_and_counts_pre_shared_key() {
    let hello = ClientHello::tls13();
    let first = one(&of(&[(Client, hello.record())]));
    let resuming = hello.with(PRE_SHARED_KEY, pre_shared_key()).record();
    let second = one(&of(&[(Client, resuming)]));
    assert!(second.tlsight.resumption.offered && !first.tlsight.resumption.offered);
    let parts = |event: &event::TlsEvent| -> Vec<String> {
        event.tlsight.ja4.as_deref().unwrap().split('_').map(str::to_owned).collect()
    };
    let (first, second) = (parts(&first), parts(&second));
    assert_eq!((&*first[0], &*second[0]), ("t13d0408h2", "t13d0409h2"));
    assert_eq!(first[1], second[1]);
    assert_ne!(first[2], second[2]);
}

/// 28: the server name was lost if the hello was longer than 1024 bytes.
#[test]
fn complaint_28_a_server_name_at_the_end_of_a_long_hello_is_read() {
    let hello = ClientHello::tls12()
        .without(SERVER_NAME)
        .with(21, vec![0; 9000])
        .with(SERVER_NAME, server_name("behind.padding.test"));
    let event = one(&of(&[(Client, hello.record())]));
    assert_eq!(event.tls.client.server_name.as_deref(), Some("behind.padding.test"));
    assert_eq!(event.server.domain.as_deref(), Some("behind.padding.test"));
}

/// 29: certificates too big for packet-by-packet readers, and ECH has to be told beside the name.
#[test]
fn complaint_29_ech_is_told_beside_the_name() {
    let hello = ClientHello::tls13().with(ENCRYPTED_CLIENT_HELLO, ech_outer());
    let event = one(&of(&[(Client, hello.record())]));
    assert_eq!(event.tls.client.server_name.as_deref(), Some("a.test"));
    assert_eq!(event.tlsight.ech, Ech::Offered);
    assert!(event.tlsight.server_name_is_outer);
    let plain = one(&of(&tls13()));
    assert_eq!(plain.tlsight.ech, Ech::None);
    assert!(!plain.tlsight.server_name_is_outer);
}

/// 31: it was unclear what of a certificate is extracted, and in which form.
#[test]
fn complaint_31_the_fields_of_a_certificate_have_their_documented_form() {
    let event = json(&one(&of(&tls12())));
    let server = &event["tls"]["server"];
    let sha1 = server["hash"]["sha1"].as_str().unwrap();
    assert!(sha1.len() == 40 && sha1.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')));
    assert_eq!(server["subject"], "CN=a.test");
    assert_eq!(server["issuer"], "CN=an intermediate");
    assert_eq!(server["not_before"], "2024-01-01T00:00:00.000000Z");
    assert_eq!(server["not_after"], "2034-01-01T00:00:00.000000Z");
    let x509 = &server["x509"];
    assert_eq!(x509["version_number"], 3);
    assert_eq!(x509["serial_number"], (0x4d02).to_string());
    assert_eq!(x509["subject"]["common_name"], "a.test");
    assert_eq!(x509["public_key_algorithm"], "ECDSA");
    assert_eq!(x509["public_key_size"], 256);
    assert_eq!(x509["signature_algorithm"], "ECDSA-SHA256");
    assert_eq!(x509["alternative_names"], serde_json::json!(["a.test"]));
    let chain = &event["tls"]["detailed"]["server_certificate_chain"];
    assert_eq!(chain.as_array().unwrap().len(), 1);
    assert_eq!(chain[0]["subject"]["common_name"], "an intermediate");
    assert_eq!(event["tlsight"]["certificate"]["sni_match"], true);
}

/// 16 and 7 together: an alert in clear is told with its sender.
#[test]
fn complaint_7_an_alert_is_told_with_its_sender() {
    let warned = [record(ALERT, &[1, 112]), record(HANDSHAKE, &tls12_server_flight().concat())];
    let mut flights = vec![(Client, ClientHello::tls12().record()), (Server, warned.concat())];
    flights.extend(tls12_end());
    let event = json(&one(&of(&flights)));
    assert_eq!(event["tls"]["established"], true, "a warning ends nothing");
    let alert = &event["tls"]["detailed"]["alerts"][0];
    assert_eq!(alert["severity"], "warning");
    assert_eq!(alert["type"], "unrecognized_name");
    assert_eq!(alert["source"], "server");
}

fn with_chain(chain: &[Vec<u8>]) -> Flights {
    let flight = [server_hello(&[], 0xc02b, &[]), certificate(chain), server_key_exchange()];
    let mut flights = vec![
        (Client, ClientHello::tls12().record()),
        (Server, record(HANDSHAKE, &flight.concat())),
    ];
    flights.extend(tls12_end());
    flights
}

fn of(flights: &[(crate::packets::Side, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut conversation = Conversation::new();
    conversation.send_all(flights);
    assert_eq!(analyse(&conversation.frames).len(), 1);
    conversation.frames
}

fn sent_by_client(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().filter(|frame| frame[11] == 1).cloned().collect()
}

fn sent_by_server(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().filter(|frame| frame[11] == 2).cloned().collect()
}
