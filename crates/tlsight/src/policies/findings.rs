//! What rules found, put together by rule, edge and posture.

use std::collections::BTreeMap;

use event::{Timestamp, Transport};
use policy::{Entity, Grade, Naming, Observation, Rule, Severity, Subject, Verdict};

use crate::at::At;
use crate::records::Taker;

/// Judges observations as they come.
pub(super) struct Judge {
    rules: Vec<Rule>,
    least: Severity,
    at: Option<Timestamp>,
    /// Which verdicts are kept one by one, and not only counted.
    keeps_all: bool,
    findings: BTreeMap<Key, Finding>,
    counts: Vec<Counts>,
    pub(super) sessions: u64,
    /// Of an edge and posture that there was no room for.
    pub(super) dropped: u64,
}

/// How often a rule gave which answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) pass: u64,
    pub(super) fail: u64,
    pub(super) unknown: u64,
    /// Violations that an exclusion covers.
    pub(super) excluded: u64,
}

/// What tells findings from each other; they come in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    verdict: std::cmp::Reverse<Verdict>,
    severity: std::cmp::Reverse<Severity>,
    rule: usize,
    source: String,
    destination: String,
    port: u16,
    posture: String,
}

/// An answer of a rule for a posture of an edge.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) rule: usize,
    pub(super) severity: Severity,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) source: Entity,
    pub(super) destination: Entity,
    pub(super) port: u16,
    pub(super) transport: Transport,
    pub(super) server_name: Option<String>,
    pub(super) posture: policy::Posture,
    pub(super) grade: Grade,
    pub(super) sessions: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Judge {
    /// Judges by these rules whatever is at least that severe.
    pub(super) fn new(rules: Vec<Rule>, least: Severity, at: Option<At>, keeps_all: bool) -> Self {
        let at = at.map(At::time);
        let counts = vec![Counts::default(); rules.len()];
        let findings = BTreeMap::new();
        Self { rules, least, at, keeps_all, findings, counts, sessions: 0, dropped: 0 }
    }

    /// The rules, each with its counts.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Rule, Counts)> {
        self.rules.iter().zip(self.counts.iter().copied())
    }

    /// The rule with a number.
    pub(super) fn rule(&self, number: usize) -> Option<&Rule> {
        self.rules.get(number)
    }

    /// What was found: violations first, the worst of them before the others.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values()
    }

    /// Whether a rule is violated.
    pub(super) fn is_violated(&self) -> bool {
        self.counts.iter().any(|counts| counts.fail > 0)
    }

    fn judge(&mut self, seen: &Observation, source: &Entity, destination: &Entity) {
        let now = self.at.unwrap_or(seen.last);
        let subject = Subject::of(seen, source, destination, now);
        let posture = seen.posture.id();
        for (number, (rule, counts)) in self.rules.iter().zip(&mut self.counts).enumerate() {
            let severity = rule.severity(now);
            if severity < self.least {
                continue;
            }
            let Some(policy::Finding { verdict, reason }) = rule.judge(&subject) else { continue };
            let is_excluded = verdict == Verdict::Fail && rule.exclusion(&subject).is_some();
            let count = match verdict {
                Verdict::Pass => &mut counts.pass,
                Verdict::Unknown => &mut counts.unknown,
                Verdict::Fail if is_excluded => &mut counts.excluded,
                Verdict::Fail => &mut counts.fail,
            };
            *count = count.saturating_add(seen.sessions);
            if is_excluded || !(self.keeps_all || verdict == Verdict::Fail) {
                continue;
            }
            let key = Key {
                verdict: std::cmp::Reverse(verdict),
                severity: std::cmp::Reverse(severity),
                rule: number,
                source: source.id.clone(),
                destination: destination.id.clone(),
                port: seen.server.port,
                posture: posture.clone(),
            };
            if let Some(known) = self.findings.get_mut(&key) {
                known.sessions = known.sessions.saturating_add(seen.sessions);
                known.first = known.first.min(seen.first);
                known.last = known.last.max(seen.last);
            } else if self.findings.len() < MAX_FINDINGS {
                let finding = Finding {
                    rule: number,
                    severity,
                    verdict,
                    reason,
                    source: source.clone(),
                    destination: destination.clone(),
                    port: seen.server.port,
                    transport: seen.transport,
                    server_name: seen.server_name.clone(),
                    posture: seen.posture.clone(),
                    grade: seen.posture.grade(),
                    sessions: seen.sessions,
                    first: seen.first,
                    last: seen.last,
                };
                self.findings.insert(key, finding);
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
        }
    }
}

impl Taker for Judge {
    fn take(&mut self, seen: Observation) {
        let (source, destination) = seen.entities(&Naming::default());
        self.sessions = self.sessions.saturating_add(seen.sessions);
        self.judge(&seen, &source, &destination);
    }
}

/// More than anybody reads; all of them take some hundred megabytes at most.
const MAX_FINDINGS: usize = 100_000;
