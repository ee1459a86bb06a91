//! Sample data: real records of software in a lab, spread over a day of a made-up cluster.

mod world;

use anyhow::{Context as _, Result};
use event::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use world::{Place, TALKS, Talk};

/// Records of real handshakes, one for each line, with the names of their captures in `testdata`.
const SAMPLES: &str = include_str!("samples.ndjson");

#[derive(Deserialize)]
struct Sample {
    sample: String,
    event: Value,
}

/// Lines of the day before `begin`, the oldest first.
///
/// # Errors
/// None, as a test shows: the samples are constants.
pub(crate) fn day(begin: Timestamp) -> Result<Vec<Vec<u8>>> {
    let samples = samples()?;
    let mut chance = Chance(1);
    let mut lines = Vec::new();
    for talk in TALKS {
        let sample = samples.iter().find(|sample| sample.sample == talk.sample);
        let sample = sample.with_context(|| format!("there is no sample {}", talk.sample))?;
        for _ in 0..talk.sessions {
            let age = chance.below(DAY_MS);
            let time = begin.plus_nanos(-i64::try_from(age)? * 1_000_000);
            lines.push((time, placed(&sample.event, talk, time, begin, &mut chance)));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    let lines = lines.into_iter().map(|(_, event)| {
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        line
    });
    Ok(lines.collect())
}

/// The line of one session that happens now, in a demo since `begin`; which one follows from `number`.
///
/// # Errors
/// None, as a test shows: the samples are constants.
pub(crate) fn now(now: Timestamp, begin: Timestamp, number: u64) -> Result<Option<Vec<u8>>> {
    let samples = samples()?;
    let mut chance = Chance(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let talk = TALKS.get(usize::try_from(chance.below(TALKS.len() as u64))?);
    Ok(talk.and_then(|talk| {
        let sample = samples.iter().find(|sample| sample.sample == talk.sample)?;
        let mut line =
            placed(&sample.event, talk, now, begin, &mut chance).to_string().into_bytes();
        line.push(b'\n');
        Some(line)
    }))
}

fn samples() -> Result<Vec<Sample>> {
    let read = |line| serde_json::from_str(line).context("a sample is not JSON");
    SAMPLES.lines().map(read).collect()
}

/// A sample as if it had happened between these two, at `time` in a demo since `begin`.
fn placed(
    event: &Value,
    talk: &Talk,
    time: Timestamp,
    begin: Timestamp,
    chance: &mut Chance,
) -> Value {
    let mut event = event.clone();
    let port = 32_768 + chance.below(28_000);
    for (names, place, port) in [
        (["source", "client"], talk.source, port),
        (["destination", "server"], talk.destination, talk.port.into()),
    ] {
        let address = address(place, names, chance);
        for name in names {
            put_end(&mut event, name, place, &address, port);
        }
    }
    put(&mut event, &["@timestamp"], json!(time));
    put(&mut event, &["event", "start"], json!(time));
    put(&mut event, &["event", "end"], json!(time.plus_nanos(3_000_000)));
    remove(&mut event, &["network", "community_id"]);
    let mut workloads = Map::new();
    for (side, place) in [("client", talk.source), ("server", talk.destination)] {
        if place.namespace.is_some() {
            workloads.insert(side.to_owned(), json!({ "kind": place.kind, "name": place.name }));
        }
    }
    put(&mut event, &["tlsight", "workload"], Value::Object(workloads));
    if talk.server_name.is_empty() {
        remove(&mut event, &["tls", "client", "server_name"]);
    } else {
        put(&mut event, &["tls", "client", "server_name"], json!(talk.server_name));
    }
    put_certificate(&mut event, talk, begin);
    event
}

/// The address of one end. Clients from outside are several.
fn address(place: Place, [name, _]: [&str; 2], chance: &mut Chance) -> String {
    let [a, b, c, d] = place.address;
    let is_outside = place.namespace.is_none() && name == "source";
    let d = if is_outside { chance.below(OUTSIDE_CLIENTS).saturating_add(20) } else { d.into() };
    format!("{a}.{b}.{c}.{d}")
}

fn put_end(event: &mut Value, end: &str, place: Place, address: &str, port: u64) {
    put(event, &[end, "ip"], json!(address));
    put(event, &[end, "port"], json!(port));
    remove(event, &[end, "mac"]);
    let Some(namespace) = place.namespace else { return };
    if end == "source" || end == "destination" {
        return;
    }
    let program = place.executable.rsplit('/').next().unwrap_or_default();
    let (image, tag) = place.image.split_once(':').unwrap_or((place.image, "latest"));
    let process = json!({ "name": program, "executable": place.executable });
    put(event, &[end, "process"], process);
    let container = json!({
        "id": format!("{:0>64}", place.address.map(|byte| format!("{byte:02x}")).concat()),
        "name": place.name,
        "image": { "name": image, "tag": [tag] },
    });
    put(event, &[end, "container"], container);
    put(event, &[end, "orchestrator"], json!({ "cluster": { "name": "demo" } }));
    let pod = json!({ "name": format!("{}-0", place.name) });
    let labels = json!({ "owner": world::owner(namespace) });
    let kubernetes = json!({ "namespace": namespace, "pod": pod, "labels": labels });
    put(event, &[end, "kubernetes"], kubernetes);
}

/// Gives the server a certificate of its own that ends when the demo wants it: the same one for as long
/// as the demo runs.
fn put_certificate(event: &mut Value, talk: &Talk, begin: Timestamp) {
    let Some(server) = event.pointer_mut("/tls/server") else { return };
    if server.get("not_after").is_none() {
        return;
    }
    let name = if talk.server_name.is_empty() { talk.destination.name } else { talk.server_name };
    let days = |days: i64| json!(begin.plus_nanos(days.saturating_mul(DAY_MS_SIGNED * 1_000_000)));
    let (not_before, not_after) = (days(talk.days_left - 365), days(talk.days_left));
    let fingerprint: String =
        name.bytes().chain(*b"demo").cycle().take(32).map(|b| format!("{b:02X}")).collect();
    put(server, &["hash"], json!({ "sha256": fingerprint }));
    put(server, &["subject"], json!(format!("CN={name}")));
    for path in [&["not_before"][..], &["x509", "not_before"]] {
        put(server, path, not_before.clone());
    }
    for path in [&["not_after"][..], &["x509", "not_after"]] {
        put(server, path, not_after.clone());
    }
    put(server, &["x509", "alternative_names"], json!([name]));
}

/// Sets a value, if what it is in is there.
fn put(event: &mut Value, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(event, |value, name| value.get_mut(*name));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.insert((*last).to_owned(), value);
    }
}

fn remove(event: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(event, |value, name| value.get_mut(*name));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.remove(*last);
    }
}

/// Numbers that look random and are the same each time (xorshift64, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

const OUTSIDE_CLIENTS: u64 = 4;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

const DAY_MS_SIGNED: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_of_the_cluster_and_ends_now() {
        let now = Timestamp::from_nanos(1_800_000_000_000_000_000);
        let lines = day(now).unwrap();
        assert_eq!(lines.len(), TALKS.iter().map(|talk| talk.sessions as usize).sum::<usize>());
        for line in lines.iter().step_by(37) {
            let event: Value = serde_json::from_slice(line).unwrap();
            let time: Timestamp = event["event"]["start"].as_str().unwrap().parse().unwrap();
            assert!(time <= now && now.nanos_since(time) <= DAY_MS * 1_000_000);
        }
        let text = String::from_utf8(lines.concat()).unwrap();
        for namespace in ["ingress", "shop", "payments", "platform", "legacy"] {
            assert!(text.contains(&format!("\"namespace\":\"{namespace}\"")), "{namespace}");
        }
    }

    #[test]
    fn what_happens_later_has_the_same_posture() {
        let begin = Timestamp::from_nanos(1_800_000_000_000_000_000);
        let later = begin.plus_nanos(3_600_000_000_000);
        for number in 1..40 {
            let [first, second] = [begin, later].map(|time| {
                let line = now(time, begin, number).unwrap().unwrap();
                policy::Observation::parse(&line).unwrap()
            });
            assert_eq!(first.posture, second.posture);
            assert_ne!(first.first, second.first);
        }
    }
}
