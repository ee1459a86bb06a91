//! Writing pcapng.

use std::io::{self, Write};

use wire::{LinkType, Packet};

use super::{
    BYTE_ORDER_MAGIC, ENHANCED_PACKET, INTERFACE_DESCRIPTION, SECTION_HEADER, interface, rewrite,
    sealed,
};
use crate::file::MAX_PACKET_LEN;
use crate::file::order::Order;

/// Writes packets of one interface as pcapng, in nanoseconds and little-endian, with comments.
pub struct PcapngWriter<W> {
    output: W,
    link_type: LinkType,
    /// The options of the packet being written.
    options: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the headers of the section and of the interface to `output`, which should be buffered.
    /// `interface` is the name that programs show for where the packets come from.
    ///
    /// # Errors
    /// What `output` fails with, and [`io::ErrorKind::InvalidInput`] for a link type of more than 16
    /// bits.
    pub fn new(output: W, link_type: LinkType, interface: &str) -> io::Result<Self> {
        let Ok(link) = u16::try_from(link_type.0) else { return Err(out_of_range()) };
        let mut writer = Self { output, link_type, options: Vec::new() };
        writer.option(USER_APPLICATION, APPLICATION.as_bytes());
        let [m0, m1, m2, m3] = BYTE_ORDER_MAGIC.to_le_bytes();
        // Version 1.0, and a section whose length is not told.
        let body = [m0, m1, m2, m3, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
        writer.block(SECTION_HEADER, &body, &[])?;
        writer.option(INTERFACE_NAME, interface.as_bytes());
        writer.option(interface::TIME_RESOLUTION, &[NANOSECONDS]);
        let ([l0, l1], [s0, s1, s2, s3]) = (link.to_le_bytes(), MAX_PACKET_LEN.to_le_bytes());
        writer.block(INTERFACE_DESCRIPTION, &[l0, l1, 0, 0, s0, s1, s2, s3], &[])?;
        Ok(writer)
    }

    /// Writes one packet and what is to be said of it, of which at most 64 KiB are taken.
    ///
    /// # Errors
    /// What the output fails with, and [`io::ErrorKind::InvalidInput`] for a packet that the file
    /// cannot hold: of another link type, before 1970, or longer than 1 MiB. Nothing is written then.
    pub fn write(&mut self, packet: &Packet<'_>, comment: Option<&str>) -> io::Result<()> {
        let len = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        let Ok(nanos) = u64::try_from(packet.timestamp_ns) else { return Err(out_of_range()) };
        if packet.link_type != self.link_type || len > MAX_PACKET_LEN {
            return Err(out_of_range());
        }
        if let Some(comment) = comment {
            self.option(COMMENT, comment.as_bytes());
        }
        let [t0, t1, t2, t3, t4, t5, t6, t7] = nanos.to_le_bytes();
        let ([l0, l1, l2, l3], [w0, w1, w2, w3]) =
            (len.to_le_bytes(), packet.wire_len.to_le_bytes());
        // The first interface; the upper half of the time, the lower.
        let lead = [0, 0, 0, 0, t4, t5, t6, t7, t0, t1, t2, t3, l0, l1, l2, l3, w0, w1, w2, w3];
        self.block(ENHANCED_PACKET, &lead, packet.bytes)
    }

    /// Writes a key log, for the packets that follow.
    ///
    /// # Errors
    /// What the output fails with.
    pub fn write_secrets(&mut self, key_log: &[u8]) -> io::Result<()> {
        rewrite::write_secrets(&mut self.output, Order::Little, key_log)
    }

    /// Writes sealed secrets, for the packets that follow.
    ///
    /// # Errors
    /// What the output fails with.
    pub fn write_sealed(&mut self, sealed: &[u8]) -> io::Result<()> {
        sealed::write(&mut self.output, Order::Little, sealed)
    }

    /// Hands what was written to the output's file.
    ///
    /// # Errors
    /// What the output fails with.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Flushes what is buffered and gives the output back.
    ///
    /// # Errors
    /// What the output fails with.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    /// A block with the options so far, which are used up.
    fn block(&mut self, kind: u32, lead: &[u8], packet: &[u8]) -> io::Result<()> {
        if !self.options.is_empty() {
            self.options.extend(END_OF_OPTIONS);
        }
        let padding = padding(packet.len());
        let len = BLOCK_LEN
            .saturating_add(lead.len())
            .saturating_add(packet.len())
            .saturating_add(padding.len())
            .saturating_add(self.options.len());
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        let kind = kind.to_le_bytes();
        let parts: [&[u8]; 7] = [&kind, &len, lead, packet, padding, &self.options, &len];
        for part in parts {
            self.output.write_all(part)?;
        }
        self.options.clear();
        Ok(())
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = value.get(..usize::from(len)).unwrap_or(value);
        self.options.extend(code.to_le_bytes());
        self.options.extend(len.to_le_bytes());
        self.options.extend(value);
        self.options.extend(padding(value.len()));
    }
}

/// What fills `len` bytes up to whole words.
const fn padding(len: usize) -> &'static [u8] {
    match len % 4 {
        1 => &[0; 3],
        2 => &[0; 2],
        3 => &[0; 1],
        _ => &[],
    }
}

fn out_of_range() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "link type, time or length out of range")
}

/// Type, length, and length again.
const BLOCK_LEN: usize = 12;

const APPLICATION: &str = concat!("tlsight ", env!("CARGO_PKG_VERSION"));

/// `opt_comment`
const COMMENT: u16 = 1;
/// `shb_userappl`
const USER_APPLICATION: u16 = 4;
/// `if_name`
const INTERFACE_NAME: u16 = 2;
const END_OF_OPTIONS: [u8; 4] = [0; 4];

/// A power of ten, for `if_tsresol`.
const NANOSECONDS: u8 = 9;
