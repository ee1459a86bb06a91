//! Bytes on the wire: a bounded reader, and borrowed views of link, network and transport headers.
//!
//! Nothing here keeps state, allocates or knows what a flow is.
#![warn(clippy::disallowed_methods)]

mod packet;
mod reader;

pub use packet::{LinkType, Packet};
pub use reader::{Reader, Truncated};
