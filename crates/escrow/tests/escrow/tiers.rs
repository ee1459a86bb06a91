//! What a tier shows of recorded sessions, after their secrets went all the way through an archive.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::wire::{LinkType, Packet};
use escrow::keys::Filter;
use escrow::tier::Tier;
use escrow::{ClientSettings, Outcome, RefusedDelivery, Wait};
use event::{CertificateState, TlsEvent};
use flow::Limits;
use forge::{ConnectionId, RecordKind, Side};
use secrets::{
    KeyLogEntry, KeyLogReader, KeyStore, Label, Origin, Secret, SessionSecrets, SessionStage,
};
use session::{Analyzer, Decryption, Extent, Settings};
use tls::handshake::ServerHello;

use crate::world::{World, now, soon, wait_for};

/// Clear text of both sides of each connection, and the events.
struct Shown {
    texts: Vec<[Vec<u8>; 2]>,
    events: Vec<TlsEvent>,
}

#[test]
fn tls13_shows_each_tier_its_own() {
    let world = archived("secrets-tls13", false);
    for (tier, sides) in SIDES {
        let shown = shown(&world, "secrets-tls13", tier);
        assert_eq!(shown.events.len(), 5, "{tier}");
        for event in &shown.events {
            let state = if tier == Tier::Metadata {
                CertificateState::Encrypted
            } else {
                CertificateState::Visible
            };
            assert_eq!(event.tlsight.certificate.state, state, "{tier}");
        }
        assert_sides(&shown, tier, sides, 5);
    }
}

#[test]
fn tls12_and_older_show_one_side_without_the_other() {
    // Sessions whose secrets are whole in the key log.
    for name in ["secrets-tls12", "secrets-tls12-no-etm", "secrets-tls11", "secrets-tls10"] {
        let world = archived(name, false);
        let all = shown(&world, name, Tier::Both).texts.len();
        assert!(all > 1, "{name}");
        for (tier, sides) in SIDES {
            assert_sides(&shown(&world, name, tier), tier, sides, all);
        }
        let archive = world.archive(Tier::Master, Filter::default());
        for (random, labels) in archive.labels() {
            assert!(!labels.contains(&Label::ClientRandom), "{name}, {random:?}");
        }
    }
}

#[test]
fn the_master_secret_is_there_if_that_was_chosen_and_only_for_the_highest_tier() {
    let name = "secrets-tls12";
    let world = archived(name, true);
    let has_master = |tier| {
        let archive = world.archive(tier, Filter::default());
        let mut labels = archive.labels().into_iter().flat_map(|(_, labels)| labels);
        labels.any(|label| label == Label::ClientRandom)
    };
    assert!(has_master(Tier::Master));
    assert!(!has_master(Tier::Both));
}

#[test]
fn what_gives_no_keys_of_one_side_or_too_many_is_refused() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    let told = |server_random, label, len| SessionSecrets {
        stage: SessionStage::Application,
        version: 0x0303,
        cipher_suite: 0xc02f,
        client_random: [1; 32],
        server_random,
        secrets: vec![(label, Secret::new(&vec![7; len]))],
        origin: Origin::unknown(now()),
    };
    let deliver = |told| client.deliver(told, Wait::Durable, soon());
    let refused =
        |outcome: Outcome| matches!(outcome, Outcome::Refused(RefusedDelivery::Indivisible(_)));
    assert!(refused(deliver(told(None, Label::ClientRandom, 48))), "no server random");
    assert!(refused(deliver(told(Some([2; 32]), Label::PremasterSecret, 48))));
    assert!(refused(deliver(told(Some([2; 32]), Label::ClientRandom, 47))));
    let mut unknown = told(Some([2; 32]), Label::ClientRandom, 48);
    unknown.cipher_suite = 0xabcd;
    assert!(refused(deliver(unknown)));
    let mut many = told(Some([2; 32]), Label::ClientTraffic(0), 32);
    many.secrets.extend((0..40).map(|it| (Label::ClientTraffic(it), Secret::new(&[1; 32]))));
    assert!(refused(deliver(many)));
    assert_eq!(
        deliver(told(Some([2; 32]), Label::ClientRandom, 48)),
        Outcome::Acknowledged(Wait::Durable)
    );
    drop(service);
}

/// Whether the client's and the server's text is shown.
const SIDES: [(Tier, [bool; 2]); 5] = [
    (Tier::Metadata, [false, false]),
    (Tier::Handshake, [false, false]),
    (Tier::Client, [true, false]),
    (Tier::Server, [false, true]),
    (Tier::Both, [true, true]),
];

fn assert_sides(shown: &Shown, tier: Tier, sides: [bool; 2], all: usize) {
    let begins: [&[&[u8]]; 2] = [&[b"hello"], &[b"olleh", b"hello"]];
    for (side, (is_shown, begins)) in sides.into_iter().zip(begins).enumerate() {
        let said: Vec<&Vec<u8>> =
            shown.texts.iter().map(|it| &it[side]).filter(|it| !it.is_empty()).collect();
        assert_eq!(said.len(), if is_shown { all } else { 0 }, "{tier}, side {side}");
        for text in said {
            let is_right = begins.iter().any(|begin| begin.starts_with(&text[..1]));
            assert!(is_right, "{tier}, side {side}: {text:?}");
        }
    }
}

/// A world whose archive has the secrets of a capture.
fn archived(name: &str, with_master: bool) -> World {
    let world = World::new();
    let service = world.service();
    let settings = ClientSettings { with_master, ..world.settings(service.address().port()) };
    let client = world.client_with("web-1", settings);
    wait_for("the client to be connected", || client.is_ready());
    for told in told(name) {
        let outcome = client.deliver(told, Wait::Durable, soon());
        assert_eq!(outcome, Outcome::Acknowledged(Wait::Durable), "{name}");
    }
    drop((client, service));
    world
}

/// What the archive shows of a capture to somebody who has a tier.
fn shown(world: &World, name: &str, tier: Tier) -> Shown {
    let keys = Arc::new(KeyStore::default());
    for told in world.archive(tier, Filter::default()).told {
        for content in told.contents {
            let random = content.facts.client_random;
            for (label, secret) in content.secrets {
                keys.add(KeyLogEntry::Random { label, random, secret });
            }
        }
    }
    let decryption = Decryption { keys, extent: Extent::Session, patience: None };
    let settings = Settings { decryption: Some(decryption), ..Settings::default() };
    let mut analyzer = Analyzer::new(settings, Limits::default());
    let texts = Arc::new(Mutex::new(BTreeMap::<ConnectionId, [Vec<u8>; 2]>::new()));
    let sink = Arc::clone(&texts);
    analyzer.set_text_sink(Box::new(move |record| {
        if let RecordKind::Data { sender, bytes, .. } = &record.kind {
            let mut texts = sink.lock().unwrap();
            let sides = texts.entry(record.connection).or_default();
            sides[usize::from(*sender == Side::Server)].extend_from_slice(bytes);
        }
    }));
    for bytes in packets(name) {
        let wire_len = u32::try_from(bytes.len()).unwrap();
        let link_type = LinkType::ETHERNET;
        analyzer.handle_packet(&Packet { timestamp_ns: 0, link_type, wire_len, bytes: &bytes });
    }
    analyzer.finish();
    let events = std::iter::from_fn(|| analyzer.poll_event()).collect();
    let texts = std::mem::take(&mut *texts.lock().unwrap()).into_values().collect();
    Shown { texts, events }
}

/// What ends of the sessions of a capture would tell: the key log, with what the hellos say.
fn told(name: &str) -> Vec<SessionSecrets> {
    let log = fs::read(folder(name).join("keys.log")).unwrap();
    let mut by_random: HashMap<[u8; 32], Vec<(Label, Secret)>> = HashMap::new();
    let mut reader = KeyLogReader::new();
    let mut add = |entry| {
        if let KeyLogEntry::Random { label, random, secret } = entry {
            by_random.entry(random).or_default().push((label, secret));
        }
    };
    reader.feed(&log, &mut add);
    reader.finish(&mut add);
    let mut told = Vec::new();
    let mut client_random = None;
    for bytes in packets(name) {
        for at in 0..bytes.len().saturating_sub(60) {
            let [22, 3, _, _, _, kind, 0, ..] = bytes[at..] else { continue };
            let random = *bytes[at + 11..].first_chunk().unwrap();
            if kind == 1 && by_random.contains_key(&random) {
                client_random = Some(random);
            }
            let body_len = usize::from(u16::from_be_bytes([bytes[at + 7], bytes[at + 8]]));
            let body = bytes.get(at + 9..at + 9 + body_len);
            let hello = body.filter(|_| kind == 2).and_then(|body| ServerHello::parse(body).ok());
            let Some((hello, random)) = hello.zip(client_random) else { continue };
            let Some(secrets) = by_random.remove(&random) else { continue };
            let is_tls13 = secrets.iter().any(|(label, _)| *label != Label::ClientRandom);
            told.push(SessionSecrets {
                stage: SessionStage::Application,
                version: if is_tls13 { 0x0304 } else { hello.legacy_version.0 },
                cipher_suite: hello.cipher_suite.0,
                client_random: random,
                server_random: Some(hello.random),
                secrets,
                origin: Origin::unknown(now()),
            });
        }
    }
    assert!(!told.is_empty(), "{name}");
    told
}

/// The packets of a classic capture file.
fn packets(name: &str) -> Vec<Vec<u8>> {
    let file = fs::read(folder(name).join("input.pcap")).unwrap();
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes(*header[8..].first_chunk().unwrap());
        let (packet, behind) = behind.split_at(usize::try_from(len).unwrap());
        packets.push(packet.to_vec());
        rest = behind;
    }
    packets
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}
