//! `tlsight escrow audit`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use escrow::audit::{AuditEvent, AuditLine, Head, Incident, verify};
use escrow::store::{segments, state_of};
use event::Timestamp;
use serde_json::json;

use super::folder::{Folder, verifying_key};
use crate::cli::AuditArgs;
use crate::{Outcome, message};

/// Verifies the audit log, and the archive if it is asked for.
///
/// # Errors
/// A log that was changed; files that cannot be read.
pub(super) fn run(args: &AuditArgs) -> Result<Outcome> {
    let folder = Folder(&args.folder.dir);
    let path = folder.audit_log();
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let known = known(args.checkpoint.as_deref())?;
    let mut lines = Vec::new();
    let key = verifying_key(&folder.audit_public())?;
    let mut log = BufReader::new(file);
    let head = verify(&mut log, &key, known, &mut |line| lines.push(line))
        .with_context(|| path.display().to_string())?;
    let mut out = io::stdout().lock();
    if args.json {
        for line in &lines {
            let time = time(line.time_ms);
            writeln!(
                out,
                "{}",
                json!({ "@timestamp": time, "sequence": line.sequence, "event": line.event })
            )?;
        }
    } else if args.gaps {
        print_gaps(&mut out, &lines)?;
    } else {
        print_sums(&mut out, &lines)?;
        writeln!(out, "the log verifies: {head}")?;
    }
    if let Some(path) = &args.checkpoint {
        fs::write(path, format!("{head}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !args.store {
        return Ok(Outcome::Done);
    }
    let findings = compare(&folder, &lines)?;
    for finding in &findings {
        message::error(finding);
    }
    if findings.is_empty() && !args.json {
        writeln!(out, "the archive is as the log says")?;
    }
    Ok(if findings.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

/// Where the log had come to when it was verified last.
fn known(checkpoint: Option<&Path>) -> Result<Option<Head>> {
    let Some(path) = checkpoint.filter(|path| path.exists()) else { return Ok(None) };
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    match Head::parse(&text) {
        Some(head) => Ok(Some(head)),
        None => bail!("{}: no checkpoint", path.display()),
    }
}

fn print_sums(out: &mut impl io::Write, lines: &[AuditLine]) -> Result<()> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        let value = serde_json::to_value(&line.event)?;
        let action = value.get("action").and_then(|it| it.as_str()).unwrap_or("other");
        *sums.entry(action.to_owned()).or_default() += 1;
    }
    for (action, count) in sums {
        writeln!(out, "{count:>8}  {action}")?;
    }
    Ok(())
}

/// Sessions that went on, were ended or lost without escrow, by agent and reason.
fn print_gaps(out: &mut impl io::Write, lines: &[AuditLine]) -> Result<()> {
    type Sum = (u64, u64, u64);
    let mut sums: BTreeMap<(&str, &str, &str), Sum> = BTreeMap::new();
    // A session waits for each of its messages.
    let mut known = BTreeSet::new();
    let mut unmentioned = 0_u64;
    for line in lines {
        if let AuditEvent::Unmentioned { count } = line.event {
            unmentioned = unmentioned.saturating_add(count);
        }
        let Some((kind, incident)) = incident(&line.event) else { continue };
        let key = (incident.agent.as_str(), kind, incident.reason.as_str());
        let (sessions, first, last) = sums.entry(key).or_insert((0, line.time_ms, line.time_ms));
        let is_known = incident.session.as_ref().is_some_and(|it| !known.insert((key, it)));
        *sessions = sessions.saturating_add(if is_known { 0 } else { incident.sessions });
        (*first, *last) = ((*first).min(line.time_ms), (*last).max(line.time_ms));
    }
    for ((agent, kind, reason), (sessions, first, last)) in &sums {
        let (first, last) = (time(*first), time(*last));
        writeln!(out, "{agent}: {sessions} sessions {kind}, {first} to {last}: {reason}")?;
    }
    if unmentioned > 0 {
        writeln!(
            out,
            "{unmentioned} more lines of incidents or refusals were not written one by one"
        )?;
    }
    if sums.is_empty() && unmentioned == 0 {
        writeln!(out, "no gaps")?;
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no incidents")]
const fn incident(event: &AuditEvent) -> Option<(&'static str, &Incident)> {
    match event {
        AuditEvent::FailOpen(incident) => Some(("went on", incident)),
        AuditEvent::Abort(incident) => Some(("were ended", incident)),
        AuditEvent::Gap(incident) => Some(("are lost", incident)),
        _ => None,
    }
}

/// What of the archive is not as the log says.
fn compare(folder: &Folder<'_>, lines: &[AuditLine]) -> Result<Vec<String>> {
    let store = folder.store();
    let names = segments(&store)?;
    let mut findings = Vec::new();
    let mut closed = BTreeMap::new();
    let mut removed = BTreeSet::new();
    for line in lines {
        if let AuditEvent::SegmentClosed { segment, entries, bytes, chain, .. } = &line.event {
            closed.insert(segment.clone(), (*entries, *bytes, chain.clone()));
        } else if let AuditEvent::SegmentRemoved { segment } = &line.event {
            removed.insert(segment.clone());
        }
    }
    for name in &names {
        let state = state_of(&name.file(&store))?;
        for damage in &state.damaged {
            findings.push(format!("{name}: {damage:?}"));
        }
        let found = (state.entries, state.bytes, state.chain.text());
        match closed.remove(&name.to_string()) {
            Some(told) if told != found => {
                let (entries, bytes, _) = told;
                findings.push(format!(
                    "{name}: {} entries in {} bytes, and there were {entries} in {bytes}",
                    state.entries, state.bytes,
                ));
            }
            Some(_) => {}
            // It is written to, or was when the service was killed.
            None if state.torn_bytes > 0 => findings.push(format!(
                "{name}: {} bytes at its end are no entry; unless the service is writing, they are damaged",
                state.torn_bytes
            )),
            None => {}
        }
    }
    for missing in closed.keys().filter(|segment| !removed.contains(*segment)) {
        findings.push(format!("{missing}: missing"));
    }
    Ok(findings)
}

fn time(ms: u64) -> String {
    let nanos = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Timestamp::from_nanos(nanos).to_rfc3339().to_string()
}
