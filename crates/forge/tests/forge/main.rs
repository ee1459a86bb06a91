//! Records in, frames out.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod read;
mod round_trip;
mod sessions;
