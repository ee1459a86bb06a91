//! The clear text of connections as TCP/IP packets that mimic them.
//!
//! A [`Record`] says what happened to a connection's clear text; whoever copied or decrypted it tells
//! records, and whoever wants packets, or another host to make them, takes records.
#![warn(clippy::disallowed_methods)]

mod record;

pub use record::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
