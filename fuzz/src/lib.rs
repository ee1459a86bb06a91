//! The bodies of the fuzz targets: a function each, of one input. `libfuzzer` drives them with new
//! inputs, and the tests with those of `corpus`.

mod engines;
mod input;
mod targets;

pub use engines::{capture_file, flow_engine, quic, session};
pub use input::{put_datagram, put_packet};
pub use targets::*;
