//! Lines that are read back.

use policy::{NotAnObservation, Observation, Outcome};
use serde_json::{Value, json};

use crate::captures::{all, lines, observation, session};

#[test]
fn every_session_of_every_capture_is_read_back() {
    let mut sessions = 0;
    for name in all() {
        for line in lines(&name) {
            let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str);
            let seen = observation(&line);
            assert_eq!(seen.posture.version.as_deref(), text("/tls/version"), "{name}");
            assert_eq!(seen.posture.cipher.as_deref(), text("/tls/cipher"), "{name}");
            assert_eq!(seen.server_name.as_deref(), text("/tls/client/server_name"), "{name}");
            assert_eq!(seen.fingerprints.ja4.as_deref(), text("/tlsight/ja4"), "{name}");
            let days = line.pointer("/tlsight/certificate/days_left").and_then(Value::as_i64);
            assert_eq!(seen.posture.certificate.days_left(seen.first), days, "{name}");
            assert_eq!(Some(seen.first.to_string().as_str()), text("/event/start"), "{name}");
            assert_eq!((seen.sessions, seen.is_session), (1, true), "{name}");
            sessions += 1;
        }
    }
    assert!(sessions > 100, "only {sessions} sessions");
}

#[test]
fn a_session_has_what_its_programs_did() {
    let seen = session("tls12-client-certificate", 0);
    assert_eq!(seen.outcome, Outcome::Success);
    assert_eq!(seen.posture.version_rank(), Some(0x0303));
    assert_eq!(seen.posture.certificate.key_type.as_deref(), Some("ECDSA"));
    let certificate = seen.certificate.unwrap();
    assert_eq!(Some(&certificate.fingerprint), seen.posture.certificate.fingerprint.as_ref());
    assert!(certificate.names.iter().any(|name| name == "example.test"));
}

#[test]
fn a_line_of_an_edge_tells_less_and_says_so() {
    let seen = observation(&edge());
    assert_eq!((seen.sessions, seen.is_session), (42, false));
    assert_eq!(seen.first.to_string(), "2026-11-21T10:00:00.000000Z");
    assert_eq!(seen.server_name.as_deref(), Some("example.test"));
    let posture = seen.posture;
    assert_eq!(posture.group.as_deref(), Some("x25519"));
    assert_eq!((posture.early_data, posture.hello_retry), (None, None));
    assert_eq!(posture.offers_post_quantum, None);
    assert!(!posture.resumed);
}

#[test]
fn an_edge_whose_certificate_is_resumed_is_one_of_resumed_sessions() {
    let mut line = edge();
    line["tlsight"]["certificate"]["state"] = "resumed".into();
    assert!(observation(&line).posture.resumed);
}

#[test]
fn no_prefix_of_a_line_is_one() {
    let line = lines("tls12-client-certificate").remove(0).to_string();
    assert!(Observation::parse(line.as_bytes()).is_ok());
    for len in 0..line.len() {
        let cut = Observation::parse(&line.as_bytes()[..len]);
        assert!(matches!(cut, Err(NotAnObservation::Malformed(_))), "prefix of {len} bytes");
    }
}

#[test]
fn other_lines_of_tlsight_are_no_sessions() {
    for dataset in ["tlsight.loss", "tlsight.summary", "nginx.access"] {
        let line = json!({ "event": { "dataset": dataset } }).to_string();
        match Observation::parse(line.as_bytes()) {
            Err(NotAnObservation::OtherDataset(found)) => assert_eq!(found, dataset),
            other => panic!("{dataset}: {other:?}"),
        }
    }
}

#[test]
fn a_text_that_no_honest_record_has_is_refused() {
    let line = lines("tls12-client-certificate").remove(0);
    for pointer in [
        "/tls/version",
        "/tls/cipher",
        "/tls/client/server_name",
        "/tls/client/ja3",
        "/tls/server/subject",
        "/tls/server/hash/sha1",
        "/tls/server/x509/serial_number",
        "/tls/server/x509/alternative_names/0",
        "/tlsight/ja4",
        "/tlsight/key_exchange/offered_groups/0",
    ] {
        let mut long = line.clone();
        *long.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) =
            "x".repeat(4096).into();
        Observation::parse(long.to_string().as_bytes()).unwrap();
        *long.pointer_mut(pointer).unwrap() = "x".repeat(4097).into();
        let refused = Observation::parse(long.to_string().as_bytes());
        assert!(matches!(refused, Err(NotAnObservation::TooLong { len: 4097, .. })), "{pointer}");
    }
}

#[test]
fn what_is_behind_an_end_is_bounded_too() {
    for place in [
        json!({ "process": { "name": LONG } }),
        json!({ "process": { "executable": LONG } }),
        json!({ "process": { "user": { "id": LONG } } }),
        json!({ "container": { "id": LONG } }),
        json!({ "container": { "id": "a", "name": LONG } }),
        json!({ "container": { "id": "a", "image": { "name": LONG } } }),
        json!({ "container": { "id": "a", "image": { "name": "a", "tag": [LONG] } } }),
        json!({ "orchestrator": { "cluster": { "name": LONG } } }),
        json!({ "kubernetes": { "namespace": LONG } }),
        json!({ "kubernetes": { "pod": { "name": LONG } } }),
        json!({ "kubernetes": { "node": { "name": LONG } } }),
        json!({ "kubernetes": { "service": { "name": LONG } } }),
        json!({ "kubernetes": { "labels": { LONG: "a" } } }),
        json!({ "kubernetes": { "labels": { "a": LONG } } }),
    ] {
        for side in ["client", "server"] {
            let text = with(side, &place).to_string().replace(LONG, &"x".repeat(4097));
            let refused = Observation::parse(text.as_bytes());
            assert!(matches!(refused, Err(NotAnObservation::TooLong { .. })), "{side} {place}");
        }
    }
}

#[test]
fn lists_that_no_honest_record_has_are_refused() {
    let many: Vec<String> = (0..=1024).map(|number| format!("n{number}")).collect();
    let labels: Value = many.iter().map(|name| (name.clone(), Value::from("a"))).collect();
    let refused = with("client", &json!({ "kubernetes": { "labels": labels } }));
    assert_too_many(&refused);
    for pointer in [
        "/tlsight/key_exchange/offered_groups",
        "/tls/server/x509/alternative_names",
        "/tls/detailed/alert_types",
    ] {
        let mut line = lines("tls12-client-certificate").remove(0);
        line["tls"]["detailed"]["alert_types"] = json!([]);
        *line.pointer_mut(pointer).unwrap() = many.clone().into();
        assert_too_many(&line);
    }
    for name in ["partial", "anomalies"] {
        let mut line = lines("tls12-client-certificate").remove(0);
        line["tlsight"][name] = many.clone().into();
        assert_too_many(&line);
    }
}

#[track_caller]
fn assert_too_many(line: &Value) {
    let refused = Observation::parse(line.to_string().as_bytes());
    assert!(matches!(refused, Err(NotAnObservation::TooMany { len: 1025, .. })), "{refused:?}");
}

/// A line with more at one of its ends.
pub(crate) fn with(side: &str, place: &Value) -> Value {
    let mut line = lines("tls13").remove(0);
    for (key, value) in place.as_object().unwrap() {
        line[side][key] = value.clone();
    }
    line
}

/// A line that an agent writes for many sessions.
pub(crate) fn edge() -> Value {
    json!({
        "@timestamp": "2026-11-21T10:01:00.000000Z",
        "event": {
            "dataset": "tlsight.edge", "outcome": "success",
            "start": "2026-11-21T10:00:00.000000Z", "end": "2026-11-21T10:00:59.000000Z",
        },
        "client": { "ip": "10.0.0.1" },
        "server": { "ip": "10.0.0.2", "port": 443, "domain": "example.test" },
        "network": { "transport": "tcp" },
        "tls": {
            "version": "1.3", "version_protocol": "tls", "cipher": "TLS_AES_128_GCM_SHA256",
            "curve": "x25519", "established": true, "server": {},
        },
        "tlsight": {
            "key_exchange": { "class": "classical", "forward_secret": true },
            "certificate": { "state": "encrypted" },
            "carrier": "tcp", "evidence": "socket", "edge": { "sessions": 42 },
        },
    })
}

const LONG: &str = "(a long text)";
