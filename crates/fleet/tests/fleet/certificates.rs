//! What an authority issues, and to whom.

use fleet::{AgentId, Authority, NotIssued, Peer};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use crate::world::now;

fn request(key: &KeyPair) -> Vec<u8> {
    CertificateParams::new(vec!["root.example".to_owned()])
        .unwrap()
        .serialize_request(key)
        .unwrap()
        .der()
        .to_vec()
}

#[test]
fn an_agent_has_the_name_that_the_server_chose() {
    let (authority, now) = (Authority::generate(now()).unwrap(), now());
    let agent = AgentId::new("node-1.a_b").unwrap();
    let key = KeyPair::generate().unwrap();
    let issued = authority.issue_agent(&request(&key), &agent, now).unwrap();
    let peer = Peer::of(&issued.certificate).unwrap();
    assert_eq!((&peer.agent, &peer.serial), (&agent, &issued.serial));
    assert_eq!(
        peer.not_after.as_nanos() / 1_000_000_000,
        issued.not_after.as_nanos() / 1_000_000_000
    );
    assert!(issued.renew_at < issued.not_after && issued.renew_at > now);
    let again = authority.issue_agent(&request(&key), &agent, now).unwrap();
    assert_ne!(again.serial, issued.serial);
    assert!(!issued.certificate.windows(12).any(|found| found == b"root.example"));
}

#[test]
fn who_has_not_the_key_of_a_request_gets_nothing() {
    let authority = Authority::generate(now()).unwrap();
    let agent = AgentId::new("a").unwrap();
    let key = KeyPair::generate().unwrap();
    let whole = request(&key);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        match authority.issue_agent(&changed, &agent, now()) {
            Err(error) => assert!(matches!(error, NotIssued::Request), "byte {at}: {error}"),
            // A bit that says nothing.
            Ok(issued) => {
                let key = key.public_key_raw();
                assert!(
                    issued.certificate.windows(key.len()).any(|found| found == key),
                    "byte {at}"
                );
            }
        }
        let refused = authority.issue_agent(&whole[..at], &agent, now());
        assert!(matches!(refused, Err(NotIssued::Request)), "prefix of {at} bytes");
    }
    for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let other = request(&KeyPair::generate_for(algorithm).unwrap());
        let refused = authority.issue_agent(&other, &agent, now());
        assert!(matches!(refused, Err(NotIssued::Request)));
    }
    let long = authority.issue_agent(&[0x30; 5000], &agent, now());
    assert!(matches!(long, Err(NotIssued::Request)));
}

#[test]
fn an_authority_goes_on_with_its_own_key_only() {
    let authority = Authority::generate(now()).unwrap();
    let (certificate, key) = (authority.certificate_pem(), authority.key_pem());
    let again = Authority::from_pem(&certificate, &key).unwrap();
    assert_eq!(again.fingerprint(), authority.fingerprint());
    let other = Authority::generate(now()).unwrap();
    let refused = Authority::from_pem(&certificate, &other.key_pem());
    assert!(matches!(refused, Err(NotIssued::Authority(_))));
    assert!(
        Authority::from_pem("", &key).is_err() && Authority::from_pem(&certificate, "").is_err()
    );
}

#[test]
fn an_id_is_what_can_stand_in_a_name() {
    for wrong in ["", "a b", "a/b", "ä", "a\n", &"x".repeat(129)] {
        assert!(AgentId::new(wrong).is_none(), "{wrong:?}");
    }
    assert!(AgentId::new("x".repeat(128)).is_some());
    assert_eq!(Peer::of(b"no certificate"), None);
    assert_eq!(Peer::of(Authority::generate(now()).unwrap().certificate()), None);
}
