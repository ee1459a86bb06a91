//! The folder of tests: one `test.yaml` each.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use yaml_rust2::{Yaml, YamlLoader};

use crate::conformance::oracle::Corpora;

/// One check that concerns TLS or QUIC.
pub(super) struct Check {
    /// Path of the test below the folder of tests.
    pub(super) test: String,
    /// Number of the check, counted from 1.
    pub(super) number: usize,
    /// The capture, if it is there.
    pub(super) capture: Option<String>,
    /// How many of Suricata's events match.
    pub(super) count: Option<u64>,
    fields: Vec<(String, String)>,
    has_keys: Vec<String>,
    lacks_keys: bool,
    older_only: bool,
    skipped: bool,
    inline: bool,
    bypass: bool,
}

impl Check {
    /// The keys and values that an event has to have, without its type.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .filter(|&(k, _)| k != "event_type")
    }

    /// The value of a key.
    pub(super) fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The keys that an event has to have, whatever the value.
    pub(super) fn has_keys(&self) -> impl Iterator<Item = &str> {
        self.has_keys.iter().map(String::as_str).filter(|key| concerns(key))
    }

    /// Whether it is about QUIC rather than TLS over TCP.
    pub(super) fn about_quic(&self) -> bool {
        let key = |name: &String| name.starts_with("quic.");
        self.field("event_type") == Some("quic")
            || self.fields.iter().any(|(name, _)| key(name))
            || self.has_keys.iter().any(key)
    }

    /// Whether its count is that of sessions.
    pub(super) fn counts(&self) -> bool {
        self.field("event_type") == Some("tls") && !self.inline && !self.bypass
    }

    /// Why nothing of it can be compared.
    pub(super) fn reason(&self) -> Option<String> {
        let comparable = || self.fields().any(|(key, _)| super::fields::known(key));
        let reason = if self.skipped {
            "the test runs only in builds of Suricata that lack a feature"
        } else if self.older_only {
            "the check is for an older Suricata only"
        } else if self.capture.is_none() {
            "the test has no capture in the folder"
        } else if self.lacks_keys {
            "a field that Suricata's settings or an older version leave out"
        } else if self.about_quic() && !comparable() && self.has_keys().next().is_none() {
            "Suricata counts QUIC packets with something to log, not sessions"
        } else if self.inline && !comparable() {
            "the count depends on what Suricata's rules drop or let pass"
        } else if self.bypass && !comparable() {
            "the count depends on Suricata's bypass settings"
        } else if !self.counts() && !comparable() && self.has_keys().next().is_none() {
            "the count is that of alerts"
        } else {
            return None;
        };
        Some(reason.to_owned())
    }
}

/// Reads every check that concerns TLS or QUIC.
///
/// # Errors
/// If a test cannot be read.
pub(super) fn read(corpora: &Corpora) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for file in corpora.files(TESTS, "test.yaml")? {
        let text = corpora.text(&file)?;
        let documents =
            YamlLoader::load_from_str(&text).with_context(|| format!("cannot parse {file}"))?;
        let Some(test) = documents.first() else {
            continue;
        };
        let folder = Path::new(&file).parent().unwrap_or(Path::new(""));
        let capture = capture(corpora, folder, &test["pcap"])?;
        let name = folder.strip_prefix(TESTS).unwrap_or(folder).display().to_string();
        for (index, entry) in test["checks"].as_vec().into_iter().flatten().enumerate() {
            checks.extend(check(test, &entry["filter"], &name, index + 1, capture.clone()));
        }
    }
    Ok(checks)
}

fn check(
    test: &Yaml,
    filter: &Yaml,
    name: &str,
    number: usize,
    capture: Option<String>,
) -> Option<Check> {
    let matches = filter["match"].as_hash()?;
    let keys = |name: &str| match &filter["match"][name] {
        Yaml::Array(items) => items.iter().filter_map(Yaml::as_str).map(str::to_owned).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let lacks = keys("not-has-key").iter().any(|key| concerns(key));
    let has_keys = keys("has-key");
    let pairs = matches.iter().filter_map(|(key, value)| Some((key.as_str()?, value)));
    let fields: Vec<(String, String)> = pairs
        .filter(|(key, _)| !matches!(*key, "has-key" | "not-has-key"))
        .map(|(key, value)| (key.to_owned(), text(value)))
        .collect();
    let relevant = fields.iter().any(|(key, value)| {
        concerns(key) || (key == "event_type" && matches!(value.as_str(), "tls" | "quic"))
    });
    if !relevant && !lacks && !has_keys.iter().any(|key| concerns(key)) {
        return None;
    }
    let arguments = text(&test["args"]);
    let older = |requires: &Yaml| {
        !requires["lt-version"].is_badvalue() || !requires["version"].is_badvalue()
    };
    Some(Check {
        test: name.to_owned(),
        number,
        capture,
        count: filter["count"].as_i64().and_then(|count| u64::try_from(count).ok()),
        fields,
        has_keys,
        lacks_keys: lacks,
        older_only: older(&test["requires"]) || older(&filter["requires"]),
        skipped: !test["skip"].is_badvalue(),
        inline: arguments.contains("simulate") || name.starts_with("firewall"),
        bypass: name.contains("bypass"),
    })
}

fn concerns(key: &str) -> bool {
    ["tls.", "quic."].into_iter().any(|prefix| key.starts_with(prefix))
}

/// The capture of a test: the one it names, or the only one of its folder.
fn capture(corpora: &Corpora, folder: &Path, named: &Yaml) -> Result<Option<String>> {
    if let Some(name) = named.as_str() {
        let path = normalised(&folder.join(name)).display().to_string();
        return Ok(corpora.path(&path).is_file().then_some(path));
    }
    let folder = folder.display().to_string();
    let files = corpora.files(&folder, "")?;
    let is_capture = |file: &&String| {
        let here = file.strip_prefix(&folder).is_some_and(|rest| !rest[1..].contains('/'));
        here && (file.ends_with(".pcap") || file.ends_with(".pcapng"))
    };
    Ok(files.iter().find(is_capture).cloned())
}

/// The path without `..`.
fn normalised(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(flag) => flag.to_string(),
        Yaml::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        Yaml::Hash(_) | Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => String::new(),
    }
}

const TESTS: &str = "suricata-verify/tests";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_about_tls_or_quic_is_found() {
        let Some(corpora) = Corpora::for_tests() else { return };
        let checks = read(&corpora).unwrap();
        assert_eq!(checks.len(), 140);
        let with = |key: &str| checks.iter().filter(|check| check.field(key).is_some()).count();
        assert_eq!(with("tls.version"), 39);
        assert_eq!(with("tls.ja3.hash"), 11);
        assert_eq!(with("tls.sni"), 41);
        let check = checks.iter().find(|c| c.test == "tls/tls-eve-custom-fields").unwrap();
        let capture = check.capture.as_deref().unwrap();
        assert_eq!(capture, "suricata-verify/tests/tls/tls-store-02/tls-client-auth.pcap");
        assert!(check.reason().is_none());
    }

    #[test]
    fn paths_lose_their_parent_folders() {
        assert_eq!(normalised(Path::new("a/b/../c/../../d")), Path::new("d"));
    }
}
