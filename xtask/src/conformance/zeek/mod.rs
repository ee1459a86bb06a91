//! Zeek's baselines of `ssl.log`, `x509.log` and `quic.log`.

mod log;
mod quic;
mod ssl;
mod x509;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use self::log::Line;
use super::compare::{Row, Tally};
use super::oracle::{Corpora, Sessions, sessions_of};
use super::session::Session;

/// `ssl.log`.
pub(super) const SSL: &str = "Zeek ssl.log";
/// `x509.log`.
pub(super) const X509: &str = "Zeek x509.log";
/// `quic.log`.
pub(super) const QUIC: &str = "Zeek quic.log";

/// One log file of a baseline, and the captures that it may be about.
struct Baseline {
    name: String,
    oracle: &'static str,
    captures: Vec<String>,
    lines: Vec<Line>,
}

impl Baseline {
    /// The capture of a line about a connection: the one that has it, or else the first.
    fn capture_of(&self, line: &Line, sessions: &Sessions) -> Option<&str> {
        let ends = line.ends();
        let has = |capture: &&String| {
            let found = sessions_of(sessions, capture);
            ends.as_ref().is_some_and(|ends| found.iter().any(|s| s.ends().same(ends)))
        };
        let capture = self.captures.iter().find(has).or_else(|| self.captures.first());
        capture.map(String::as_str)
    }
}

/// The sessions that no line of the same log has claimed.
type Pool<'a> = BTreeMap<&'a str, Vec<&'a Session>>;

/// Compares every log.
///
/// # Errors
/// If a log cannot be read.
pub(super) fn compare(corpora: &Corpora, sessions: &Sessions, tally: &mut Tally) -> Result<()> {
    let names = super::names::Names::load()?;
    let mut own = Tally::default();
    for baseline in read(corpora)? {
        if baseline.lines.is_empty() {
            own.cannot(baseline.oracle, &baseline.name, "a cut log without names of its columns");
            continue;
        }
        if baseline.captures.is_empty() {
            own.cannot(baseline.oracle, &baseline.name, "its capture is not in the folder");
            continue;
        }
        let mut pool: Pool<'_> = sessions
            .iter()
            .map(|(name, all)| (name.as_str(), all.sessions.iter().collect()))
            .collect();
        match baseline.oracle {
            X509 => x509::compare(&baseline, sessions, &mut own),
            QUIC => quic::compare(&baseline, sessions, &mut pool, &mut own),
            _ => ssl::compare(&baseline, sessions, &mut pool, &names, &mut own),
        }
    }
    // Several baselines come from the same capture and say the same.
    let mut seen = BTreeSet::new();
    own.rows.retain(|row| seen.insert(identity(row)));
    tally.rows.append(&mut own.rows);
    tally.incomparable.append(&mut own.incomparable);
    Ok(())
}

fn identity(row: &Row) -> [Option<String>; 6] {
    let Row { oracle, capture, session, field, theirs, ours } = row.clone();
    [Some(oracle.to_owned()), Some(capture), Some(session), Some(field), theirs, ours]
}

fn read(corpora: &Corpora) -> Result<Vec<Baseline>> {
    let traces = traces(corpora)?;
    let mut baselines = Vec::new();
    for file in corpora.files(BASELINES, "")? {
        let Some((folder, name)) = file.strip_prefix(BASELINES).and_then(|f| f.rsplit_once('/'))
        else {
            continue;
        };
        let Some(oracle) = oracle_of(name) else {
            continue;
        };
        let test = folder.trim_start_matches('/').split('/').next().unwrap_or_default();
        baselines.push(Baseline {
            name: file.clone(),
            oracle,
            captures: traces.get(test).cloned().unwrap_or_default().into_iter().collect(),
            lines: log::read(&corpora.text(&file)?),
        });
    }
    Ok(baselines)
}

fn oracle_of(file: &str) -> Option<&'static str> {
    if !file.contains(".log") {
        return None;
    }
    let stem = file.rsplit('.').find_map(|part| {
        [("ssl", SSL), ("x509", X509), ("quic", QUIC)]
            .into_iter()
            .find(|(prefix, _)| part.starts_with(prefix))
    });
    stem.map(|(_, oracle)| oracle)
}

/// The captures of each baseline: from the folder's list, the tests' commands, and what neither
/// says.
fn traces(corpora: &Corpora) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut traces: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in corpora.text("README.md")?.lines() {
        let Some((capture, rest)) = line.strip_prefix("- `").and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        for tail in rest.split("testing/btest/Baseline/").skip(1) {
            let name = tail.split(['/', ',']).next().unwrap_or_default();
            traces.entry(name.to_owned()).or_default().insert(capture.to_owned());
        }
    }
    for file in corpora.files(TESTS, "")? {
        let Some(name) = file.strip_prefix(TESTS).filter(|_| !file.contains("/Baseline/")) else {
            continue;
        };
        let Some((stem, "test" | "zeek")) = name.trim_start_matches('/').rsplit_once('.') else {
            continue;
        };
        let text = corpora.text(&file)?;
        for tail in text.split("$TRACES/").skip(1) {
            let trace = tail.split_whitespace().next().unwrap_or_default();
            add(&mut traces, &stem.replace('/', "."), trace);
        }
    }
    let known: Traces = toml::from_str(include_str!("../../../conformance/zeek_traces.toml"))
        .context("zeek_traces.toml")?;
    for (test, captures) in &known.traces {
        captures.iter().for_each(|trace| add(&mut traces, test, trace));
    }
    Ok(traces)
}

fn add(traces: &mut BTreeMap<String, BTreeSet<String>>, test: &str, trace: &str) {
    traces.entry(test.to_owned()).or_default().insert(format!("{TESTS}/Traces/{trace}"));
}

#[derive(Deserialize)]
struct Traces {
    traces: BTreeMap<String, Vec<String>>,
}

const TESTS: &str = "zeek/testing/btest";

const BASELINES: &str = "zeek/testing/btest/Baseline";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_has_lines_and_captures_that_exist() {
        let Some(corpora) = Corpora::for_tests() else { return };
        let baselines = read(&corpora).unwrap();
        assert_eq!(baselines.len(), 114);
        let cut: Vec<&str> =
            baselines.iter().filter(|b| b.lines.is_empty()).map(|b| b.name.as_str()).collect();
        assert_eq!(cut.len(), 2, "{cut:?}");
        for baseline in &baselines {
            assert!(!baseline.captures.is_empty(), "{}", baseline.name);
            for capture in &baseline.captures {
                assert!(corpora.path(capture).is_file(), "{}: {capture}", baseline.name);
            }
        }
        let lines: usize = baselines.iter().map(|baseline| baseline.lines.len()).sum();
        assert!(lines > 150, "{lines}");
    }

    #[test]
    fn a_log_is_known_by_its_name() {
        for (file, oracle) in [
            ("ssl.log", Some(SSL)),
            ("ssl1_2.log", Some(SSL)),
            ("tls-12.x509.log", Some(X509)),
            ("quic.log.no-discarded-packets", Some(QUIC)),
            ("conn.log", None),
            ("ssl-error", None),
        ] {
            assert_eq!(oracle_of(file), oracle, "{file}");
        }
    }
}
