//! The analyzer through its public API: packets in, events out.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by a panic")]

mod analysis;
mod bounds;
mod captures;
mod certificates;
mod complaints;
mod conversation;
mod decrypted;
mod decryption;
mod exactly_one_event;
mod flights;
mod messages;
mod packets;
mod peer_defects;
mod pre_shared_key;
mod schema;
mod splits;
