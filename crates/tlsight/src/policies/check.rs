//! `tlsight policy check`.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;
use event::{Losses, Timestamp, Transport};
use policy::{Entity, Grade, Severity, Verdict};
use serde::Serialize;

use super::args::CheckArgs;
use super::findings::{Finding, Judge};
use super::list::severity;
use super::selection;
use crate::Outcome;
use crate::output::{Cell, Grid, Page, Palette, Tone, cipher_forms, grouped, loss, write_loss};
use crate::records::{self, Looked};
use crate::setup::{add_loss, line_columns};

/// Judges sessions by policies.
///
/// # Errors
/// Policies or settings that make no sense, or a standard output that cannot be written to.
pub(super) fn run(args: CheckArgs) -> Result<Outcome> {
    let rules = selection::rules(selection::packs(&args.selection)?)?;
    let judge = Judge::new(rules, args.severity.severity(), args.at, args.all);
    let Looked { taker: judge, mut losses, is_complete } = records::read(args.records, judge)?;
    add_loss(&mut losses, loss::ENTRIES_OVER_LIMIT, judge.dropped);
    let is_terminal = io::stdout().is_terminal();
    let mut out = Vec::new();
    if args.json {
        for finding in judge.findings() {
            json_line(&judge, finding, &mut out)?;
        }
    } else {
        let palette = Palette::choose(args.color, is_terminal);
        let page = Page { columns: line_columns(is_terminal), palette };
        write(&judge, args.all, &losses, page, &mut out);
    }
    io::stdout().write_all(&out)?;
    Ok(match (judge.is_violated(), is_complete) {
        (true, _) => Outcome::Violated,
        (false, true) => Outcome::Done,
        (false, false) => Outcome::Incomplete,
    })
}

fn write(judge: &Judge, shows_all: bool, losses: &Losses, page: Page, out: &mut Vec<u8>) {
    let mut titles = vec!["SEVERITY", "POLICY", "EDGE", "POSTURE", "SESSIONS", "REASON"];
    if shows_all {
        titles.insert(0, "VERDICT");
    }
    let mut grid = Grid::new(titles);
    for finding in judge.findings() {
        let id = judge.rule(finding.rule).map_or("", |rule| rule.policy().id.as_str());
        let mut cells = vec![
            severity(finding.severity),
            Cell::plain(id),
            Cell::plain(&edge(finding)),
            Cell::new(&posture(finding), grade_tone(finding.grade)),
            Cell::plain(&grouped(finding.sessions)),
            Cell::plain(&finding.reason),
        ];
        if shows_all {
            cells.insert(0, verdict(finding.verdict));
        }
        grid.row(cells);
    }
    if judge.findings().next().is_some() {
        grid.write(page.columns, page.palette, out);
        out.push(b'\n');
    }
    write_counts(judge, page, out);
    write_loss(losses, page, out);
}

fn write_counts(judge: &Judge, page: Page, out: &mut Vec<u8>) {
    let mut grid = Grid::new(vec!["POLICY", "SEVERITY", "FAIL", "UNKNOWN", "PASS", "EXCLUDED"]);
    let count = |count: u64, tone: Tone| {
        Cell::new(&grouped(count), if count == 0 { Tone::Dim } else { tone })
    };
    for (rule, counts) in judge.rules() {
        let policy = rule.policy();
        let all = [counts.fail, counts.unknown, counts.pass, counts.excluded];
        if all.into_iter().all(|count| count == 0) {
            continue;
        }
        grid.row(vec![
            Cell::plain(&policy.id),
            severity(policy.severity),
            count(counts.fail, Tone::Bad),
            count(counts.unknown, Tone::Notice),
            count(counts.pass, Tone::Good),
            count(counts.excluded, Tone::Plain),
        ]);
    }
    grid.write(page.columns, page.palette, out);
    out.extend_from_slice(format!("\nSessions  {}\n", grouped(judge.sessions)).as_bytes());
}

/// `client -> server:port (name)`.
fn edge(finding: &Finding) -> String {
    let (source, destination) = (name(&finding.source), name(&finding.destination));
    let asked = finding.server_name.as_deref().filter(|asked| *asked != finding.destination.name);
    let asked = asked.map(|asked| format!(" ({asked})")).unwrap_or_default();
    format!("{source} -> {destination}:{}{asked}", finding.port)
}

fn name(entity: &Entity) -> String {
    match &entity.namespace {
        Some(namespace) => format!("{namespace}/{}", entity.name),
        None => entity.name.clone(),
    }
}

/// `TLS1.3 AES256-GCM x25519`.
fn posture(finding: &Finding) -> String {
    let posture = &finding.posture;
    let Some(version) = &posture.version else { return "-".to_owned() };
    let protocol = posture.version_protocol.as_deref().unwrap_or("tls").to_ascii_uppercase();
    let cipher = posture.cipher.as_deref().map_or(String::new(), |name| {
        let [.., shortest] = cipher_forms(name);
        format!(" {shortest}")
    });
    let group = posture.group.as_deref().map_or(String::new(), |group| format!(" {group}"));
    format!("{protocol}{version}{cipher}{group}")
}

const fn grade_tone(grade: Grade) -> Tone {
    match grade {
        Grade::Plain | Grade::Legacy => Tone::Bad,
        Grade::Tls12 | Grade::Tls13 => Tone::Plain,
        Grade::Pq => Tone::Good,
        Grade::Unknown => Tone::Dim,
    }
}

fn verdict(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::Pass => Cell::new("pass", Tone::Good),
        Verdict::Unknown => Cell::new("unknown", Tone::Notice),
        Verdict::Fail => Cell::new("fail", Tone::Bad),
    }
}

/// One finding in JSON.
#[derive(Serialize)]
struct Line<'a> {
    policy: &'a str,
    policy_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_source: Option<&'a str>,
    severity: Severity,
    verdict: Verdict,
    reason: &'a str,
    source: &'a Entity,
    destination: &'a Entity,
    port: u16,
    protocol: Transport,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    grade: Grade,
    posture_id: String,
    posture: &'a policy::Posture,
    sessions: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

fn json_line(judge: &Judge, finding: &Finding, out: &mut Vec<u8>) -> Result<()> {
    let Some(rule) = judge.rule(finding.rule) else { return Ok(()) };
    let policy = rule.policy();
    let line = Line {
        policy: &policy.id,
        policy_name: &policy.name,
        pack: policy.pack.as_deref(),
        policy_source: policy.source.as_deref(),
        severity: finding.severity,
        verdict: finding.verdict,
        reason: &finding.reason,
        source: &finding.source,
        destination: &finding.destination,
        port: finding.port,
        protocol: finding.transport,
        server_name: finding.server_name.as_deref(),
        grade: finding.grade,
        posture_id: finding.posture.id(),
        posture: &finding.posture,
        sessions: finding.sessions,
        first_seen: finding.first,
        last_seen: finding.last,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}
