//! Sinks and the real things that take their lines, with restarts in between; deliveries are counted.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says when it cannot run"
)]

mod elastic;
mod file;
mod kafka;
mod otlp;
mod queueing;
mod syslog;
mod world;
