//! What notifiers tell: all that may be said of a violation, in words that need no store.

use std::collections::BTreeMap;

use event::{
    Timestamp, ToJson as _, ViolatedRule, ViolationBody, ViolationEnd, ViolationEvent,
    ViolationMeta, ViolationNetwork, ViolationParty,
};
use policy::Severity;
use serde::{Deserialize, Serialize};

use crate::judge::rules::RuleSet;
use crate::view::violation::Violation;

/// Something that a notifier tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) event: Event,
    /// When it happened.
    pub(crate) time: Timestamp,
    pub(crate) id: String,
    pub(crate) policy: String,
    pub(crate) policy_name: String,
    pub(crate) description: String,
    pub(crate) rationale: Option<String>,
    pub(crate) remediation: Option<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) source: End,
    pub(crate) destination: End,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) server_names: Vec<String>,
    pub(crate) edge: String,
    /// The posture, as the API tells it.
    pub(crate) posture: serde_json::Value,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) sessions: u64,
    /// Ids of the notifiers that the policy names; all, if it names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notifiers: Vec<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    /// A violation is there.
    Active,
    /// It is gone.
    Resolved,
    /// Somebody wants to see whether this arrives.
    Test,
}

/// One end of the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) cluster: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) workload_kind: Option<String>,
}

impl Notice {
    /// What is to be told of a violation.
    pub(crate) fn of(violation: Violation, event: Event, rules: &RuleSet, time: Timestamp) -> Self {
        let rule = rules.rule(&violation.policy);
        let policy = rule.map(|rule| rule.policy().clone());
        let text = |get: fn(policy::Policy) -> Option<String>| policy.clone().and_then(get);
        Self {
            event,
            time,
            id: violation.id,
            policy: violation.policy,
            policy_name: violation.policy_name,
            description: text(|policy| Some(policy.description)).unwrap_or_default(),
            rationale: text(|policy| policy.rationale),
            remediation: text(|policy| policy.remediation),
            categories: policy.clone().map(|policy| policy.categories).unwrap_or_default(),
            severity: violation.severity,
            message: violation.message,
            source: violation.edge.source.end(),
            destination: violation.edge.destination.end(),
            port: violation.edge.port,
            protocol: violation.edge.protocol.to_owned(),
            server_names: violation.edge.server_names,
            edge: violation.edge.id,
            posture: serde_json::to_value(&violation.posture).unwrap_or_default(),
            first_seen: violation.first_seen,
            last_seen: violation.last_seen,
            sessions: violation.sessions,
            notifiers: policy.map(|policy| policy.notifiers).unwrap_or_default(),
        }
    }

    /// What is sent to see whether it arrives.
    pub(crate) fn test(now: Timestamp) -> Self {
        let end = |name: &str| End {
            id: format!("host:{name}"),
            kind: "host".to_owned(),
            name: name.to_owned(),
            cluster: None,
            namespace: None,
            workload_kind: None,
        };
        Self {
            event: Event::Test,
            time: now,
            id: "0".repeat(32),
            policy: "test".to_owned(),
            policy_name: "Test of the notifier".to_owned(),
            description: "Somebody pressed the button that sends this.".to_owned(),
            rationale: None,
            remediation: None,
            categories: Vec::new(),
            severity: Severity::Low,
            message: "this is a test; nothing is wrong".to_owned(),
            source: end("client.example"),
            destination: end("server.example"),
            port: 443,
            protocol: "tcp".to_owned(),
            server_names: vec!["server.example".to_owned()],
            edge: "0".repeat(32),
            posture: serde_json::Value::Null,
            first_seen: now,
            last_seen: now,
            sessions: 0,
            notifiers: Vec::new(),
        }
    }

    /// A line for outlets, as tlsight writes its lines; none of a test.
    pub(crate) fn line(&self) -> Option<Vec<u8>> {
        let action = match self.event {
            Event::Active => "active",
            Event::Resolved => "resolved",
            Event::Test => return None,
        };
        let party = |end: &End, port| ViolationParty { address: end.name.clone(), port };
        let line = ViolationEvent {
            timestamp: self.time,
            event: ViolationMeta {
                kind: "alert",
                category: ["network"],
                types: ["info"],
                dataset: "tlsight.violation",
                action,
            },
            message: self.message.clone(),
            rule: ViolatedRule {
                id: self.policy.clone(),
                name: self.policy_name.clone(),
                description: self.description.clone(),
            },
            source: party(&self.source, None),
            destination: party(&self.destination, Some(self.port)),
            network: ViolationNetwork { transport: self.protocol.clone(), protocol: "tls" },
            tlsight: ViolationBody { violation: self.violation() },
        };
        let mut text = Vec::new();
        line.write_json(&mut text);
        text.push(b'\n');
        Some(text)
    }

    fn violation(&self) -> event::Violation {
        event::Violation {
            id: self.id.clone(),
            severity: self.severity.name(),
            edge: self.edge.clone(),
            source: self.source.told(),
            destination: self.destination.told(),
            server_names: self.server_names.clone(),
            posture: self.posture_texts(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            sessions: self.sessions,
        }
    }

    /// One line for people.
    pub(crate) fn headline(&self) -> String {
        let what = match self.event {
            Event::Active => self.severity.name(),
            Event::Resolved => "resolved",
            Event::Test => "test",
        };
        let (from, to) = (&self.source.name, &self.destination.name);
        format!("[{what}] {}: {from} to {to}:{}", self.policy_name, self.port)
    }

    /// What is known of the posture, by name: version, cipher suite, group and the like.
    pub(crate) fn posture_texts(&self) -> BTreeMap<String, String> {
        let facts = self.posture.as_object().into_iter().flatten();
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Some(value.to_string()),
            serde_json::Value::Null
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        };
        facts.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
    }
}

impl End {
    fn told(&self) -> ViolationEnd {
        let Self { id, kind, name, cluster, namespace, workload_kind } = self.clone();
        ViolationEnd { id, kind, name, cluster, namespace, workload_kind }
    }
}
