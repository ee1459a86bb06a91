//! Interfaces of Linux: packets in through a ring shared with the kernel, and out in batches.

mod capture;
mod device;
mod error;
mod frame;
mod interface_sink;
mod link;
mod options;
mod ring;
mod sender;
mod socket;
mod statistics;
mod tap;

pub use capture::{LiveCapture, RingBlock};
pub use error::LiveError;
pub use frame::{LivePacket, VlanTag};
pub use interface_sink::InterfaceSink;
pub use options::{
    DEFAULT_BLOCK_LEN, DEFAULT_BLOCKS, DEFAULT_RETIRE_MS, Fragments, FullRing, Interface,
    LiveOptions, Outgoing, Reception,
};
pub use sender::{PacketSender, QueueDiscipline};
pub use statistics::Statistics;
pub use tap::TapSink;
