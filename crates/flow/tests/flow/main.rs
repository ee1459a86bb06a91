//! The engine through its public API: packets in, calls to an application out.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by a panic")]

mod bounds;
mod fragments;
mod lifecycle;
mod links;
mod packets;
mod recorder;
mod sharding;
mod streams;
mod talk;
mod tunnels;
mod whole_streams;
