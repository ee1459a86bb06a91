//! What TLS connections are worth: their posture, and the rules that judge it.
//!
//! The input is what tlsight writes: a line of JSON for a session, or for an edge with its count. It
//! becomes an [`Observation`], whoever wrote the line: a record of this process and one that an agent
//! sent are read by the same code. A [`Policy`] is compiled to a [`Rule`], which judges a [`Subject`].
#![warn(clippy::disallowed_methods)]

mod baseline;
mod cipher;
mod criterion;
mod document;
mod entity;
mod expression;
mod file;
mod line;
mod migration;
mod observation;
mod pack;
mod policy_error;
mod posture;
mod rule;
mod subject;
mod verdict;

pub use baseline::{Baseline, Drift};
pub use cipher::{Cipher, Encryption, Mode};
pub use criterion::Criterion;
pub use document::{
    BooleanOperator, Exclusion, Policy, PolicyGroup, PolicySection, PolicyValue, Scope, ScopeLabel,
    Severity, SeverityFrom,
};
pub use entity::{Entity, EntityKind, NamedNetwork, Naming};
pub use file::{read_policies, write_stackrox};
pub use line::NotAnObservation;
pub use migration::{Blocker, Migration, ServerAbility};
pub use observation::{Certificate, Fingerprints, Observation, Offer, Outcome, Party};
pub use pack::Pack;
pub use policy_error::{Flaw, Place, PolicyError};
pub use posture::{CertificatePosture, Grade, Posture, any_post_quantum};
pub use rule::{Finding, Rule};
pub use subject::Subject;
pub use verdict::Verdict;
