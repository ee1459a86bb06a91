//! Writing pcap.

use std::io::{self, Write};

use wire::{LinkType, Packet};

/// Writes packets of one link type as pcap, in nanoseconds and little-endian.
pub struct PcapWriter<W> {
    output: W,
    link_type: LinkType,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file's header to `output`, which should be buffered.
    ///
    /// # Errors
    /// What `output` fails with.
    pub fn new(mut output: W, link_type: LinkType) -> io::Result<Self> {
        output.write_all(&MAGIC.to_le_bytes())?;
        // Version 2.4; time zone and accuracy, which are always 0.
        output.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        output.write_all(&SNAPSHOT_LEN.to_le_bytes())?;
        output.write_all(&link_type.0.to_le_bytes())?;
        Ok(Self { output, link_type })
    }

    /// Writes one packet.
    ///
    /// # Errors
    /// What the output fails with, and [`io::ErrorKind::InvalidInput`] for a packet that the file
    /// cannot hold: of another link type, before 1970 or after 2106, or longer than 1 MiB.
    pub fn write(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let seconds = u32::try_from(packet.timestamp_ns.div_euclid(NANOS));
        let nanos = u32::try_from(packet.timestamp_ns.rem_euclid(NANOS));
        let len = u32::try_from(packet.bytes.len());
        let (Ok(seconds), Ok(nanos), Ok(len)) = (seconds, nanos, len) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "time or length out of range"));
        };
        if packet.link_type != self.link_type || len > SNAPSHOT_LEN {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "link type or length differs"));
        }
        for word in [seconds, nanos, len, packet.wire_len] {
            self.output.write_all(&word.to_le_bytes())?;
        }
        self.output.write_all(packet.bytes)
    }

    /// Flushes what is buffered and gives the output back.
    ///
    /// # Errors
    /// What the output fails with.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

const MAGIC: u32 = 0xa1b2_3c4d;

const SNAPSHOT_LEN: u32 = super::MAX_PACKET_LEN;

const NANOS: i64 = 1_000_000_000;
