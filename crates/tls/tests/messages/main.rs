//! Messages, fingerprints and shapes, through the public API.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod client_hello;
mod fingerprint;
mod hello;
mod server_messages;
mod shape;
mod sslv2;
