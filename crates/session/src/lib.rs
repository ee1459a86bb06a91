//! Flows to TLS sessions: detection on any port, STARTTLS, DTLS, QUIC, and one event a session.
//!
//! [`Analyzer`] is sans-I/O: packets go in with [`Analyzer::handle_packet`], time passes with
//! [`Analyzer::handle_timeout`], and after each such call [`Analyzer::poll_event`] is to be drained.
#![warn(clippy::disallowed_methods)]

mod analyzer;
mod both;
mod context;
mod decryption;
mod detect;
mod handshake;
mod marks;
mod messages;
mod preamble;
mod report;
mod settings;
mod tcp;
mod udp;

pub use analyzer::Analyzer;
pub use context::DatagramSink;
pub use decryption::{Budget, Decryption, Extent, Patience, TextSink, Waits};
pub use settings::Settings;
