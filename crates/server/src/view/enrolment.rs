//! Tokens by which agents enrol, as clients are told.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use store::Labels;
use utoipa::ToSchema;

/// A token by which agents enrol.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolmentToken {
    /// What tells it from others.
    pub(crate) id: String,
    /// What agents that enrol by it are.
    #[schema(value_type = Object)]
    pub(crate) labels: Labels,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Timestamp,
    /// Who made it.
    pub(crate) created_by: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires: Timestamp,
    /// How many agents may enrol by it.
    pub(crate) most_uses: u32,
    /// How many have.
    pub(crate) uses: u32,
    /// When the last of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_used: Option<Timestamp>,
    /// The token itself: only where it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The line by which a machine joins: only where the token is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) join_command: Option<String>,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEnrolmentToken {
    /// What agents that enrol by it are, such as `cluster` and `tenant`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) labels: Labels,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires: Timestamp,
    /// How many agents may enrol by it.
    #[schema(minimum = 1, maximum = 100_000)]
    pub(crate) most_uses: u32,
}

impl From<store::EnrolmentToken> for EnrolmentToken {
    fn from(token: store::EnrolmentToken) -> Self {
        let store::EnrolmentToken { id, labels, created, created_by, expires, .. } = token;
        Self {
            id,
            labels,
            created,
            created_by,
            expires,
            most_uses: token.most_uses,
            uses: token.uses,
            last_used: token.last_used,
            token: None,
            join_command: None,
        }
    }
}
