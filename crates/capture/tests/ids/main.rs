//! Forged sessions, as Suricata and tshark see them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and skips aloud"
)]

mod gaps;
mod http1;
mod http2;
mod programs;
mod sessions;
