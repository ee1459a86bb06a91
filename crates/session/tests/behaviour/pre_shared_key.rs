//! Sessions of TLS 1.3 of which nothing is known but a pre-shared key.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Evidence;
use secrets::{ExternalPsk, KeyStore, Secret};

use crate::captures::Capture;
use crate::decrypted::Decrypted;

#[test]
fn a_pre_shared_key_opens_sessions_in_which_it_is_all_of_the_key_exchange() {
    let capture = Capture::named("secrets-tls13-psk");
    let decrypted = with_psk(&capture, &store(KEY));
    let said: Vec<_> =
        decrypted.texts.iter().map(|text| (&*text.client.bytes, &*text.server.bytes)).collect();
    assert_eq!(said, [(&b"hello\n"[..], &b"hello\n"[..]); 2]);
    let evidence: Vec<_> = decrypted.events.iter().map(|event| event.tlsight.evidence).collect();
    assert_eq!(
        evidence,
        [Evidence::Secrets, Evidence::Secrets, Evidence::Wire],
        "not with (EC)DHE"
    );
    for event in &decrypted.events {
        assert!(event.tls.established && event.tlsight.partial.is_empty(), "{:?}", event.tlsight);
    }
}

#[test]
fn what_follows_from_a_pre_shared_key_is_what_the_client_logged() {
    let capture = Capture::named("secrets-tls13-psk");
    let store = store(KEY);
    with_psk(&capture, &store);
    let derived = store.dangerous_used_lines();
    let derived: BTreeSet<&str> = std::str::from_utf8(&derived).unwrap().lines().collect();
    let log = capture.key_log();
    let logged: BTreeSet<&str> = log.lines().collect();
    assert_eq!(derived.len(), 8, "four of each session");
    assert!(derived.is_subset(&logged), "{derived:?}");
}

#[test]
fn secrets_of_early_data_follow_from_a_pre_shared_key_and_the_hello() {
    let capture = Capture::named("secrets-tls13-psk");
    let log = capture.key_log();
    let mut hellos = 0;
    for packet in &capture.packets {
        // Behind the headers of Ethernet, IPv4 and TCP.
        let Some(offset) = packet.bytes.get(46) else { continue };
        let record = packet.bytes.get(34 + usize::from(offset >> 4) * 4..).unwrap_or_default();
        let [22, _, _, high, low, hello @ ..] = record else { continue };
        let hello = &hello[..usize::from(u16::from_be_bytes([*high, *low])).min(hello.len())];
        if hello.first() != Some(&1) {
            continue;
        }
        hellos += 1;
        let psk = ExternalPsk::of_client_hello(&[Arc::new(Secret::new(KEY))], hello).unwrap();
        let early = psk.early_traffic(hello).unwrap();
        let hex: String = early.dangerous_bytes().iter().map(|it| format!("{it:02x}")).collect();
        let mut logged = log.lines().filter(|it| it.starts_with("CLIENT_EARLY_TRAFFIC_SECRET "));
        assert!(logged.any(|line| line.ends_with(&hex)));
        let other = ExternalPsk::of_client_hello(&[Arc::new(Secret::new(&[1; 16]))], hello);
        assert!(other.is_none());
        for len in 0..hello.len() {
            let keys = [Arc::new(Secret::new(KEY))];
            assert!(ExternalPsk::of_client_hello(&keys, &hello[..len]).is_none(), "{len} bytes");
        }
    }
    assert_eq!(hellos, 3);
}

#[test]
fn a_pre_shared_key_of_others_is_said_not_to_fit() {
    let capture = Capture::named("secrets-tls13-psk");
    let decrypted = with_psk(&capture, &store(&[7; 16]));
    assert!(decrypted.texts.is_empty());
    let partial: Vec<Vec<_>> = decrypted
        .events
        .iter()
        .map(|event| event.tlsight.partial.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(partial, [vec!["secrets_mismatch"], vec!["secrets_mismatch"], vec![]]);
}

fn with_psk(capture: &Capture, store: &Arc<KeyStore>) -> Decrypted {
    Decrypted::of_packets(capture, &capture.packets, store, None, |_| {})
}

fn store(psk: &[u8]) -> Arc<KeyStore> {
    let store = KeyStore::default();
    store.add_psk(Secret::new(psk));
    Arc::new(store)
}

/// The key of the capture.
const KEY: &[u8] = &[
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
];
