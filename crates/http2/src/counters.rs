//! What became of what was read.

/// What became of the bytes and the streams of HTTP/2 connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of clear text read, of both directions.
    pub bytes: u64,
    /// Bytes of HTTP/1.1 written.
    pub written_bytes: u64,
    /// Bytes of content that are in no message, because the headers of their stream were not seen or
    /// the stream was over.
    pub unclaimed_bytes: u64,
    /// Bytes between frames that could not be recognised, after a hole or in a late start.
    pub lost_bytes: u64,
    /// How often frames had to be looked for after a hole.
    pub resynchronisations: u64,
    /// Streams opened.
    pub streams: u64,
    /// Streams broken off because content of theirs may be lost.
    pub broken_streams: u64,
    /// Streams broken off because there were too many at a time.
    pub evicted_streams: u64,
    /// Header fields whose name or value is not known.
    pub unresolved_fields: u64,
    /// Header fields left out because a message had too many.
    pub left_out_fields: u64,
    /// Header fields left out because HTTP/1.1 has another meaning for them (RFC 9113 section 8.2.2).
    pub connection_fields: u64,
    /// Header fields with bytes that would end a line of HTTP/1.1; they are replaced.
    pub replaced_fields: u64,
    /// Trailers left out because the content before them has a length.
    pub left_out_trailers: u64,
    /// Messages whose content is not as long as it was said to be.
    pub wrong_lengths: u64,
    /// Frames and header blocks that are longer than is kept.
    pub too_long: u64,
    /// Frames and header blocks that are not what the standard allows.
    pub malformed: u64,
}

impl Counters {
    pub(crate) const fn lost(&mut self, len: usize) {
        self.lost_bytes = self.lost_bytes.saturating_add(len as u64);
    }

    pub(crate) const fn unclaimed(&mut self, len: usize) {
        self.unclaimed_bytes = self.unclaimed_bytes.saturating_add(len as u64);
    }
}
