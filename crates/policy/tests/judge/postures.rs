//! Postures: what names them, and how good they are at a glance.

use std::collections::BTreeMap;

use policy::{Grade, Posture};

use crate::captures::{all, observations, session};

#[test]
fn a_posture_is_graded_by_its_weakest_part() {
    for (name, grade) in [
        ("ssl30", Grade::Legacy),
        ("tls10", Grade::Legacy),
        ("tls11", Grade::Legacy),
        ("dtls10", Grade::Legacy),
        ("tls12-static-rsa", Grade::Legacy),
        ("tls12-null", Grade::Legacy),
        ("tls12-client-certificate", Grade::Tls12),
        ("tls13", Grade::Tls13),
        ("dtls13", Grade::Tls13),
        ("pq-hybrid", Grade::Pq),
        ("pq-mlkem-only", Grade::Pq),
        ("alert-handshake-failure", Grade::Unknown),
        ("client-only", Grade::Unknown),
    ] {
        assert_eq!(session(name, 0).posture.grade(), grade, "{name}");
    }
}

#[test]
fn every_grade_has_a_name_that_json_uses() {
    for grade in Grade::ALL {
        assert_eq!(serde_json::to_value(grade).unwrap(), grade.name());
    }
}

#[test]
fn the_id_of_a_posture_follows_from_its_content_and_nothing_else() {
    let mut by_id: BTreeMap<String, Posture> = BTreeMap::new();
    for seen in all().iter().flat_map(|name| observations(name)) {
        let id = seen.posture.id();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let known = by_id.entry(id).or_insert_with(|| seen.posture.clone());
        assert_eq!(*known, seen.posture);
    }
    assert!(by_id.len() > 30, "only {} postures", by_id.len());
}

#[test]
fn a_posture_survives_its_json_with_its_id() {
    for seen in all().iter().flat_map(|name| observations(name)) {
        let text = serde_json::to_string(&seen.posture).unwrap();
        let back: Posture = serde_json::from_str(&text).unwrap();
        assert_eq!(back.id(), seen.posture.id());
        assert_eq!(back, seen.posture);
    }
}
