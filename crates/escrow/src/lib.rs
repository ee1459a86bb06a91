//! Escrow of session secrets: ends of sessions seal what they have, by tier, to keys that were given in
//! advance; a service keeps the archive copies, which it cannot read, and passes live copies on to
//! monitors; a broker releases what was asked for and approved.
//!
//! Nothing in clear is on any disk, and the service never has it in memory.

pub mod audit;
pub mod beacon;
mod client;
mod clock;
pub mod hpke;
pub mod keys;
mod malformed;
mod monitor;
pub mod release;
pub mod seal;
mod service;
pub mod store;
pub mod tier;
pub mod wire;

pub use client::{
    CannotDeliver, Client, ClientCounters, ClientSettings, HandshakeSecrets, IncidentKind, Outcome,
    RefusedDelivery, Wait,
};
pub use malformed::Malformed;
pub use monitor::{Monitor, MonitorCounters, MonitorSettings, Sink};
pub use service::{CannotServe, Service, ServiceCounters, ServiceLimits, ServiceSettings};

/// Port at which services listen.
pub const DEFAULT_PORT: u16 = 3006;
