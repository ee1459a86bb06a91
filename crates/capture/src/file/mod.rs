//! Capture files: reading pcap and pcapng, plain or compressed, and writing pcap and pcapng.

mod error;
mod order;
mod pcap;
mod pcapng;
mod piece;
mod reader;
mod recognise;
mod secrets;
mod source;
mod writer;
mod zstd;

pub use error::{Beginning, Damage, OpenError, ReadError, Stream};
pub use pcapng::{PcapngWriter, RewriteError, Rewritten, SecretsRewriter};
pub use piece::{Filled, Piece};
pub use reader::{FileReader, Notes};
pub use secrets::{DecryptionSecrets, SecretsType};
pub use writer::PcapWriter;

/// Longest packet a record may claim, in bytes. Linux makes packets of at most 512 KiB (BIG TCP,
/// `GSO_MAX_SIZE`), and libpcap records at most 256 KiB of one by default; twice the former leaves
/// no honest Ethernet or IP capture out and lets a damaged length be seen as such.
const MAX_PACKET_LEN: u32 = 1 << 20;

/// How far a look at unread bytes got.
pub(crate) struct Indexed {
    /// Bytes of whole records, to be dropped before the next look.
    consumed: usize,
    /// Why it stopped there.
    stop: Stop,
}

pub(crate) enum Stop {
    /// The next record is not all there.
    Partial(Partial),
    /// The bytes after the consumed ones are no record.
    Damaged(Damage),
}

/// What is missing of a record that has not been read to its end.
#[derive(Clone, Copy)]
pub(crate) struct Partial {
    part: Part,
    /// Bytes of the record in front of the part.
    lead: usize,
    /// Length of the part.
    need: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Part {
    RecordHeader,
    Packet,
    BlockHeader,
    Block,
}

impl Partial {
    /// The damage it is if the file ends with only `have` bytes of the record.
    const fn damage(self, have: usize) -> Damage {
        let (have, need) = (have.saturating_sub(self.lead), self.need);
        match self.part {
            Part::RecordHeader => Damage::RecordHeaderCut { have, need },
            Part::Packet => Damage::PacketCut { have, need },
            Part::BlockHeader => Damage::BlockHeaderCut { have, need },
            Part::Block => Damage::BlockCut { have, need },
        }
    }
}
