//! What breaks a policy.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::edge::{Edge, Posture};

/// How bad it is.
#[derive(ToSchema)]
#[schema(as = Severity, rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the names that policy::Severity is written with")]
pub(crate) enum SeverityName {
    Low,
    Medium,
    High,
    Critical,
}

/// What became of a violation.
#[derive(ToSchema)]
#[schema(as = ViolationState, rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "it only describes the names that store::ViolationState is written with"
)]
pub(crate) enum StateName {
    Active,
    Resolved,
    Snoozed,
    Excluded,
}

/// A posture of an edge that breaks a policy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Violation {
    /// What tells it from others.
    pub(crate) id: String,
    /// Id of the policy.
    pub(crate) policy: String,
    /// Name of the policy.
    pub(crate) policy_name: String,
    /// How bad it is.
    #[schema(value_type = SeverityName)]
    pub(crate) severity: policy::Severity,
    /// What became of it.
    #[schema(value_type = StateName)]
    pub(crate) state: store::ViolationState,
    /// Where.
    pub(crate) edge: Edge,
    /// With which posture.
    pub(crate) posture: Posture,
    /// What is wrong.
    pub(crate) message: String,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// When it was last seen.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
    /// Since when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) resolved_at: Option<Timestamp>,
    /// In how many sessions.
    pub(crate) sessions: u64,
    /// Until when nobody wants to hear of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) snoozed_until: Option<Timestamp>,
    /// Until when somebody takes responsibility.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) excluded_until: Option<Timestamp>,
    /// Why it is snoozed or excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Until when nobody wants to hear of it, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snooze {
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) until: Timestamp,
    /// Why.
    #[schema(min_length = 1, max_length = 1024)]
    pub(crate) reason: String,
}

/// Why somebody takes responsibility, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclude {
    /// Why.
    #[schema(min_length = 1, max_length = 1024)]
    pub(crate) reason: String,
    /// Until when; for ever if absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expiration: Option<Timestamp>,
}

impl Violation {
    /// The violation as it is to be told now.
    pub(crate) fn of(violation: store::Violation, edge: Edge, posture: Posture) -> Self {
        let store::Violation { id, finding, state, resolved_at, snoozed_until, .. } = violation;
        Self {
            id: id.to_string(),
            policy: finding.policy,
            policy_name: finding.policy_name,
            severity: finding.severity,
            state,
            edge,
            posture,
            message: finding.message,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            resolved_at,
            sessions: finding.sessions,
            snoozed_until,
            excluded_until: violation.excluded_until,
            reason: violation.reason,
        }
    }
}
