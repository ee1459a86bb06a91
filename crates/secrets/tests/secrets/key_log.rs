//! Key logs of all kinds, whole, cut and wrong.

use proptest::prelude::*;
use secrets::{KeyLogCounts, KeyLogEntry, KeyLogReader, KeyStore, Label, LineError, RsaKey};

const RANDOM: &str = "1111111111111111111111111111111111111111111111111111111111111111";

#[test]
fn all_labels_are_read() {
    let (short, long) = ("22".repeat(32), "33".repeat(48));
    for (label, secret, expected) in [
        ("CLIENT_RANDOM", &long, Label::ClientRandom),
        ("PMS_CLIENT_RANDOM", &"aa".to_owned(), Label::PremasterSecret),
        ("CLIENT_EARLY_TRAFFIC_SECRET", &short, Label::ClientEarlyTraffic),
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &long, Label::ClientHandshakeTraffic),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", &short, Label::ServerHandshakeTraffic),
        ("CLIENT_TRAFFIC_SECRET_0", &short, Label::ClientTraffic(0)),
        ("TLSIGHT_CLIENT_WRITE", &short, Label::ClientWrite),
        ("TLSIGHT_SERVER_WRITE", &long, Label::ServerWrite),
        ("SERVER_TRAFFIC_SECRET_12", &short, Label::ServerTraffic(12)),
        ("QUIC_SERVER_TRAFFIC_SECRET_0", &long, Label::ServerTraffic(0)),
    ] {
        for line in
            [format!("{label} {RANDOM} {secret}"), format!(" {label}\t{RANDOM}  {secret}\r")]
        {
            let Ok(Some(KeyLogEntry::Random { label: found, random, secret: bytes })) =
                KeyLogEntry::parse(line.as_bytes())
            else {
                panic!("{label}");
            };
            assert_eq!((found, random, bytes.len()), (expected, [0x11; 32], secret.len() / 2));
        }
    }
}

#[test]
fn secrets_that_open_no_records_are_not_kept() {
    for label in ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_SECRET", "ECH_CONFIG"] {
        let line = format!("{label} {RANDOM} 4455");
        assert!(matches!(KeyLogEntry::parse(line.as_bytes()), Ok(Some(KeyLogEntry::Other))));
    }
}

#[test]
fn the_lines_of_static_rsa_are_read() {
    let master = "44".repeat(48);
    let line = format!("RSA Session-ID:0a0b Master-Key:{master}");
    let Ok(Some(KeyLogEntry::SessionId { id, secret })) = KeyLogEntry::parse(line.as_bytes())
    else {
        panic!("a session id");
    };
    assert_eq!((&*id, secret.len()), (&[10, 11][..], 48));
    let line = format!("RSA 0102030405060708 {master}");
    let entry = KeyLogEntry::parse(line.as_bytes());
    assert!(matches!(entry, Ok(Some(KeyLogEntry::EncryptedPremaster { prefix: [1, .., 8], .. }))));
}

#[test]
fn a_line_that_is_none_is_said_to_be_so() {
    for (line, error) in [
        ("CLIENT_RANDOM", LineError::Words),
        ("CLIENT_RANDOM 11 22 33", LineError::Words),
        ("CLIENT_RANDOM 11 22", LineError::Value),
        ("CLIENT_RANDOM 1 22", LineError::Value),
        ("SERVER_TRAFFIC_SECRET_x 11 22", LineError::UnknownLabel),
        ("SERVER_TRAFFIC_SECRET_70000 11 22", LineError::UnknownLabel),
        ("RSA Session-ID: Master-Key:11", LineError::Value),
        ("RSA 01 02", LineError::Value),
    ] {
        assert_eq!(KeyLogEntry::parse(line.as_bytes()).err(), Some(error), "{line}");
    }
    let long = format!("CLIENT_RANDOM {RANDOM} {}", "22".repeat(32));
    assert_eq!(KeyLogEntry::parse(long.as_bytes()).err(), Some(LineError::Value), "32 bytes");
    let endless = vec![b'A'; 1 << 20];
    assert_eq!(KeyLogEntry::parse(&endless).err(), Some(LineError::TooLong));
}

#[test]
fn what_is_wrong_is_counted_and_the_rest_read() {
    let log = format!(
        "# comment\n\nCLIENT_RANDOM {RANDOM} {}\nEXPORTER_SECRET {RANDOM} 11\nNEW_LABEL {RANDOM} 11\n\
         nonsense\n{}\nCLIENT_RANDOM {RANDOM} {}",
        "22".repeat(48),
        "x".repeat(100_000),
        "33".repeat(48),
    );
    let (counts, store) = read(&[log.as_bytes()]);
    let expected = KeyLogCounts { secrets: 2, other_secrets: 1, unknown_labels: 1, malformed: 2 };
    assert_eq!(counts, expected);
    assert_eq!(store.by_random(&[0x11; 32], Label::ClientRandom).len(), 2, "both are tried");
}

#[test]
fn the_oldest_sessions_give_way() {
    let store = KeyStore::new(10);
    for number in 0..100_u8 {
        let line =
            format!("CLIENT_RANDOM {} {}", format!("{number:02x}").repeat(32), "22".repeat(48));
        store.add(KeyLogEntry::parse(line.as_bytes()).unwrap().unwrap());
    }
    assert_eq!(store.dropped_sessions(), 90);
    assert!(!store.knows_random(&[0; 32]) && store.knows_random(&[99; 32]));
}

#[test]
fn the_same_line_again_changes_nothing_and_alternatives_are_bounded() {
    let store = KeyStore::default();
    for number in [1, 1, 1, 2, 3, 4, 5, 6] {
        let line = format!("CLIENT_RANDOM {RANDOM} {}", format!("{number:02x}").repeat(48));
        store.add(KeyLogEntry::parse(line.as_bytes()).unwrap().unwrap());
    }
    assert_eq!(store.by_random(&[0x11; 32], Label::ClientRandom).len(), 4);
}

#[test]
fn the_first_generation_that_is_known_is_taken() {
    let store = KeyStore::default();
    for generation in ["3", "N", "2"] {
        let line = format!("CLIENT_TRAFFIC_SECRET_{generation} {RANDOM} {}", "2".repeat(64));
        store.add(KeyLogEntry::parse(line.as_bytes()).unwrap().unwrap());
    }
    assert_eq!(store.application(&[0x11; 32], true).len(), 1);
    assert!(store.application(&[0x11; 32], false).is_empty());
}

#[test]
fn only_the_secrets_that_were_asked_for_are_written_again() {
    let store = KeyStore::default();
    for random in ["11", "22"] {
        let line = format!("CLIENT_RANDOM {} {}", random.repeat(32), "77".repeat(48));
        store.add(KeyLogEntry::parse(line.as_bytes()).unwrap().unwrap());
    }
    assert!(store.dangerous_used_lines().is_empty());
    assert_eq!(store.by_random(&[0x22; 32], Label::ClientRandom).len(), 1);
    let expected = format!("CLIENT_RANDOM {} {}\n", "22".repeat(32), "77".repeat(48));
    assert_eq!(std::str::from_utf8(&store.dangerous_used_lines()).unwrap(), expected);
}

#[test]
fn a_file_without_an_rsa_key_is_refused() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "hello"] {
        assert!(RsaKey::from_pem(pem.as_bytes()).is_err(), "{pem}");
    }
}

proptest! {
    #[test]
    fn a_cut_changes_nothing(cuts in prop::collection::vec(0_usize..700, 0..6)) {
        let log = format!(
            "CLIENT_RANDOM {RANDOM} {}\r\nbad line\n\nSERVER_TRAFFIC_SECRET_0 {RANDOM} {}\n#\nRSA 1 2\n\
             CLIENT_TRAFFIC_SECRET_0 {RANDOM} {}",
            "22".repeat(48), "33".repeat(32), "44".repeat(32),
        );
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(log.len())).collect();
        cuts.extend([0, log.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &log.as_bytes()[ends[0]..ends[1]]).collect();
        let ((whole, _), (cut, store)) = (read(&[log.as_bytes()]), read(&pieces));
        prop_assert_eq!(whole, cut);
        prop_assert_eq!(store.application(&[0x11; 32], true).len(), 1);
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        read(&[&bytes]);
        KeyLogEntry::parse(&bytes).ok();
        RsaKey::from_pem(&bytes).ok();
    }
}

fn read(pieces: &[&[u8]]) -> (KeyLogCounts, KeyStore) {
    let (store, mut reader) = (KeyStore::default(), KeyLogReader::new());
    for piece in pieces {
        reader.feed(piece, &mut |entry| store.add(entry));
    }
    reader.finish(&mut |entry| store.add(entry));
    (reader.counts(), store)
}
