//! How fuzz targets cut their input into packets, and what drives the larger engines with them.

mod engines;
mod input;

pub use engines::{capture_file, flow_engine, quic_connections, session};
pub use input::{Datagrams, Packets, put_datagram, put_packet};
