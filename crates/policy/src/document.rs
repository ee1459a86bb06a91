//! A policy as people write it and the API carries it: the shape of StackRox's policies.

use event::Timestamp;
use serde::{Deserialize, Serialize};

/// A policy: what is wrong, how bad that is, and what to do about it.
///
/// As in StackRox, it describes what is *wrong*: sections are alternatives, the groups of a section
/// hold together, and the values of a group are alternatives unless its operator says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What tells it from others. Those of a pack begin with the pack's id.
    #[serde(default)]
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it finds.
    #[serde(default)]
    pub description: String,
    /// Why that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// How bad it is.
    pub severity: Severity,
    /// Headings under which it is listed.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Id of the pack that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Document that it follows, with the section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is wrong: any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_sections: Vec<PolicySection>,
    /// What is wrong, as an expression in CEL in place of sections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Where it holds: any of these, or everywhere if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<Scope>,
    /// What it is not to be held against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// Ids of the notifiers that its violations go to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifiers: Vec<String>,
    /// When it comes into force; before that it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Severities that it gets with time; the last whose time has come counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severity_from: Vec<SeverityFrom>,
}

/// One way to be wrong: all of its groups hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySection {
    /// A heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    /// What holds together.
    pub policy_groups: Vec<PolicyGroup>,
}

/// One criterion and the values that it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyGroup {
    /// Name of the criterion.
    pub field_name: String,
    /// Whether one of the values is enough.
    #[serde(default)]
    pub boolean_operator: BooleanOperator,
    /// Whether the opposite is meant.
    #[serde(default)]
    pub negate: bool,
    /// The values.
    pub values: Vec<PolicyValue>,
}

/// One value of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyValue {
    /// The value, in the syntax of its criterion.
    pub value: String,
}

/// How the values of a group are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BooleanOperator {
    /// One is enough.
    #[default]
    Or,
    /// All must hold.
    And,
}

/// Where a policy holds: for edges one end of which is all of this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Pattern of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Pattern of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<ScopeLabel>,
}

/// A label of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeLabel {
    /// Its key.
    pub key: String,
    /// Pattern of its value.
    #[serde(default)]
    pub value: String,
}

/// What a policy is not to be held against: edges one end of which is all of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Its name.
    pub name: String,
    /// Pattern of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Pattern of the entity's id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Why.
    pub reason: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Timestamp>,
}

/// How bad it is when a policy is violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// To be planned.
    Medium,
    /// To be done soon.
    High,
    /// To be done at once.
    Critical,
}

/// A severity that a policy has from some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeverityFrom {
    /// When it begins.
    pub from: Timestamp,
    /// The severity.
    pub severity: Severity,
}

impl Policy {
    /// How bad it is at some time.
    #[must_use]
    pub fn severity_at(&self, now: Timestamp) -> Severity {
        let begun = self.severity_from.iter().filter(|step| step.from <= now);
        begun.max_by_key(|step| step.from).map_or(self.severity, |step| step.severity)
    }

    /// Whether it is in force at some time.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !self.disabled && self.from.is_none_or(|from| from <= now)
    }
}

impl Severity {
    /// All of them, from the least.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
