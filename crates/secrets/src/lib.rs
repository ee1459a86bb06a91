//! The secrets of sessions, and what they open: key logs, key schedules, records.
//!
//! This is the only crate that holds a secret. Types that do are wiped when dropped and have neither
//! `Debug` nor `Clone`; a secret is read out by a method that begins with `dangerous_`. Nothing here
//! takes part in a handshake: it all works on copies of what others have sent, so operations need not
//! take constant time.
#![warn(clippy::disallowed_methods)]

mod hkdf;
mod key_log;
mod legacy;
mod prf;
mod protection;
mod quic;
mod rsa;
mod secret;
mod session_secrets;
mod store;
mod suite;
mod tls13;

pub use key_log::{
    KeyLogCounts, KeyLogEntry, KeyLogReader, Label, LineError, dangerous_key_log_lines,
};
pub use legacy::{LegacyOpener, LegacyRecord, LegacySession, ticket_id};
pub use quic::QuicOpener;
pub use rsa::{RsaKey, RsaKeyError};
pub use secret::Secret;
pub use session_secrets::{Origin, Role, SessionSecrets, SessionStage, ShortText};
pub use store::KeyStore;
pub use suite::{Hash, Suite};
pub use tls13::{ExternalPsk, Stage, Tls13Opened, Tls13Opener, TrafficSecrets};
