//! Whether a connection speaks HTTP/2.

use crate::frame::{FrameHeader, FrameType};
use crate::reader::Likelihood;
use crate::translator::{Sender, Translator};

/// Looks at the first bytes of both sides until it is clear whether they are HTTP/2.
///
/// From the beginning of a connection, the client's preface decides. Later, what both sides say has to
/// be frames.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    is_late: bool,
    client: Start,
    server: Start,
}

/// The first bytes of a side.
#[derive(Clone, Debug, Default)]
struct Start {
    bytes: Vec<u8>,
    /// Whether bytes are missing, so that no more can be said than that.
    is_cut: bool,
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
        let start = self.start(sender);
        if !start.is_cut {
            let room = MAX_START.saturating_sub(start.bytes.len());
            start.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
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
        match (self.client.frames(), self.server.frames()) {
            (Frames::Seen | Frames::Many, Frames::Seen | Frames::Many)
            | (Frames::Many, _)
            | (_, Frames::Many) => Some(Verdict::Http2Late),
            (Frames::None, _) if !may_be_preface || client.is_empty() => Some(Verdict::Other),
            (_, Frames::None) => Some(Verdict::Other),
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
            let prefix = [0, 0];
            let len = self.bytes.len().min(prefix.len());
            return self.bytes.get(..len) == prefix.get(..len);
        };
        let header = FrameHeader::parse(*header);
        header.kind == FrameType::SETTINGS && header.is_plausible() && !self.is_cut
    }

    fn frames(&self) -> Frames {
        let mut rest = self.bytes.as_slice();
        let mut count = 0;
        while let Some((header, after)) = rest.split_first_chunk() {
            let header = FrameHeader::parse(*header);
            if !header.is_plausible() {
                return Frames::None;
            }
            count += 1;
            let len = usize::try_from(header.len).unwrap_or(usize::MAX);
            let Some(next) = after.get(len..) else { break };
            rest = next;
        }
        let first = Likelihood::of(&self.bytes);
        match count {
            0 if self.is_cut => Frames::None,
            0 => Frames::Unknown,
            MANY_FRAMES.. => Frames::Many,
            _ if first == Likelihood::None => Frames::None,
            _ => Frames::Seen,
        }
    }
}

/// Frames of one side in a row that make up for a silent other.
const MANY_FRAMES: usize = 4;

/// Most bytes looked at of a side: some frames, if they are short, and no more than the first if it is
/// long.
const MAX_START: usize = 1024;
