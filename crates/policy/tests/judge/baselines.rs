//! Edges that are locked to their postures.

use policy::{Baseline, Posture, Verdict};

use crate::captures::{lines, session};
use crate::sessions::Judged;

#[test]
fn a_posture_that_is_new_or_weaker_departs_from_the_baseline() {
    let baseline = |names: &[&str]| {
        let postures: Vec<Posture> = names.iter().map(|name| session(name, 0).posture).collect();
        Some(Baseline::lock(&postures, "2026-01-01T00:00:00Z".parse().unwrap()))
    };
    let drifts = |locked: &[&str], name: &str, index: usize| {
        let judged = Judged { baseline: baseline(locked), ..Judged::capture(name, index) };
        let all = [
            "new_posture",
            "lower_version",
            "weaker_key_exchange",
            "no_forward_secrecy",
            "new_certificate",
        ];
        let found = all
            .into_iter()
            .filter(|drift| judged.ask("Baseline Drift", &[drift]).0 == Verdict::Fail);
        found.collect::<Vec<_>>()
    };
    assert!(drifts(&["tls13"], "tls13", 0).is_empty());
    assert_eq!(drifts(&["pq-hybrid"], "tls13", 0), ["new_posture", "weaker_key_exchange"]);
    assert_eq!(
        drifts(&["tls13"], "tls12-ecdsa", 0),
        ["new_posture", "lower_version", "new_certificate"]
    );
    assert_eq!(
        drifts(&["tls12-ecdsa"], "tls12-static-rsa", 0),
        ["new_posture", "weaker_key_exchange", "no_forward_secrecy", "new_certificate"]
    );
    assert!(drifts(&["tls12-ticket"], "tls12-ticket", 1).is_empty(), "resumption shows no group");
    let failed = Judged { baseline: baseline(&["tls13"]), ..Judged::capture("client-only", 0) };
    let said = failed.ask("Baseline Drift", &["new_posture"]);
    assert_eq!(said.0, Verdict::Unknown);
    assert_eq!(said.1, "not enough was seen to compare with the baseline");
}

#[test]
fn a_baseline_survives_its_json() {
    let locked = Baseline::lock([&session("tls12-ecdsa", 0).posture], lines_time());
    let text = serde_json::to_string(&locked).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), locked);
}

fn lines_time() -> event::Timestamp {
    lines("tls13").remove(0)["@timestamp"].as_str().unwrap().parse().unwrap()
}
