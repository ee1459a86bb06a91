//! Traffic keys of TLS 1.3, and the records of one direction.

mod keys;
mod opener;
mod psk;

pub use opener::{Stage, Tls13Opened, Tls13Opener, TrafficSecrets};
pub use psk::ExternalPsk;
