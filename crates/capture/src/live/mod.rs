//! Interfaces of Linux: packets in through a ring shared with the kernel, and out in batches.

mod capture;
mod error;
mod frame;
mod link;
mod options;
mod ring;
mod sender;
mod socket;
mod statistics;

pub use capture::{LiveCapture, RingBlock};
pub use error::LiveError;
pub use frame::{LivePacket, VlanTag};
pub use options::{
    DEFAULT_BLOCK_LEN, DEFAULT_BLOCKS, DEFAULT_RETIRE_MS, Fragments, FullRing, Interface,
    LiveOptions, Outgoing, Reception,
};
pub use sender::{PacketSender, QueueDiscipline};
pub use statistics::Statistics;
