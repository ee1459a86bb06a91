//! HTTP/2 connections through the public API: bytes in, messages of HTTP/1.1 out.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod conversation;
mod detection;
mod exchanges;
mod holes;
mod late;
mod recorded;
