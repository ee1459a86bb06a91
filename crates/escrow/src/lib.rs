//! Escrow of session secrets: ends of sessions seal what they have, by tier, to keys that were given in
//! advance; a service keeps the archive copies, which it cannot read, and passes live copies on to
//! monitors; a broker releases what was asked for and approved.
//!
//! Nothing in clear is on any disk, and the service never has it in memory.

pub mod audit;
pub mod hpke;
pub mod keys;
mod malformed;
pub mod seal;
pub mod store;
pub mod tier;

pub use malformed::Malformed;
