//! Records and packets that nobody made.

use std::sync::Arc;

use proptest::prelude::*;
use quic::{Protected, Space, Version};
use secrets::{
    Label, LegacyOpener, LegacyRecord, LegacySession, QuicOpener, Secret, Suite, Tls13Opener,
    TrafficSecrets,
};
use tls::ProtocolVersion;
use tls::registry::CipherSuite;

/// Suites with each kind of cipher.
const SUITES: [u16; 14] = [
    0x0001, 0x0002, 0x0004, 0x0005, 0x000a, 0x002f, 0x0035, 0x003c, 0x009c, 0xc02c, 0xc09c, 0xc0a0,
    0xcca8, 0x1301,
];

const VERSIONS: [u16; 6] = [0x0300, 0x0301, 0x0302, 0x0303, 0xfeff, 0xfefd];

proptest! {
    #[test]
    fn any_record_is_refused_by_keys_that_are_not_its_own(
        body in prop::collection::vec(any::<u8>(), 0..200),
        suite in prop::sample::select(&SUITES[..]),
        version in prop::sample::select(&VERSIONS[..]),
        encrypt_then_mac in any::<bool>(),
        lost in 0_u64..5,
    ) {
        let session = LegacySession {
            version: ProtocolVersion(version),
            suite: Suite::of(CipherSuite(suite)).unwrap(),
            client_random: [1; 32],
            server_random: [2; 32],
            encrypt_then_mac,
        };
        let mut client = session.opener(true, &secret(48), &[]);
        let mut server = session.opener(false, &secret(48), &secret(48));
        let record = LegacyRecord { content_type: 23, version, body: &body };
        let mut out = Vec::new();
        prop_assert!(client.has_keys());
        prop_assert_eq!(client.open(record, &mut out), None);
        client.on_gap(lost);
        prop_assert_eq!(client.open(record, &mut out), None);
        prop_assert!(!LegacyOpener::open_at(&mut server, 1 << 48, record, &mut out));
    }

    #[test]
    fn any_record_of_tls13_is_refused(
        body in prop::collection::vec(any::<u8>(), 0..200),
        suite in 0x1301_u16..=0x1305,
        lost in 0_u64..5,
    ) {
        let suite = Suite::of(CipherSuite(suite)).unwrap();
        let of_hash = secret(suite.hash().digest_len());
        let secrets = TrafficSecrets {
            early: of_hash.clone(), handshake: of_hash.clone(), application: of_hash,
        };
        for suite in [Some(suite), None] {
            let mut opener = Tls13Opener::new(suite, &secrets);
            opener.on_gap(lost);
            let mut out = Vec::new();
            prop_assert!(opener.has_keys());
            prop_assert_eq!(opener.open(&[23, 3, 3, 0, 0], &body, &mut out), None);
        }
    }

    #[test]
    fn any_packet_of_quic_is_refused(
        clear in prop::collection::vec(any::<u8>(), 0..30),
        protected in prop::collection::vec(any::<u8>(), 0..200),
        kind in 0_usize..3,
    ) {
        let secrets = TrafficSecrets {
            early: secret(32), handshake: secret(32), application: secret(32),
        };
        let space = [Space::ZeroRtt, Space::Handshake, Space::OneRtt][kind];
        for version in [Version::V1, Version::V2] {
            let mut opener = QuicOpener::new(Suite::of(CipherSuite(0x1301)), version, &secrets);
            let packet = Protected { space, version, clear: &clear, protected: &protected };
            let (mut header, mut payload) = (Vec::new(), Vec::new());
            prop_assert!(!opener.open(&packet, &mut header, &mut payload));
        }
    }
}

#[test]
fn write_keys_have_the_lengths_of_the_suite_and_differ_by_side() {
    for suite in SUITES.into_iter().filter(|suite| *suite < 0x1301) {
        for version in VERSIONS {
            let session = LegacySession {
                version: ProtocolVersion(version),
                suite: Suite::of(CipherSuite(suite)).unwrap(),
                client_random: [1; 32],
                server_random: [2; 32],
                encrypt_then_mac: false,
            };
            let keys = session.write_keys(&Secret::new(&[7; 48])).unwrap();
            let [client, server] = keys.map(Arc::new);
            assert_ne!(client.dangerous_bytes(), server.dangerous_bytes(), "{suite:04x}");
            assert!(Label::ClientWrite.allows(client.len()), "{suite:04x} {version:04x}");
            assert!(session.opener(true, &[], &[Arc::clone(&client)]).has_keys());
            let short = Secret::new(&client.dangerous_bytes()[1..]);
            assert!(!session.opener(true, &[], &[Arc::new(short)]).has_keys());
        }
    }
}

#[test]
fn keys_that_open_nothing_are_not_tried_for_ever() {
    let suite = Suite::of(CipherSuite(0x1301)).unwrap();
    let secrets = TrafficSecrets { application: secret(32), ..TrafficSecrets::default() };
    let mut opener = Tls13Opener::new(Some(suite), &secrets);
    opener.on_gap(u64::MAX);
    let (record, mut out) = (vec![0; 16_000], Vec::new());
    for _ in 0..1_000_000 {
        assert_eq!(opener.open(&[23, 3, 3, 0, 0], &record, &mut out), None);
    }
}

fn secret(len: usize) -> Vec<Arc<Secret>> {
    vec![Arc::new(Secret::new(&vec![7; len]))]
}
