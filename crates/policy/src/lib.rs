//! What TLS connections are worth: their posture, and the rules that judge it.
//!
//! The input is what tlsight writes: a line of JSON for a session, or for an edge with its count. It
//! becomes an [`Observation`], whoever wrote the line: a record of this process and one that an agent
//! sent are read by the same code.
#![warn(clippy::disallowed_methods)]

mod cipher;
mod entity;
mod line;
mod observation;
mod posture;
mod verdict;

pub use cipher::{Cipher, Encryption};
pub use entity::{Entity, EntityKind, NamedNetwork, Naming};
pub use line::NotAnObservation;
pub use observation::{Certificate, Fingerprints, Observation, Offer, Outcome, Party};
pub use posture::{CertificatePosture, Grade, Posture};
pub use verdict::Verdict;
