//! Escrow, through its public interface.

mod audit;
mod epochs;
mod formats;
mod hostile;
mod hpke;
mod live;
mod release;
mod service;
mod statements;
mod store;
mod tiers;
mod world;
