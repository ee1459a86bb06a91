//! Users, tokens, log-ins, and what they did.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use store::Role;
use utoipa::ToSchema;

use crate::secret::Secret;

/// What somebody may do.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the names that store::Role is written with")]
pub(crate) enum RoleName {
    Viewer,
    Operator,
    Admin,
}

/// Who is logged in, if anybody is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionInfo {
    /// Whether there is no user yet.
    pub(crate) setup_needed: bool,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// What they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    pub(crate) role: Option<Role>,
    /// What changes carry in the header `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) csrf_token: Option<String>,
    /// Version of the program.
    pub(crate) version: &'static str,
    /// Whether what is shown is made of samples.
    pub(crate) demo: bool,
}

/// The first user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// The token that the server printed.
    #[schema(value_type = String)]
    pub(crate) token: Secret,
    /// Name of the user.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@-]+$")]
    pub(crate) user: String,
    /// Password.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub(crate) password: Secret,
}

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// Name of the user.
    pub(crate) user: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    pub(crate) password: Secret,
}

/// Somebody who may log in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Name.
    pub(crate) name: String,
    /// What they may.
    #[schema(value_type = RoleName)]
    pub(crate) role: Role,
    /// When they were added.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Timestamp,
    /// When they logged in last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_login: Option<Timestamp>,
}

/// A user to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Name.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._@-]+$")]
    pub(crate) name: String,
    /// What they may.
    #[schema(value_type = RoleName)]
    pub(crate) role: Role,
    /// Password.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub(crate) password: Secret,
}

/// What is to change of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedUser {
    /// What they may.
    #[schema(value_type = Option<RoleName>)]
    pub(crate) role: Option<Role>,
    /// Password.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    pub(crate) password: Option<Secret>,
}

/// A token for programs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// What tells it from others.
    pub(crate) id: String,
    /// What it is for.
    pub(crate) name: String,
    /// What its bearer may.
    #[schema(value_type = RoleName)]
    pub(crate) role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Timestamp,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires: Option<Timestamp>,
    /// When it was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_used: Option<Timestamp>,
    /// The token itself: only where it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) name: String,
    /// What its bearer may.
    #[schema(value_type = RoleName)]
    pub(crate) role: Role,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires: Option<Timestamp>,
}

/// Something that somebody did, or tried to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) time: Timestamp,
    /// Who.
    pub(crate) actor: String,
    /// What.
    pub(crate) action: String,
    /// To what.
    pub(crate) target: String,
    /// From where.
    pub(crate) address: String,
    /// `ok` or `denied`.
    #[schema(value_type = String)]
    pub(crate) outcome: store::AuditOutcome,
}

impl From<store::User> for User {
    fn from(user: store::User) -> Self {
        let store::User { name, role, created, last_login, .. } = user;
        Self { name, role, created, last_login }
    }
}

impl From<store::Token> for Token {
    fn from(token: store::Token) -> Self {
        let store::Token { id, name, role, created, expires, last_used } = token;
        Self { id, name, role, created, expires, last_used, token: None }
    }
}

impl From<store::AuditEntry> for AuditEntry {
    fn from(entry: store::AuditEntry) -> Self {
        let store::AuditEntry { time, actor, action, target, address, outcome } = entry;
        Self { time, actor, action, target, address, outcome }
    }
}
