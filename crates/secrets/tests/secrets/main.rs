//! Secrets through the public API.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod key_log;
mod openers;
