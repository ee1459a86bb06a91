//! Policies, packs and criteria.

use policy::{Criterion as Known, Policy, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::edge::{Edge, Posture};

/// A policy: what is wrong, how bad that is, and what to do about it, in the shape of StackRox's.
#[derive(ToSchema)]
#[schema(as = Policy, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the JSON of policy::Policy")]
pub(crate) struct PolicyShape {
    /// What tells it from others; one is made if it is empty.
    #[schema(required = false)]
    id: String,
    /// Its name.
    name: String,
    /// What it finds.
    #[schema(required = false)]
    description: String,
    /// Why that is wrong.
    rationale: Option<String>,
    /// What to do about it.
    remediation: Option<String>,
    /// Whether it is switched off.
    #[schema(required = false)]
    disabled: bool,
    /// How bad it is.
    #[schema(value_type = super::violation::SeverityName)]
    severity: String,
    /// Headings under which it is listed.
    #[schema(required = false)]
    categories: Vec<String>,
    /// The pack that it came with.
    pack: Option<String>,
    /// The document that it follows.
    source: Option<String>,
    /// What is wrong: any of these.
    #[schema(required = false)]
    policy_sections: Vec<SectionShape>,
    /// What is wrong, as an expression in CEL in place of sections.
    expression: Option<String>,
    /// Where it holds.
    #[schema(required = false)]
    scope: Vec<ScopeShape>,
    /// What it is not held against.
    #[schema(required = false)]
    exclusions: Vec<ExclusionShape>,
    /// Ids of notifiers; all, if it names none.
    #[schema(required = false)]
    notifiers: Vec<String>,
    /// When it comes into force.
    #[schema(format = DateTime)]
    from: Option<String>,
}

/// One way to be wrong: all of its groups hold.
#[derive(ToSchema)]
#[schema(as = PolicySection, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the JSON of policy::PolicySection")]
struct SectionShape {
    /// A heading.
    section_name: Option<String>,
    /// What holds together.
    policy_groups: Vec<GroupShape>,
}

/// One criterion and its values.
#[derive(ToSchema)]
#[schema(as = PolicyGroup, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes the JSON of policy::PolicyGroup")]
struct GroupShape {
    /// Name of the criterion.
    field_name: String,
    /// `OR` or `AND`.
    #[schema(required = false, pattern = "^(OR|AND)$")]
    boolean_operator: String,
    /// Whether the opposite is meant.
    #[schema(required = false)]
    negate: bool,
    /// The values.
    values: Vec<ValueShape>,
}

/// A value.
#[derive(ToSchema)]
#[schema(as = PolicyValue)]
#[expect(dead_code, reason = "it only describes the JSON of policy::PolicyValue")]
struct ValueShape {
    /// In the syntax of its criterion.
    value: String,
}

/// Where a policy holds.
#[derive(ToSchema)]
#[schema(as = PolicyScope)]
#[expect(dead_code, reason = "it only describes the JSON of policy::Scope")]
struct ScopeShape {
    /// Pattern of the cluster.
    cluster: Option<String>,
    /// Pattern of the namespace.
    namespace: Option<String>,
    /// A label.
    label: Option<LabelShape>,
}

/// A label.
#[derive(ToSchema)]
#[schema(as = PolicyLabel)]
#[expect(dead_code, reason = "it only describes the JSON of policy::ScopeLabel")]
struct LabelShape {
    /// Its key.
    key: String,
    /// Pattern of its value.
    #[schema(required = false)]
    value: String,
}

/// What a policy is not held against.
#[derive(ToSchema)]
#[schema(as = PolicyExclusion)]
#[expect(dead_code, reason = "it only describes the JSON of policy::Exclusion")]
struct ExclusionShape {
    /// Its name.
    name: String,
    /// Pattern of the namespace.
    namespace: Option<String>,
    /// Pattern of an entity's id or name.
    entity: Option<String>,
    /// Why.
    reason: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expiration: Option<String>,
}

/// What policies may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Criterion {
    /// Its name.
    name: &'static str,
    /// What it looks at.
    description: &'static str,
    /// How values are written.
    values: String,
    /// Values that make sense.
    examples: &'static [&'static str],
    /// All values that there are, where these are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<&'static [&'static str]>,
    /// What expressions call it.
    variable: String,
    /// Whether it may be several values at once.
    is_list: bool,
}

impl From<Known> for Criterion {
    fn from(known: Known) -> Self {
        let Known { name, description, values, examples, choices, variable, is_list } = known;
        Self { name, description, values, examples, choices, variable, is_list }
    }
}

/// Policies that belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pack {
    /// What tells it from others.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: String,
    /// Date of its content.
    pub(crate) version: String,
    /// The documents that it follows.
    pub(crate) source: String,
    /// Whether it is on.
    pub(crate) enabled: bool,
    /// How many policies it has.
    pub(crate) policies: usize,
}

/// Whether a pack is to be on.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// Whether it is to be on.
    pub(crate) enabled: bool,
}

/// A policy to try on what was seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRunAsked {
    /// The policy.
    #[schema(value_type = PolicyShape)]
    pub(crate) policy: Policy,
    /// How far back, such as `24h`.
    #[schema(pattern = "^[0-9]{1,4}[mhd]$")]
    pub(crate) last: Option<String>,
}

/// What a policy would say.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct DryRun {
    /// Postures of edges that it does not forbid.
    pub(crate) pass: u64,
    /// Those that break it.
    pub(crate) fail: u64,
    /// Those of which too little is known.
    pub(crate) unknown: u64,
    /// Some of them, broken ones first.
    pub(crate) examples: Vec<Example>,
}

/// What a policy would say of one posture of one edge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Example {
    /// The edge.
    pub(crate) edge: Edge,
    /// The posture.
    pub(crate) posture: Posture,
    /// `pass`, `fail` or `unknown`.
    #[schema(value_type = String)]
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) reason: String,
}
