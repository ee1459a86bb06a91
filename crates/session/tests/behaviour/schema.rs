//! Complaint 10 of the list of threads: events that an index rejects, since a field has one type
//! in some and another in others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::analysis::json;
use crate::captures::Capture;

#[test]
fn complaint_10_a_field_has_the_same_type_in_every_event() {
    let mut types = BTreeMap::new();
    for capture in Capture::all() {
        for event in capture.events() {
            walk("", &json(&event), &mut |path, value| {
                let kind = kind(value);
                let (first, known) = types
                    .entry(path.to_owned())
                    .or_insert_with(|| (capture.name.clone(), kind))
                    .clone();
                assert_eq!(kind, known, "{path} in {} and {first}", capture.name);
            });
        }
    }
    assert!(types.len() > 80, "{} fields", types.len());
    for (path, expected) in ECS {
        let Some((_, found)) = types.get(*path) else { panic!("no event has {path}") };
        assert_eq!(found, expected, "{path}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Boolean,
    Integer,
    Float,
    Date,
    Ip,
    Keyword,
}

/// Calls `visit` with each object and value; an index sees those of an array as several values of
/// the same field.
fn walk(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Array(values) => {
            for value in values {
                walk(path, value, visit);
            }
        }
        Value::Object(fields) => {
            visit(path, value);
            for (name, value) in fields {
                walk(format!("{path}.{name}").trim_start_matches('.'), value, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => visit(path, value),
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => panic!("a field without a value is left out"),
        Value::Object(_) | Value::Array(_) => Kind::Object,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(number) if number.is_f64() => Kind::Float,
        Value::Number(_) => Kind::Integer,
        Value::String(text) if text.parse::<std::net::IpAddr>().is_ok() => Kind::Ip,
        Value::String(text) if is_date(text) => Kind::Date,
        Value::String(_) => Kind::Keyword,
    }
}

fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape.starts_with("0000-00-00T00:00:00.000000") && shape.ends_with('Z')
}

/// Types of the Elastic Common Schema 8.17.
const ECS: &[(&str, Kind)] = &[
    ("@timestamp", Kind::Date),
    ("event.start", Kind::Date),
    ("event.end", Kind::Date),
    ("event.duration", Kind::Integer),
    ("event.category", Kind::Keyword),
    ("event.type", Kind::Keyword),
    ("event.outcome", Kind::Keyword),
    ("source.ip", Kind::Ip),
    ("source.port", Kind::Integer),
    ("source.bytes", Kind::Integer),
    ("source.packets", Kind::Integer),
    ("source.mac", Kind::Keyword),
    ("destination.ip", Kind::Ip),
    ("client.ip", Kind::Ip),
    ("client.port", Kind::Integer),
    ("server.ip", Kind::Ip),
    ("server.domain", Kind::Keyword),
    ("related.ip", Kind::Ip),
    ("network.transport", Kind::Keyword),
    ("network.type", Kind::Keyword),
    ("network.community_id", Kind::Keyword),
    ("network.vlan.id", Kind::Integer),
    ("tls.version", Kind::Keyword),
    ("tls.version_protocol", Kind::Keyword),
    ("tls.cipher", Kind::Keyword),
    ("tls.curve", Kind::Keyword),
    ("tls.established", Kind::Boolean),
    ("tls.resumed", Kind::Boolean),
    ("tls.next_protocol", Kind::Keyword),
    ("tls.client.ja3", Kind::Keyword),
    ("tls.client.server_name", Kind::Keyword),
    ("tls.client.supported_ciphers", Kind::Keyword),
    ("tls.client.subject", Kind::Keyword),
    ("tls.server.ja3s", Kind::Keyword),
    ("tls.server.hash", Kind::Object),
    ("tls.server.hash.sha1", Kind::Keyword),
    ("tls.server.issuer", Kind::Keyword),
    ("tls.server.not_before", Kind::Date),
    ("tls.server.not_after", Kind::Date),
    ("tls.server.x509.serial_number", Kind::Keyword),
    ("tls.server.x509.not_after", Kind::Date),
    ("tls.server.x509.public_key_algorithm", Kind::Keyword),
    ("tls.server.x509.public_key_size", Kind::Integer),
    ("tls.server.x509.public_key_exponent", Kind::Integer),
    ("tls.server.x509.public_key_curve", Kind::Keyword),
    ("tls.server.x509.signature_algorithm", Kind::Keyword),
    ("tls.server.x509.subject.common_name", Kind::Keyword),
    ("tls.server.x509.issuer.distinguished_name", Kind::Keyword),
    ("tls.detailed", Kind::Object),
    ("tls.detailed.alert_types", Kind::Keyword),
    ("tls.detailed.alerts.code", Kind::Integer),
];
