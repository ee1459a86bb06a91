//! The clear text of connections as TCP/IP packets that mimic them.
//!
//! A [`Record`] says what happened to a connection's clear text; whoever copied or decrypted it tells
//! records, and whoever wants packets, or another host to make them, takes records. A [`Forger`] makes
//! [`Frames`] of them.
#![warn(clippy::disallowed_methods)]

mod connection;
mod counters;
mod forger;
mod frames;
mod lanes;
mod record;
mod settings;

pub use counters::Counters;
pub use forger::Forger;
pub use frames::{Frame, Frames};
pub use record::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
pub use settings::{Mtu, PortMap, Settings};
