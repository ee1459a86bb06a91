//! What was done with secrets, when and by whom: a log in which no line can be changed, left out or put in
//! between without being found.
//!
//! A line is a signature (Ed25519), a space, and what is signed as JSON: its number, its time, the digest of
//! the line before, and what happened. Lines that are missing at the end are found with a [`Head`] that
//! somebody keeps elsewhere.

mod event;
mod log;
mod verify;

pub use event::{AuditEvent, Incident};
pub use log::{AuditError, AuditLog};
pub use verify::{AuditLine, Head, NotVerified, verify};
