//! Secrets through the public API.
#![cfg(test)]

mod key_log;
mod openers;
