//! The clear text of connections as TCP/IP packets that mimic them.
//!
//! A [`Record`] says what happened to a connection's clear text; whoever copied or decrypted it tells
//! records, and whoever wants packets, or another host to make them, takes records. A [`Forger`] makes
//! [`Frames`] of them; [`Http2ToHttp1`] goes in front of it for an IDS that knows HTTP/1.1 better.
#![warn(clippy::disallowed_methods)]

mod connection;
mod counters;
mod forger;
mod frames;
mod http2_to_http1;
mod lanes;
mod record;
mod redaction;
mod settings;

pub use counters::Counters;
pub use forger::Forger;
pub use frames::{Frame, Frames};
pub use http2_to_http1::{Http2ToHttp1, StageCounters, StageLimits, Streams};
pub use record::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
pub use redaction::{Redactor, SECRET_HEADERS};
pub use settings::{Mtu, PortMap, Settings};
