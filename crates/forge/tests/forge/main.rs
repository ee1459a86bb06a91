//! Records in, frames out.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod read;
#[cfg(test)]
mod redaction;
mod round_trip;
mod sessions;
mod stage;
