//! What people decide, and what must not be forgotten with the sessions.

mod account_tables;
mod accounts;
mod documents;
mod file;
mod fleet;
mod fleet_tables;
mod outbox;
mod replica;
mod replication;
mod rollout_tables;
mod violation_tables;
mod violations;

pub use accounts::{
    Accounts, AuditEntry, AuditOutcome, Login, Role, SecretDigest, SecretText, Token, User,
};
pub use documents::{Collection, Document, Documents, Expected};
pub use file::Control;
pub use fleet::{
    AgentCertificate, AgentReport, EnrolledAgent, EnrolmentToken, Fleet, Labels, NewAgent,
    NotEnrolled, Revocation, Rollout, RolloutState, Stage,
};
pub use outbox::{Outbox, Parcel, Queue};
pub use replica::{Decided, NotShared};
pub use replication::{AuthorityPem, Replication};
pub use violations::{
    Exclusion, Finding, OpenViolation, Reported, Resolve, VerdictCounts, Violation, ViolationId,
    ViolationQuery, ViolationState, Violations,
};
