//! Agents and a server of their protocol, over real TLS.
#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]

mod batches;
mod certificates;
mod disk;
mod hostile;
mod membership;
mod sending;
mod world;
