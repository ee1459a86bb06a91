//! What is released, to whom.

use escrow::Wait;
use escrow::hpke::Kem;
use escrow::keys::{Filter, Identity, Role, Statement};
use escrow::release::{AnswerError, AnswerWriter, read_answer};
use escrow::store::segments;
use escrow::tier::{Part, Tier};

use crate::world::{World, contains, deliver, flip, now_ms, random, request, secret, soon};
use secrets::Label;

fn world_with(sessions: u32) -> World {
    let world = World::new();
    let service = world.service();
    for name in ["web-1", "web-2"] {
        let client = world.ready_client(name, service.address().port());
        for number in 0..sessions {
            deliver(&client, if name == "web-1" { number } else { number + 1000 }, Wait::Received);
        }
        assert!(client.drain(soon()));
    }
    drop(service);
    world
}

#[test]
fn filters_select_and_tiers_limit() {
    let world = world_with(5);
    let sessions = |filter| world.archive(Tier::Client, filter).counts.sessions;
    let all = Filter::default;
    assert_eq!(sessions(all()), 10);
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(sessions(Filter { agent: some("web-2"), ..all() }), 5);
    assert_eq!(sessions(Filter { server_name: some("SHOP.example"), ..all() }), 10);
    assert_eq!(sessions(Filter { server_name: some("other.example"), ..all() }), 0);
    assert_eq!(sessions(Filter { address: Some("192.0.2.1".parse().unwrap()), ..all() }), 10);
    assert_eq!(sessions(Filter { address: Some("192.0.2.2".parse().unwrap()), ..all() }), 0);
    assert_eq!(sessions(Filter { port: Some(443), ..all() }), 10);
    assert_eq!(sessions(Filter { port: Some(80), ..all() }), 0);
    assert_eq!(sessions(Filter { until_ms: Some(now_ms() - 3_600_000), ..all() }), 0);
    assert_eq!(sessions(Filter { since_ms: Some(now_ms() + 3_600_000), ..all() }), 0);
    let hex = |number| data_encoding::HEXUPPER.encode(&random(number));
    let randoms = vec![hex(3), hex(1004), hex(77)];
    assert_eq!(sessions(Filter { client_randoms: randoms, ..all() }), 2);
    for tier in Tier::ALL {
        for content in world.archive(tier, all()).told.iter().flat_map(|told| &told.contents) {
            assert!(tier.parts().contains(&content.part), "{tier}");
        }
    }
}

#[test]
fn an_answer_is_for_the_one_who_asked() {
    let world = world_with(3);
    let (own, other) =
        (Identity::generate(Kem::XWing).unwrap(), Identity::generate(Kem::XWing).unwrap());
    let path = world.path("answer");
    let mut answer = AnswerWriter::create(&path, own.sealing.public()).unwrap();
    for told in world.archive(Tier::Client, Filter::default()).told {
        answer.push(&told).unwrap();
    }
    answer.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(!contains(&bytes, b"SECRET"));
    let mut found = 0;
    let mut each = |told: escrow::release::Told| {
        for content in &told.contents {
            for (label, it) in &content.secrets {
                let number =
                    u32::from_be_bytes(*content.facts.client_random.first_chunk().unwrap());
                assert_eq!(it.dangerous_bytes(), secret(number, *label).dangerous_bytes());
                assert!(*label != Label::ServerTraffic(0));
                found += 1;
            }
        }
    };
    read_answer(&path, own.sealing, &mut each).unwrap();
    assert_eq!(found, 6 * 3);
    let refused = read_answer(&path, other.sealing, &mut |_| panic!("it is for another"));
    assert!(matches!(refused, Err(AnswerError::NotOpened(_))));
}

#[test]
fn an_answer_that_was_changed_or_cut_is_refused() {
    let world = world_with(1);
    let own = Identity::generate(Kem::X25519).unwrap();
    let text = own.dangerous_text().unwrap();
    let path = world.path("answer");
    let mut answer = AnswerWriter::create(&path, own.sealing.public()).unwrap();
    for told in world.archive(Tier::Handshake, Filter::default()).told {
        answer.push(&told).unwrap();
    }
    answer.finish().unwrap();
    let key = || Identity::parse(&text).unwrap().sealing;
    let bytes = std::fs::read(&path).unwrap();
    for bit in (0..bytes.len() * 8).step_by(43) {
        flip(&path, bit);
        assert!(read_answer(&path, key(), &mut |_| {}).is_err(), "bit {bit}");
        flip(&path, bit);
    }
    for len in (0..bytes.len()).step_by(23) {
        std::fs::write(&path, &bytes[..len]).unwrap();
        let read = read_answer(&path, key(), &mut |_| {});
        // Between two entries a cut leaves an answer that is shorter.
        let is_between = read.is_ok();
        assert!(!is_between || len < bytes.len(), "{len} bytes");
    }
}

#[test]
fn a_record_that_was_changed_is_not_released_and_the_others_are() {
    let world = world_with(3);
    let store = world.path("store");
    let name = segments(&store).unwrap()[0];
    let path = name.file(&store);
    let len = std::fs::metadata(&path).unwrap().len();
    // In the last record of the last session.
    flip(&path, usize::try_from(len - 40).unwrap() * 8);
    let archive = world.archive(Tier::Both, Filter::default());
    assert!(archive.counts.damaged > 0);
    let all: usize = archive.labels().iter().map(|(_, labels)| labels.len()).sum();
    assert_eq!(all, 6 * 4 - 1);
}

#[test]
fn a_record_under_another_tag_is_damaged() {
    let world = world_with(2);
    let store = world.path("store");
    let index_key = world.path("index.key");
    std::fs::remove_file(&index_key).unwrap();
    let archive = world.archive(Tier::Both, Filter::default());
    assert_eq!(archive.counts.sessions, 0, "with another index key no tag is right");
    assert!(archive.counts.damaged > 0);
    assert!(!segments(&store).unwrap().is_empty());
}

#[test]
fn only_the_keys_of_a_tier_are_taken_out_of_custody() {
    let world = World::new();
    let keys = world.custody().keys(1, Tier::Client.parts()).unwrap();
    assert_eq!(keys.len(), Tier::Client.parts().len());
    let epochs = world.custody().epochs().unwrap();
    let Statement::Epoch(epoch) = epochs[0].statement() else { panic!() };
    for part in [Part::Server, Part::Master] {
        let public = epoch.key(part).unwrap();
        assert!(keys.iter().all(|key| key.public() != &public), "{part:?}");
    }
    let grant = world.grant(
        "asks-less",
        &[Role::Requester],
        Tier::Handshake,
        &Identity::generate(Kem::X25519).unwrap(),
    );
    let unsigned = request("asks-less", Tier::Handshake, Filter::default())
        .sign(&escrow::keys::SigningKey::generate().unwrap())
        .unwrap();
    assert!(world.trust().request(&unsigned, &[grant], now_ms()).is_err());
}
