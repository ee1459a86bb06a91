//! Who is believed.

use escrow::hpke::Kem;
use escrow::keys::{
    Epoch, Filter, Grant, Identity, MonitorKey, NotTrusted, Role, SealingKey, Signed, SigningKey,
    Statement, Trust,
};
use escrow::tier::Tier;

use crate::world::{now_ms, request};

struct People {
    authority: SigningKey,
    ids: Vec<(&'static str, Identity)>,
    grants: Vec<Signed>,
}

impl People {
    fn new(tier: Tier) -> Self {
        let authority = SigningKey::generate().unwrap();
        let roles = [
            ("asks", vec![Role::Requester, Role::Approver]),
            ("first", vec![Role::Approver]),
            ("second", vec![Role::Approver]),
            ("watches", vec![Role::Monitor]),
        ];
        let mut people = Self { authority, ids: Vec::new(), grants: Vec::new() };
        for (name, roles) in roles {
            let id = Identity::generate(Kem::X25519).unwrap();
            people.grants.push(people.grant(name, &roles, tier, &id, 60_000));
            people.ids.push((name, id));
        }
        people
    }

    fn grant(&self, name: &str, roles: &[Role], tier: Tier, id: &Identity, for_ms: u64) -> Signed {
        let grant = Grant {
            name: name.to_owned(),
            roles: roles.to_vec(),
            tier: tier.to_string(),
            signing: id.public().signing.text(),
            sealing: SealingKey::new(&id.public().sealing),
            not_after_ms: now_ms() + for_ms,
        };
        Statement::Grant(grant).sign(&self.authority).unwrap()
    }

    fn signing(&self, name: &str) -> &SigningKey {
        &self.ids.iter().find(|(other, _)| *other == name).unwrap().1.signing
    }

    fn trust(&self) -> Trust {
        Trust::new(self.authority.verifying())
    }

    fn asked(&self, tier: Tier, by: &[&str]) -> Result<usize, NotTrusted> {
        let mut signed = request(by[0], tier, Filter::default()).sign(self.signing(by[0])).unwrap();
        by[1..].iter().for_each(|name| signed.add(self.signing(name)));
        // As it is read from a file.
        let signed = Signed::parse(&signed.to_text()).unwrap();
        self.trust().request(&signed, &self.grants, now_ms()).map(|asked| asked.approvers.len())
    }
}

#[test]
fn the_higher_tiers_need_two_others_who_approve() {
    let people = People::new(Tier::Master);
    for tier in [Tier::Metadata, Tier::Handshake, Tier::Client, Tier::Server] {
        assert_eq!(people.asked(tier, &["asks"]), Ok(0), "{tier}");
    }
    for tier in [Tier::Both, Tier::Master] {
        let needed = 2;
        assert_eq!(people.asked(tier, &["asks", "first", "second"]), Ok(2), "{tier}");
        let too_few = |found| Err(NotTrusted::Approvers { found, needed });
        assert_eq!(people.asked(tier, &["asks"]), too_few(0), "{tier}");
        assert_eq!(people.asked(tier, &["asks", "first"]), too_few(1), "{tier}");
        assert_eq!(people.asked(tier, &["asks", "first", "first"]), too_few(1), "{tier}");
        // Whoever asks does not approve, though it is an approver.
        assert_eq!(people.asked(tier, &["asks", "asks", "first"]), too_few(1), "{tier}");
        assert_eq!(people.asked(tier, &["asks", "watches", "first"]), too_few(1), "{tier}");
    }
    let refused = Err(NotTrusted::NotGranted("first".to_owned()));
    assert_eq!(people.asked(Tier::Handshake, &["first"]), refused);
}

#[test]
fn one_person_with_two_grants_is_one() {
    let mut people = People::new(Tier::Both);
    let first = people.ids.iter().find(|(name, _)| *name == "first").unwrap();
    let again = people.grant("again", &[Role::Approver], Tier::Both, &first.1, 60_000);
    people.grants.push(again);
    let asked = people.asked(Tier::Both, &["asks", "first"]);
    assert_eq!(asked, Err(NotTrusted::Approvers { found: 1, needed: 2 }));
}

#[test]
fn a_grant_allows_its_tier_and_those_below() {
    let people = People::new(Tier::Client);
    assert!(people.asked(Tier::Client, &["asks"]).is_ok());
    assert!(people.asked(Tier::Handshake, &["asks"]).is_ok());
    for tier in [Tier::Server, Tier::Both, Tier::Master] {
        assert!(people.asked(tier, &["asks", "first", "second"]).is_err(), "{tier}");
    }
}

#[test]
fn what_was_changed_after_it_was_signed_is_not_believed() {
    let people = People::new(Tier::Handshake);
    let signed = request("asks", Tier::Handshake, Filter::default());
    let text = signed.sign(people.signing("asks")).unwrap().to_text();
    let trust = people.trust();
    let asked = |text: &str| {
        let signed = Signed::parse(text).map_err(|_error| NotTrusted::Value)?;
        trust.request(&signed, &people.grants, now_ms()).map(|_| ())
    };
    assert_eq!(asked(&text), Ok(()));
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        // The last character of a signature has bits that mean nothing; those are refused as well.
        assert!(asked(&changed).is_err() || changed.trim_end() == text.trim_end(), "{changed}");
    }
}

#[test]
fn what_is_expired_or_of_another_authority_is_not_believed() {
    let people = People::new(Tier::Both);
    let id = Identity::generate(Kem::XWing).unwrap();
    let grant = people.grant("soc", &[Role::Monitor], Tier::Both, &id, 0);
    let trust = people.trust();
    assert_eq!(trust.grant(&grant, now_ms()), Err(NotTrusted::Expired));
    let grant = people.grant("soc", &[Role::Monitor], Tier::Both, &id, 60_000);
    assert!(trust.grant(&grant, now_ms()).is_ok());
    let other = Trust::new(SigningKey::generate().unwrap().verifying());
    assert_eq!(other.grant(&grant, now_ms()), Err(NotTrusted::Authority));

    let key = |not_after_ms| {
        let key = MonitorKey {
            name: "soc".to_owned(),
            tier: "t3".to_owned(),
            sealing: SealingKey::new(id.sealing.public()),
            not_after_ms,
        };
        Statement::MonitorKey(key).sign(&id.signing).unwrap()
    };
    let now = now_ms();
    let (_, tier, sealing) = trust.monitor(&grant, &key(now + 1000), now).unwrap();
    assert_eq!((tier, &sealing), (Tier::Both, id.sealing.public()));
    assert_eq!(trust.monitor(&grant, &key(now), now).unwrap_err(), NotTrusted::Expired);
    assert!(trust.monitor(&grant, &grant, now).is_err());

    let epoch = Epoch {
        number: 1,
        begins_ms: 0,
        ends_ms: 1,
        destroyed_ms: 2,
        keys: std::collections::BTreeMap::new(),
    };
    let forged = Statement::Epoch(epoch).sign(&id.signing).unwrap();
    assert_eq!(trust.epoch(&forged), Err(NotTrusted::Authority));
}

#[test]
fn a_text_that_is_no_statement_is_refused() {
    for text in ["", "{}", "{\"kind\":\"grant\"}", "x\ny", "{\"kind\":\"request\",\"extra\":1}"] {
        assert!(Signed::parse(text).is_err(), "{text}");
    }
    assert!(Signed::parse(&"x".repeat(1 << 20)).is_err());
}
