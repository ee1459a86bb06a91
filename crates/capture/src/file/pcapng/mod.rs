//! The pcapng format (draft-ietf-opsawg-pcapng).

mod interface;
mod options;
mod packet;
mod rewrite;
mod sealed;
mod writer;

use self::interface::Interface;
use self::packet::PacketBlock;
pub use self::rewrite::{RewriteError, Rewritten, SecretsRewriter};
use self::sealed::{Assembly, CUSTOM_BLOCK, SealedPart};
pub use self::writer::PcapngWriter;
use super::error::Damage;
use super::order::Order;
use super::reader::Notes;
use super::secrets::{DecryptionSecrets, SecretsType};
use super::{Indexed, MAX_PACKET_LEN, Part, Partial, Stop};
use crate::block::{Record, position};

/// A pcapng file and the section being read.
pub(crate) struct PcapngReader {
    order: Order,
    interfaces: Vec<Interface>,
    secrets: Vec<DecryptionSecrets>,
    secrets_len: usize,
    sealed: Assembly,
    last_timestamp_ns: i64,
    notes: Notes,
}

impl PcapngReader {
    pub(crate) fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            secrets: Vec::new(),
            secrets_len: 0,
            sealed: Assembly::default(),
            last_timestamp_ns: 0,
            notes: Notes::NONE,
        }
    }

    pub(crate) fn secrets(&self) -> &[DecryptionSecrets] {
        &self.secrets
    }

    pub(crate) fn sealed(&self) -> &[Box<[u8]>] {
        self.sealed.whole()
    }

    pub(crate) const fn notes(&self) -> Notes {
        self.notes
    }

    pub(crate) fn index(
        &mut self,
        bytes: &[u8],
        start: usize,
        records: &mut Vec<Record>,
    ) -> Indexed {
        let mut rest = bytes;
        let stop = loop {
            let frame = match self.frame(rest) {
                Ok(frame) => frame,
                Err(stop) => break stop,
            };
            let body_start = start + (bytes.len() - rest.len()) + BLOCK_HEADER_LEN;
            if let Err(damage) = self.block(&frame, body_start, records) {
                break Stop::Damaged(damage);
            }
            rest = frame.after;
        };
        Indexed::new(bytes.len() - rest.len(), stop)
    }

    /// Takes the block at the front of `bytes` apart.
    #[inline]
    fn frame<'a>(&mut self, bytes: &'a [u8]) -> Result<Frame<'a>, Stop> {
        let Some((&[k0, k1, k2, k3, l0, l1, l2, l3], _)) = bytes.split_first_chunk() else {
            return Err(cut(Part::BlockHeader, BLOCK_HEADER_LEN));
        };
        let kind = self.order.u32([k0, k1, k2, k3]);
        if kind == SECTION_HEADER {
            let head = bytes.first_chunk().ok_or(cut(Part::BlockHeader, START_LEN))?;
            self.order = byte_order(head).map_err(Stop::Damaged)?;
        }
        let len = self.order.u32([l0, l1, l2, l3]);
        if len > MAX_BLOCK_LEN {
            let damage = Damage::BlockTooLong { kind, len, max: MAX_BLOCK_LEN };
            return Err(Stop::Damaged(damage));
        }
        let body_len = (len as usize).checked_sub(BLOCK_HEADER_LEN + TRAILER_LEN);
        let Some(body_len) = body_len.filter(|_| len.is_multiple_of(4)) else {
            return Err(Stop::Damaged(Damage::BlockLength { kind, len }));
        };
        let Some((block, after)) = bytes.split_at_checked(len as usize) else {
            return Err(cut(Part::Block, len as usize));
        };
        let (_, block) = block.split_at(BLOCK_HEADER_LEN);
        let (body, trailer) = block.split_at(body_len);
        let trailer = trailer.first_chunk().map_or(0, |trailer| self.order.u32(*trailer));
        if trailer != len {
            return Err(Stop::Damaged(Damage::BlockTrailer { len, trailer }));
        }
        Ok(Frame { kind, len, body, after })
    }

    #[inline]
    fn block(
        &mut self,
        frame: &Frame<'_>,
        body_start: usize,
        records: &mut Vec<Record>,
    ) -> Result<(), Damage> {
        let packet = match frame.kind {
            ENHANCED_PACKET => PacketBlock::enhanced(self.order, frame.body),
            SIMPLE_PACKET => PacketBlock::simple(self.order, frame.body, &self.interfaces),
            OBSOLETE_PACKET => PacketBlock::obsolete(self.order, frame.body),
            _ => return self.other_block(frame),
        };
        let packet = packet.ok_or(frame.impossible_length())?;
        records.push(self.record(&packet, body_start)?);
        Ok(())
    }

    #[inline]
    fn record(&mut self, packet: &PacketBlock, body_start: usize) -> Result<Record, Damage> {
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            let described = self.interfaces.len();
            return Err(Damage::UnknownInterface { interface: packet.interface, described });
        };
        let len = packet.len;
        if len > MAX_PACKET_LEN {
            return Err(Damage::PacketTooLong { len, max: MAX_PACKET_LEN });
        }
        if len as usize > packet.room {
            return Err(Damage::PacketBeyondBlock { len, room: packet.room });
        }
        match packet.time.map(|units| interface.timestamp_ns(units)) {
            Some(Ok(timestamp_ns)) => self.last_timestamp_ns = timestamp_ns,
            Some(Err(nearest)) => {
                self.last_timestamp_ns = nearest;
                self.notes.clamped_timestamps = self.notes.clamped_timestamps.saturating_add(1);
            }
            None => self.notes.untimed_packets = self.notes.untimed_packets.saturating_add(1),
        }
        Ok(Record {
            timestamp_ns: self.last_timestamp_ns,
            start: position(body_start.saturating_add(packet.lead)),
            len,
            wire_len: packet.wire_len.max(len),
            link_type: interface.link_type,
        })
    }

    #[cold]
    fn other_block(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        match frame.kind {
            SECTION_HEADER => self.section_header(frame),
            INTERFACE_DESCRIPTION => self.interface_description(frame),
            DECRYPTION_SECRETS => self.decryption_secrets(frame),
            CUSTOM_BLOCK => {
                self.custom(frame);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn section_header(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        let Some((&[_, _, _, _, a, b, c, d, ..], _)) =
            frame.body.split_first_chunk::<SECTION_BODY_LEN>()
        else {
            return Err(frame.impossible_length());
        };
        let (major, minor) = (self.order.u16([a, b]), self.order.u16([c, d]));
        // 1.2 is what some writers put in and means the same as 1.0.
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(Damage::SectionVersion { major, minor });
        }
        self.interfaces.clear();
        Ok(())
    }

    fn interface_description(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Damage::TooManyInterfaces { max: MAX_INTERFACES });
        }
        let interface = Interface::parse(self.order, frame.body)?;
        self.interfaces.push(interface.ok_or(frame.impossible_length())?);
        Ok(())
    }

    /// Takes a block of ours; others mean nothing here.
    fn custom(&mut self, frame: &Frame<'_>) {
        let Some(part) = SealedPart::parse(self.order, frame.body) else { return };
        if !self.sealed.take(&part) {
            self.notes.dropped_secrets = self.notes.dropped_secrets.saturating_add(1);
        }
    }

    fn decryption_secrets(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        let Some((&[k0, k1, k2, k3, l0, l1, l2, l3], rest)) = frame.body.split_first_chunk() else {
            return Err(frame.impossible_length());
        };
        let kind = SecretsType(self.order.u32([k0, k1, k2, k3]));
        let len = self.order.u32([l0, l1, l2, l3]) as usize;
        let bytes = rest.get(..len).ok_or(frame.impossible_length())?;
        let total = self.secrets_len.saturating_add(len);
        if total > MAX_SECRETS_LEN || self.secrets.len() >= MAX_SECRETS_BLOCKS {
            self.notes.dropped_secrets = self.notes.dropped_secrets.saturating_add(1);
        } else {
            self.secrets_len = total;
            self.secrets.push(DecryptionSecrets::new(kind, bytes));
        }
        Ok(())
    }
}

/// One whole block, and the bytes after it.
struct Frame<'a> {
    kind: u32,
    len: u32,
    body: &'a [u8],
    after: &'a [u8],
}

impl Frame<'_> {
    const fn impossible_length(&self) -> Damage {
        Damage::BlockLength { kind: self.kind, len: self.len }
    }
}

/// The byte order of a section, from the first bytes of its header.
pub(crate) fn byte_order(start: &[u8; START_LEN]) -> Result<Order, Damage> {
    let &[.., a, b, c, d] = start;
    let magic = [a, b, c, d];
    Order::spelling(BYTE_ORDER_MAGIC, magic)
        .ok_or(Damage::ByteOrder { magic: u32::from_be_bytes(magic) })
}

const fn cut(part: Part, need: usize) -> Stop {
    Stop::Partial(Partial { part, lead: 0, need })
}

/// Type of a Section Header Block; the same in either byte order.
pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Bytes from the start of a section to the end of its byte-order magic.
pub(crate) const START_LEN: usize = 12;
const BLOCK_HEADER_LEN: usize = 8;
const TRAILER_LEN: usize = 4;

/// Byte-order magic, version and section length.
const SECTION_BODY_LEN: usize = 16;

/// Longest block, in bytes: what Wireshark and libpcap allow (both 16 MiB).
const MAX_BLOCK_LEN: u32 = 16 << 20;

/// Most interfaces of one section: as many as the obsolete Packet Block could number. It bounds
/// memory to 3 MiB.
const MAX_INTERFACES: usize = 1 << 16;

/// Most bytes of secrets kept. A session's lines in a key log are about 1 KiB, so this is for the
/// sessions of a very large capture, and still harmless to hold.
const MAX_SECRETS_LEN: usize = 64 << 20;

/// Most blocks of secrets kept, so that empty ones cannot fill memory: one a session in the
/// captures that have the most.
const MAX_SECRETS_BLOCKS: usize = 1 << 16;
