//! Reports of observed cryptography, for auditors and for whoever migrates.
//!
//! Whoever knows what was seen gives it as [`Use`]s, one for each posture of each edge: from a capture
//! or from a store. Nothing here reads a clock, a file or a socket. What does not fit into the bounds
//! is counted, and the report says so.
#![warn(clippy::disallowed_methods)]

mod cbom;
mod certificates;
mod csv;
mod html;
mod icalendar;
mod inventory;
mod kind;
mod readiness;
mod sheet;
mod usage;

pub use cbom::{Cbom, CbomVersion};
pub use certificates::Certificates;
pub use inventory::Inventory;
pub use kind::{Format, Kind, Report, Unsupported};
pub use readiness::Readiness;
pub use usage::{Head, Use};
