//! Packets in and out: capture files, and interfaces on Linux.
//!
//! Packets come in blocks, borrowed from where the capture put them: a [`Block`] that a
//! [`FileReader`] fills.

mod block;
mod file;

pub use block::{Block, More};
pub use file::{
    Beginning, Damage, DecryptionSecrets, FileReader, Notes, OpenError, PcapWriter, ReadError,
    SecretsType, Stream,
};
