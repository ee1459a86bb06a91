//! Whether a connection speaks HTTP/2.

use crate::frame::{FrameHeader, FrameType};
use crate::translator::{Sender, Translator};

/// Looks at the first bytes of both sides until it is clear whether they are HTTP/2.
///
/// From the beginning of a connection, the client's preface decides. Later, what one side says has to be
/// frames, and what the other says frames too, or the rest of one and then nothing that is understood.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    is_late: bool,
    client: Start,
    server: Start,
}

/// What is known of a side.
#[derive(Clone, Debug, Default)]
struct Start {
    /// Its first bytes, as many as a preface has.
    bytes: Vec<u8>,
    /// Whether bytes are missing, so that no more can be said than that.
    is_cut: bool,
    /// The part of a frame header that is there.
    header: Vec<u8>,
    /// Bytes of a frame to come.
    left: usize,
    /// Frame headers so far, all of them plausible.
    headers: usize,
    /// Whether there was one that is not.
    is_implausible: bool,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// HTTP/2, from its preface on.
    Http2,
    /// HTTP/2, joined later.
    Http2Late,
    /// Something else.
    Other,
}

impl Detection {
    /// Begins to look at a connection; `is_late` says that there was more before.
    #[must_use]
    pub fn new(is_late: bool) -> Self {
        Self { is_late, ..Self::default() }
    }

    /// Takes more bytes of a side, and says what is clear by then.
    pub fn read(&mut self, sender: Sender, bytes: &[u8]) -> Option<Verdict> {
        self.start(sender).read(bytes);
        self.verdict()
    }

    /// Learns that bytes of a side are missing, and says what is clear by then.
    pub fn missing(&mut self, sender: Sender) -> Option<Verdict> {
        self.start(sender).is_cut = true;
        self.verdict()
    }

    fn verdict(&self) -> Option<Verdict> {
        let client = &self.client.bytes;
        if client.starts_with(Translator::PREFACE) {
            return Some(Verdict::Http2);
        }
        let may_be_preface = Translator::PREFACE.starts_with(client) && !self.client.is_cut;
        if !self.is_late {
            // RFC 9113 section 3.4: a server begins with SETTINGS.
            let may_be_http2 = may_be_preface && self.server.may_be_settings();
            return (!may_be_http2).then_some(Verdict::Other);
        }
        if self.client.is_text() || self.server.is_text() {
            return Some(Verdict::Other);
        }
        match (self.client.frames(), self.server.frames()) {
            (Frames::Many, _) | (_, Frames::Many) => Some(Verdict::Http2Late),
            // A side may be in the middle of a frame when it is joined.
            (Frames::Seen, Frames::Seen | Frames::None) | (Frames::None, Frames::Seen) => {
                Some(Verdict::Http2Late)
            }
            (Frames::None, Frames::None) if !may_be_preface => Some(Verdict::Other),
            _ => None,
        }
    }

    const fn start(&mut self, sender: Sender) -> &mut Start {
        match sender {
            Sender::Client => &mut self.client,
            Sender::Server => &mut self.server,
        }
    }
}

/// How many frames bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frames {
    /// They are none.
    None,
    /// It cannot be said yet.
    Unknown,
    /// At least one.
    Seen,
    /// So many that it is no chance.
    Many,
}

impl Start {
    fn may_be_settings(&self) -> bool {
        let Some((header, _)) = self.bytes.split_first_chunk() else {
            let mut bytes = self.bytes.iter();
            let is_short = bytes.next().is_none_or(|byte| *byte == 0);
            let is_settings = bytes.nth(2).is_none_or(|byte| *byte == FrameType::SETTINGS.0);
            return is_short && is_settings && !self.is_cut;
        };
        let header = FrameHeader::parse(*header);
        header.kind == FrameType::SETTINGS && header.is_plausible() && !self.is_cut
    }

    /// Whether it begins with a line of HTTP/1.
    fn is_text(&self) -> bool {
        let is_response = self.bytes.starts_with(b"HTTP/1.");
        let letters = self.bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let is_request = letters >= 3
            && self.bytes.get(letters..letters.saturating_add(2)) == Some(b" /")
            && !Translator::PREFACE.starts_with(&self.bytes);
        is_response || is_request
    }

    /// Takes more bytes: the first ones, and those of frame headers.
    fn read(&mut self, mut bytes: &[u8]) {
        if self.is_cut {
            return;
        }
        let room = Translator::PREFACE.len().saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        while !bytes.is_empty() && !self.is_implausible {
            let of_frame = self.left.min(bytes.len());
            self.left = self.left.saturating_sub(of_frame);
            bytes = bytes.get(of_frame..).unwrap_or_default();
            let room = FrameHeader::LEN.saturating_sub(self.header.len());
            let (part, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.header.extend_from_slice(part);
            bytes = rest;
            if let Some((header, _)) = self.header.split_first_chunk() {
                let header = FrameHeader::parse(*header);
                self.is_implausible = !header.is_plausible();
                self.left = usize::try_from(header.len).unwrap_or(usize::MAX);
                self.headers = self.headers.saturating_add(1);
                self.header.clear();
            }
        }
    }

    const fn frames(&self) -> Frames {
        match self.headers {
            _ if self.is_implausible => Frames::None,
            MANY_FRAMES.. => Frames::Many,
            2.. => Frames::Seen,
            1 if self.left == 0 => Frames::Seen,
            _ if self.is_cut => Frames::None,
            _ => Frames::Unknown,
        }
    }
}

/// Frames of one side in a row that make up for a silent other.
const MANY_FRAMES: usize = 4;
