//! A line as a record.

use std::collections::BTreeMap;

use rskafka::chrono::{DateTime, Utc};
use rskafka::record::Record;

use crate::dataset::Dataset;
use crate::line::Line;

/// What lines have in common that belong together: client, server and port. Of others, the host that told them.
pub(super) fn key(line: &Line) -> Vec<u8> {
    let part = |places: [&str; 2]| {
        let found = places.iter().find_map(|place| line.str(place)).unwrap_or_default();
        found.chars().take(MAX_PART_CHARS).collect::<String>()
    };
    if line.dataset == Dataset::Loss {
        return line.host.as_bytes().to_vec();
    }
    let client = part(["/client/ip", "/source/address"]);
    let server = part(["/server/ip", "/destination/address"]);
    let port = ["/server/port", "/destination/port"];
    let port = port.iter().find_map(|place| line.value.pointer(place)?.as_u64()).unwrap_or(0);
    format!("{client} {server} {port}").into_bytes()
}

/// The record of a line.
pub(super) fn of(line: &Line) -> Record {
    let headers = [
        ("content-type", "application/json"),
        ("dataset", line.dataset.name()),
        ("host", &line.host),
    ];
    let headers: BTreeMap<_, _> =
        headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into();
    let nanos = line.timestamp().map_or(0, event::Timestamp::as_nanos);
    let timestamp = DateTime::<Utc>::from_timestamp_nanos(nanos);
    let value = Some(line.text.as_bytes().to_vec());
    Record { key: Some(key(line)), value, headers, timestamp }
}

/// More than an address or a name has.
const MAX_PART_CHARS: usize = 255;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn line(host: &str, value: &serde_json::Value) -> Line {
        Line::read(&Arc::from(host), value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn both_directions_of_time_have_the_same_key() {
        let session = |port: u16, version: &str| {
            json!({"event": {"dataset": "tls"}, "client": {"ip": "192.0.2.1", "port": port},
                "server": {"ip": "192.0.2.2", "port": 443}, "tls": {"version": version}})
        };
        let first = key(&line("a", &session(1000, "1.2")));
        assert_eq!(first, b"192.0.2.1 192.0.2.2 443");
        assert_eq!(first, key(&line("b", &session(1001, "1.3"))));
        let loss = json!({"event": {"dataset": "tlsight.loss"}});
        assert_eq!(key(&line("node-1", &loss)), b"node-1");
    }

    proptest! {
        #[test]
        fn whatever_a_line_says_it_has_three_headers(name in any::<String>(), host in any::<String>()) {
            let value = json!({"@timestamp": name, "event": {"dataset": "tls"}, "client": {"ip": name}});
            let record = of(&line(&host, &value));
            let names: Vec<_> = record.headers.keys().map(String::as_str).collect();
            prop_assert_eq!(names, ["content-type", "dataset", "host"]);
            prop_assert_eq!(&record.headers["host"], host.as_bytes());
            prop_assert!(record.key.unwrap().len() < 4 * 255 * 2 + 20);
            let told: serde_json::Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
            prop_assert_eq!(told, value);
        }
    }
}
