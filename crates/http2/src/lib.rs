//! HTTP/2 connections that somebody listens to, as messages of HTTP/1.1.
//!
//! A [`Translator`] reads the frames of both directions (RFC 9113), also from the middle of a
//! connection, and tells what each stream would have said in HTTP/1.1 (RFC 9112). It answers nothing
//! and enforces little: what one end sent is told, as far as the other could have understood it.
#![warn(clippy::disallowed_methods)]

mod counters;
mod detection;
mod exchange;
mod fields;
mod frame;
mod hpack;
mod message;
mod reader;
mod translator;

pub use counters::Counters;
pub use detection::{Detection, Verdict};
pub use fields::{Field, Fields};
pub use frame::{Flags, FrameHeader, FrameType, StreamId};
pub use hpack::{Decoder, HpackError};
pub use translator::{Ending, Event, Scratch, Sender, Translator};
