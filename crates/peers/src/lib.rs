//! Many who come to one: when they come back after a failure, and how many are let in at once.
//!
//! Nothing here opens a connection or reads a clock.
#![warn(clippy::disallowed_methods)]

mod backoff;
mod places;

pub use backoff::{Backoff, jittered};
pub use places::{ConnectionPlace, HandshakePlace, PlaceLimits, Places};
