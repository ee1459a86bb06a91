//! Subjects of real sessions, and of sessions with something changed.

use event::Timestamp;
use policy::{Baseline, Entity, Finding, Naming, Observation, Policy, Rule, Subject, Verdict};
use serde_json::{Value, json};

use crate::captures::{lines, observation};

/// A session with all that a subject borrows.
pub(crate) struct Judged {
    pub(crate) seen: Observation,
    pub(crate) source: Entity,
    pub(crate) destination: Entity,
    pub(crate) now: Timestamp,
    pub(crate) baseline: Option<Baseline>,
}

impl Judged {
    /// The session with a number of a capture, at its own time.
    pub(crate) fn capture(name: &str, index: usize) -> Self {
        Self::line(&lines(name)[index])
    }

    /// What a line says, at its own time.
    pub(crate) fn line(line: &Value) -> Self {
        let seen = observation(line);
        let naming = Naming { host: Some("box".to_owned()), ..Naming::default() };
        let (source, destination) = seen.entities(&naming);
        let now = seen.last;
        Self { seen, source, destination, now, baseline: None }
    }

    /// The same at another time.
    pub(crate) fn at(mut self, now: &str) -> Self {
        self.now = now.parse().unwrap();
        self
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        let subject = Subject::of(&self.seen, &self.source, &self.destination, self.now);
        self.baseline.as_ref().map_or(subject, |baseline| subject.against(baseline))
    }

    /// What a rule with one group says of it.
    #[track_caller]
    pub(crate) fn ask(&self, field: &str, values: &[&str]) -> (Verdict, String) {
        let Finding { verdict, reason } = group(field, values).judge(&self.subject()).unwrap();
        (verdict, reason)
    }
}

/// A rule with one group.
#[track_caller]
pub(crate) fn group(field: &str, values: &[&str]) -> Rule {
    let values: Vec<Value> = values.iter().map(|value| json!({ "value": value })).collect();
    rule(&json!([{ "policyGroups": [{ "fieldName": field, "values": values }] }]))
}

/// A rule with these sections.
#[track_caller]
pub(crate) fn rule(sections: &Value) -> Rule {
    Rule::compile(policy(sections)).unwrap()
}

/// A policy with these sections.
pub(crate) fn policy(sections: &Value) -> Policy {
    let policy = json!({ "name": "test", "severity": "low", "policySections": sections });
    serde_json::from_value(policy).unwrap()
}
