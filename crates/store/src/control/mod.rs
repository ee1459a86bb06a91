//! What people decide, and what must not be forgotten with the sessions.

mod accounts;
mod documents;
mod outbox;
mod violations;

pub use accounts::{
    Accounts, AuditEntry, AuditOutcome, Login, Role, SecretDigest, SecretText, Token, User,
};
pub use documents::{Collection, Document, Documents, Expected};
pub use outbox::{Outbox, Parcel, Queue};
pub use violations::{
    Exclusion, Finding, Resolve, Severity, VerdictCounts, Violation, ViolationId, ViolationQuery,
    ViolationState, Violations,
};
