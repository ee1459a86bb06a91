//! Packets in and out: capture files, and interfaces on Linux.
//!
//! Forged frames go to a [`FrameSink`]. Packets come in blocks, borrowed from where the capture put them: a [`Block`] that a
//! [`FileReader`] fills, or a block of the ring that [`LiveCapture`] shares with the kernel.

mod block;
mod file;
#[cfg(target_os = "linux")]
mod live;
mod sink;

pub use block::{Block, More};
pub use file::{
    Beginning, Damage, DecryptionSecrets, FileReader, Filled, Notes, OpenError, PcapWriter,
    PcapngWriter, Piece, ReadError, RewriteError, Rewritten, SecretsRewriter, SecretsType, Stream,
};
#[cfg(target_os = "linux")]
pub use live::{
    DEFAULT_BLOCK_LEN, DEFAULT_BLOCKS, DEFAULT_RETIRE_MS, Fragments, FullRing, Interface,
    InterfaceSink, LiveCapture, LiveError, LiveOptions, LivePacket, Outgoing, PacketSender,
    QueueDiscipline, Reception, RingBlock, Statistics, TapSink, VlanTag,
};
pub use sink::{FileSink, FrameSink, SinkCounters, SinkError};
