//! Packetbeat's golden files: whole events, flattened, under several settings.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::compare::{Place, Tally};
use super::normal;
use super::oracle::Corpora;
use super::run::Settings;
use super::session::{self, End, Ends, Session, take};

/// The oracle's name.
pub(super) const NAME: &str = "Packetbeat";

/// The sessions of each golden file's capture under the golden file's settings, by the name of the
/// golden file.
pub(super) type Outputs = BTreeMap<String, Vec<Session>>;

/// One golden file.
pub(super) struct Golden {
    /// Path of the file.
    pub(super) file: String,
    /// The capture.
    pub(super) capture: String,
    /// The settings that Packetbeat ran with.
    pub(super) settings: Settings,
    events: Vec<BTreeMap<String, Value>>,
}

/// Reads the golden files of captures that are there.
///
/// # Errors
/// If the list or a golden file is missing or malformed.
pub(super) fn read(corpora: &Corpora) -> Result<Vec<Golden>> {
    let list = YamlLoader::load_from_str(&corpora.text("packetbeat/golden-tests.yml")?)?;
    let cases =
        list.first().and_then(|list| list["test_cases"].as_vec()).context("no test_cases")?;
    let mut golden = Vec::new();
    for case in cases {
        let name = case["name"].as_str().context("a test case without a name")?;
        let capture = case["pcap"].as_str().context("a test case without a capture")?;
        let stem = name.to_lowercase().replace([' ', '-', '.'], "_");
        let file = format!("{SYSTEM}/golden/{stem}-expected.json");
        if !corpora.path(&file).is_file() {
            continue;
        }
        let events = serde_json::from_str(&corpora.text(&file)?)
            .with_context(|| format!("cannot parse {file}"))?;
        golden.push(Golden {
            file,
            capture: format!("{SYSTEM}/{capture}"),
            settings: settings(&case["config"]),
            events,
        });
    }
    Ok(golden)
}

fn settings(config: &Yaml) -> Settings {
    let fingerprints = config["tls_fingerprints"]
        .as_vec()
        .map(|names| names.iter().filter_map(Yaml::as_str).map(str::to_owned).collect());
    let flag = |name: &str, default: bool| config[name].as_bool().unwrap_or(default);
    Settings {
        send_certificates: flag("tls_send_certificates", true),
        include_raw_certificates: flag("tls_include_raw_certificates", false),
        include_detailed_fields: flag("tls_include_detailed_fields", true),
        fingerprints: fingerprints.unwrap_or_else(|| vec!["sha1".to_owned()]),
    }
}

/// Compares every golden file.
///
/// # Errors
/// If one cannot be read.
pub(super) fn compare(corpora: &Corpora, outputs: &Outputs, tally: &mut Tally) -> Result<()> {
    for golden in read(corpora)? {
        let name = golden.file.rsplit('/').next().unwrap_or_default();
        let all = outputs.get(&golden.file).map_or(&[][..], Vec::as_slice);
        let mut pool: Vec<&Session> = all.iter().collect();
        for event in &golden.events {
            let text = |key: &str| event.get(key).map(session::text).unwrap_or_default();
            let end = |party: &str| {
                End::new(&text(&format!("{party}.ip")), &text(&format!("{party}.port")))
            };
            let ours = take(&mut pool, &Ends(end("client"), end("server")));
            let session = name.trim_end_matches("-expected.json").to_owned();
            let mut place =
                Place { tally: &mut *tally, oracle: NAME, capture: &golden.capture, session };
            let found = if ours.is_some() { "seen" } else { "not seen" };
            place.expect("session", "seen", Some(found.to_owned()));
            if let Some(ours) = ours {
                fields(&mut place, event, ours);
            }
        }
        tally.cannot(NAME, name, "@metadata.beat and @metadata.type name the program itself");
    }
    Ok(())
}

fn fields(place: &mut Place<'_>, event: &BTreeMap<String, Value>, ours: &Session) {
    for (key, value) in event.iter().filter(|(key, _)| !key.starts_with("@metadata")) {
        one(place, key, value, ours.at(key));
    }
    // What a setting turns off must not be there.
    for path in SWITCHED {
        if !event.keys().any(|key| key == path || key.starts_with(&format!("{path}."))) {
            let found = if ours.at(path).is_some() { "there" } else { "not there" };
            place.expect(path, "not there", Some(found.to_owned()));
        }
    }
}

/// Compares a value, and the members of objects in lists one by one.
fn one(place: &mut Place<'_>, key: &str, theirs: &Value, ours: Option<&Value>) {
    let objects = theirs.as_array().filter(|items| items.iter().any(Value::is_object));
    if let Some(items) = objects {
        let count = ours.and_then(Value::as_array).map_or(0, Vec::len);
        place.expect(&format!("{key} length"), &items.len().to_string(), Some(count.to_string()));
        for (index, item) in items.iter().enumerate() {
            one(place, key, item, ours.and_then(|list| list.get(index)));
        }
    } else if let Some(members) = theirs.as_object() {
        for (name, value) in members {
            one(place, &format!("{key}.{name}"), value, ours.and_then(|object| object.get(name)));
        }
    } else {
        place.expect(key, &plain(theirs), ours.map(plain));
    }
}

/// A scalar or a list as text, times without their fractions of a second and unknown code points
/// as tlsight writes them.
fn plain(value: &Value) -> String {
    match value.as_array() {
        Some(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        None => {
            let text = session::text(value);
            if let Some(code) = text.strip_prefix("(unknown:").and_then(|t| t.strip_suffix(')')) {
                return code.to_owned();
            }
            let is_time = text.len() >= 20 && text.ends_with('Z');
            let seconds = if is_time { normal::seconds(&text) } else { None };
            seconds.map_or(text, |seconds| format!("second {seconds}"))
        }
    }
}

/// What Packetbeat's settings switch.
const SWITCHED: &[&str] = &[
    "tls.detailed",
    "tls.detailed.server_certificate_chain",
    "tls.server.certificate_chain",
    "tls.server.hash.md5",
    "tls.server.hash.sha256",
    "tls.server.x509",
];

const SYSTEM: &str = "packetbeat/packetbeat/tests/system";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_files_have_their_settings() {
        let Some(corpora) = Corpora::for_tests() else { return };
        let golden = read(&corpora).unwrap();
        assert_eq!(golden.len(), 6);
        for case in &golden {
            assert!(corpora.path(&case.capture).is_file(), "{}", case.capture);
            assert_eq!(case.events.len(), 1, "{}", case.file);
        }
        let case = |name: &str| golden.iter().find(|case| case.file.contains(name)).unwrap();
        assert_eq!(case("tls_all_options").settings.fingerprints, ["md5", "sha1", "sha256"]);
        assert!(case("tls_all_options").settings.include_raw_certificates);
        assert!(!case("tls_not_detailed").settings.include_detailed_fields);
        assert!(!case("tls_no_certs").settings.send_certificates);
        assert!(case("tls_1_3").settings.send_certificates);
    }

    #[test]
    fn objects_in_lists_are_compared_member_by_member() {
        let theirs = serde_json::json!([{ "a": { "b": 1 }, "t": "2020-01-01T00:00:00.000Z" }]);
        let ours = serde_json::json!([{ "a": { "b": 2 }, "t": "2020-01-01T00:00:00.000000Z" }]);
        let mut tally = Tally::default();
        let mut place =
            Place { tally: &mut tally, oracle: NAME, capture: "c", session: String::new() };
        one(&mut place, "k", &theirs, Some(&ours));
        let out: Vec<_> = tally.rows.iter().map(|r| (r.field.as_str(), r.agrees())).collect();
        assert_eq!(out, [("k length", true), ("k.a.b", false), ("k.t", true)]);
    }
}
