//! Header compression (RFC 7541), read by somebody who may have come late.

mod decoder;
mod integer;
mod static_table;
mod table;

pub use decoder::{Decoder, HpackError};
