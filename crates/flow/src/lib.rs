//! Packets to flows: decapsulation, IP reassembly, TCP reassembly and the flow table.
//!
//! An [`Engine`] takes packets and the time that they carry, and hands the bytes of each flow to an
//! [`Application`]. All that it keeps is bounded by [`Limits`], and all that it drops is in
//! [`Counters`].
#![warn(clippy::disallowed_methods)]

mod application;
mod buffer_pool;
mod bulk;
mod clock;
mod connection;
mod counters;
mod decap;
mod engine;
mod flow;
mod fragment;
mod hash;
mod key;
mod limits;
mod per_direction;
mod pieces;
mod sighting;
mod slot_index;
mod table;
mod tcp;

pub use application::{Application, Direction, EndReason, FlowAnomaly, Interest, Progress};
pub use bulk::BulkFlow;
pub use counters::Counters;
pub use engine::Engine;
pub use flow::{Flow, Tunnel};
pub use limits::Limits;
pub use sighting::{Lookout, Sighting};
