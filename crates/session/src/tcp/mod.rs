//! TLS over a TCP flow: from the bytes of both directions to handshake messages.

mod sealed;

use event::Timestamp;
use flow::{Direction, Interest, Progress};
use tls::record::RecordHeader;
use tls::registry::ContentType;
use wire::Reader;

use crate::both::Both;
use crate::context::Context;
use crate::decryption::Opening;
use crate::detect::{self, Detection};
use crate::handshake::Handshake;
use crate::marks::{Anomaly, Marks, Partial};
use crate::messages::{MessageBuffer, Taken};
use crate::preamble::Preamble;

/// One TCP flow that may carry TLS.
#[derive(Debug, Default)]
pub(crate) struct TcpSession {
    preamble: Preamble,
    streams: Both<Stream>,
    handshake: Option<Box<Handshake>>,
    /// What opens its records, if there are secrets.
    opening: Option<Box<Opening>>,
    is_midstream: bool,
    /// Whether bytes of the handshake or of what precedes it were lost.
    has_gap: bool,
    /// Seen before there was a handshake.
    anomalies: Marks<Anomaly>,
}

/// One direction.
#[derive(Debug, Default)]
struct Stream {
    phase: Phase,
    record: Option<OpenRecord>,
    messages: MessageBuffer,
    after_change_cipher_spec: bool,
    plain_bytes_after_hello: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No TLS yet.
    #[default]
    Preamble,
    /// Records, from a boundary on.
    Records,
    /// Records, but the place of the next boundary is lost.
    Lost,
    /// Nothing more to be learned from this direction.
    Opaque,
}

/// A record whose header was read.
#[derive(Clone, Copy, Debug)]
struct OpenRecord {
    header: RecordHeader,
    /// Bytes of its body not yet read.
    left: usize,
    content: Content,
}

/// How the body of a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Clear,
    /// It is encrypted, or says nothing.
    Opaque,
    /// It is encrypted, and may be opened when all of it is there.
    Sealed,
}

/// What one step made of the bytes in front of it.
enum Step {
    /// This many bytes were read.
    Consumed(usize),
    /// This many bytes belong to a record that is encrypted.
    Passed(usize),
    NeedMore,
}

impl TcpSession {
    pub(crate) fn new(is_midstream: bool, opening: Option<Box<Opening>>) -> Self {
        Self { is_midstream, opening, ..Self::default() }
    }

    /// Takes the contiguous bytes of one direction.
    pub(crate) fn on_stream(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress {
        let (mut consumed, mut opaque) = (0usize, true);
        while let Some(rest) = bytes.get(consumed..).filter(|rest| !rest.is_empty()) {
            let len = match self.step(context, now, direction, rest) {
                Step::Passed(len) => len,
                Step::Consumed(len) => {
                    opaque = false;
                    len
                }
                Step::NeedMore => break,
            };
            consumed = consumed.saturating_add(len).min(bytes.len());
            if self.is_over() {
                return Progress { consumed: bytes.len(), opaque, interest: Interest::Done };
            }
        }
        Progress { consumed, opaque, interest: Interest::Continue }
    }

    /// Takes note that `missing` bytes will not come, and reads what can be read of the bytes
    /// before them.
    pub(crate) fn on_gap(
        &mut self,
        direction: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest {
        let stream = &mut self.streams[direction];
        let mut lost = unconsumed.len().saturating_add(missing.map_or(0, |len| len as usize));
        match (&mut stream.record, stream.phase) {
            (Some(record), Phase::Records) if missing.is_some() && lost <= record.left => {
                let content = std::mem::replace(&mut record.content, Content::Opaque);
                record.left -= lost;
                if let (Content::Sealed, Some(opening)) = (content, &mut self.opening) {
                    opening.on_lost_record(direction, record.header.len.into());
                }
                if record.left == 0 {
                    stream.record = None;
                }
                lost = usize::from(content == Content::Clear);
            }
            (_, Phase::Records | Phase::Lost) => {
                stream.phase = Phase::Lost;
                stream.record = None;
                if let Some(opening) = &mut self.opening {
                    opening.on_gap(direction, missing.map(|_| lost));
                }
            }
            (_, Phase::Preamble | Phase::Opaque) => {}
        }
        stream.messages.clear();
        self.has_gap |= lost > 0;
        if self.is_over() { Interest::Done } else { Interest::Continue }
    }

    /// The handshake that was seen, if there was any.
    pub(crate) fn into_handshake(self) -> Option<Box<Handshake>> {
        let mut handshake = self.handshake?;
        let server = handshake.client_direction().opposite();
        if self.streams[server].plain_bytes_after_hello > 0 && !handshake.has_server() {
            handshake.add_anomaly(Anomaly::ServerNotTls);
        }
        if self.has_gap {
            handshake.add_partial(Partial::Gap);
        }
        if let Some(opening) = &self.opening {
            handshake.add_verdict(opening.verdict());
        }
        handshake.set_starttls(self.preamble.upgrade());
        handshake.add_anomalies(self.anomalies);
        Some(handshake)
    }

    pub(crate) fn add_anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.add(anomaly);
    }

    pub(crate) fn heap_size(&self) -> usize {
        let messages: usize = self.streams.iter().map(|stream| stream.messages.heap_size()).sum();
        messages
            + self.handshake.as_ref().map_or(0, |handshake| handshake.heap_size())
            + self.opening.as_ref().map_or(0, |opening| opening.heap_size())
    }

    /// Whether the flow has nothing more to tell.
    fn is_over(&self) -> bool {
        match &self.handshake {
            Some(handshake) => {
                (handshake.is_over() && !self.goes_on())
                    || self
                        .streams
                        .iter()
                        .any(|stream| stream.plain_bytes_after_hello > MAX_PLAIN_ANSWER)
                    || self.streams.iter().all(|stream| stream.phase == Phase::Opaque)
            }
            None => {
                self.preamble.is_exhausted()
                    || self.streams.iter().any(|stream| stream.phase == Phase::Opaque)
            }
        }
    }

    fn step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        rest: &[u8],
    ) -> Step {
        match self.streams[direction].phase {
            Phase::Preamble => self.preamble_step(context, now, direction, rest),
            Phase::Records => self.record_step(context, now, direction, rest),
            Phase::Lost => self.resynchronise(direction, rest),
            Phase::Opaque => Step::Consumed(rest.len()),
        }
    }

    fn preamble_step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        rest: &[u8],
    ) -> Step {
        let stream = &mut self.streams[direction];
        match detect::at_start(rest) {
            Detection::Hello | Detection::Handshake => {
                stream.phase = Phase::Records;
                Step::Consumed(0)
            }
            Detection::Records if self.handshake.is_some() => {
                stream.phase = Phase::Records;
                Step::Consumed(0)
            }
            Detection::Records if self.is_midstream => {
                stream.phase = Phase::Opaque;
                Step::Consumed(rest.len())
            }
            Detection::Sslv2 => self.sslv2_step(context, now, direction, rest),
            Detection::NeedMore => Step::NeedMore,
            Detection::Records | Detection::No if self.handshake.is_some() => {
                self.late_preamble_step(direction, rest)
            }
            Detection::Records | Detection::No => match self.preamble.observe(direction, rest) {
                0 => Step::NeedMore,
                len => Step::Consumed(len),
            },
        }
    }

    /// Takes bytes without records though the other side has sent some. Where the capture mixed up
    /// the two sides, they are what the client said before its hello.
    fn late_preamble_step(&mut self, direction: Direction, rest: &[u8]) -> Step {
        let is_client =
            self.handshake.as_ref().is_some_and(|side| side.client_direction() == direction);
        let start = detect::search(rest);
        let before = rest.get(..start.unwrap_or(rest.len())).unwrap_or(rest);
        let len = if is_client && self.preamble.upgrade().is_none() {
            self.preamble.observe(direction, before)
        } else {
            before.len()
        };
        if start.is_none() {
            self.streams[direction].plain_bytes_after_hello += len;
        }
        match (len, start) {
            (0, None) => Step::NeedMore,
            (0, Some(start)) => Step::Consumed(start),
            (len, _) => Step::Consumed(len),
        }
    }

    fn sslv2_step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        rest: &[u8],
    ) -> Step {
        let mut reader = Reader::new(rest);
        let Ok(header) = reader.u16() else { return Step::NeedMore };
        let Ok(record) = reader.take(usize::from(header & 0x7fff)) else { return Step::NeedMore };
        let handshake = handshake_of(&mut self.handshake, context, direction, now);
        handshake.on_sslv2(context, now, direction, record);
        self.streams[direction].phase =
            if handshake.is_sslv2() { Phase::Opaque } else { Phase::Records };
        Step::Consumed(reader.offset())
    }

    fn record_step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        rest: &[u8],
    ) -> Step {
        let stream = &mut self.streams[direction];
        let Some(record) = stream.record else {
            return self.header_step(context, now, direction, rest);
        };
        let body = rest.get(..record.left.min(rest.len())).unwrap_or(rest);
        match record.content {
            Content::Clear => {}
            Content::Opaque => {
                let left = record.left.saturating_sub(body.len());
                stream.record = (left > 0).then_some(OpenRecord { left, ..record });
                return Step::Passed(body.len());
            }
            Content::Sealed => return self.sealed_step(context, now, direction, record, rest),
        }
        let read = match record.header.content_type {
            ContentType::HANDSHAKE => {
                let handshake = handshake_of(&mut self.handshake, context, direction, now);
                let mut on_whole = |message: &[u8]| {
                    handshake.on_whole(context, now, direction, message);
                    if let Some(opening) = &mut self.opening {
                        opening.on_message(direction, message);
                    }
                };
                match stream.messages.take(body, record.left) {
                    Taken::Whole(len) => {
                        on_whole(body.get(..len).unwrap_or(body));
                        len
                    }
                    Taken::Assembled(len) => {
                        on_whole(&stream.messages.assembled());
                        len
                    }
                    Taken::Kept(len) => len,
                    Taken::NeedMore => return Step::NeedMore,
                    Taken::TooLong => {
                        handshake.add_anomaly(Anomaly::MessageTooLong);
                        stream.phase = Phase::Opaque;
                        body.len()
                    }
                }
            }
            _ if body.len() < record.left => return Step::NeedMore,
            ContentType::ALERT => {
                handshake_of(&mut self.handshake, context, direction, now)
                    .on_alert(now, direction, body);
                body.len()
            }
            ContentType::HEARTBEAT => {
                handshake_of(&mut self.handshake, context, direction, now).on_heartbeat(body);
                body.len()
            }
            _ => body.len(),
        };
        let left = record.left.saturating_sub(read);
        self.streams[direction].record = (left > 0).then_some(OpenRecord { left, ..record });
        Step::Consumed(read)
    }

    fn header_step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        rest: &[u8],
    ) -> Step {
        let stream = &mut self.streams[direction];
        let handshake = handshake_of(&mut self.handshake, context, direction, now);
        let header = match RecordHeader::parse(rest) {
            Ok(Some(header)) => header,
            Ok(None) => return Step::NeedMore,
            Err(_) => {
                handshake.add_anomaly(Anomaly::RecordMalformed);
                stream.phase = Phase::Lost;
                return Step::Consumed(0);
            }
        };
        let body = rest.get(RecordHeader::LEN..).unwrap_or_default();
        let len = usize::from(header.len);
        let opening = self.opening.as_mut();
        let is_sealed = opening.as_ref().is_some_and(|it| it.wants(direction, header.content_type));
        let is_clear = match header.content_type {
            ContentType::CHANGE_CIPHER_SPEC => {
                stream.after_change_cipher_spec = true;
                handshake.on_change_cipher_spec(direction);
                if let Some(opening) = opening.filter(|_| !is_sealed) {
                    opening.on_change_cipher_spec(direction);
                }
                false
            }
            ContentType::HANDSHAKE => {
                let is_clear = !stream.after_change_cipher_spec
                    || handshake.is_tls13_or_later()
                    || (body.first() == Some(&1) && detect::at_start(rest) == Detection::Hello);
                if !is_clear {
                    handshake.on_encrypted_handshake(now, direction);
                }
                is_clear
            }
            ContentType::ALERT => {
                let is_clear = len == 2 && !stream.after_change_cipher_spec;
                if !is_clear && !is_sealed {
                    handshake.on_encrypted_alert(now, direction);
                }
                is_clear
            }
            ContentType::HEARTBEAT => !stream.after_change_cipher_spec && len <= MAX_HEARTBEAT_LEN,
            _ if is_sealed && handshake.is_tls13_or_later() => false,
            _ => {
                handshake.on_application_data(now, direction, len);
                false
            }
        };
        let content = match (is_clear, is_sealed) {
            (true, _) => Content::Clear,
            (false, true) => Content::Sealed,
            (false, false) => Content::Opaque,
        };
        stream.record = (len > 0).then_some(OpenRecord { header, left: len, content });
        match header.content_type {
            ContentType::APPLICATION_DATA => Step::Passed(RecordHeader::LEN),
            _ => Step::Consumed(RecordHeader::LEN),
        }
    }

    fn resynchronise(&mut self, direction: Direction, rest: &[u8]) -> Step {
        if self.opening.as_ref().is_some_and(|opening| opening.has_opened()) {
            return self.resynchronise_sealed(direction, rest);
        }
        let stream = &mut self.streams[direction];
        match detect::search(rest) {
            Some(start) => {
                stream.phase = Phase::Records;
                Step::Consumed(start)
            }
            None if rest.len() < MIN_SEARCH => Step::NeedMore,
            None => Step::Consumed(rest.len()),
        }
    }
}

fn handshake_of<'h>(
    handshake: &'h mut Option<Box<Handshake>>,
    context: &mut Context,
    direction: Direction,
    now: Timestamp,
) -> &'h mut Handshake {
    handshake.get_or_insert_with(|| context.boxed(Handshake::over_tcp(direction, now)))
}

/// A heartbeat request has at most this length (RFC 6520 section 4).
const MAX_HEARTBEAT_LEN: usize = 1 << 14;

/// Bytes that are waited for before a place without records is passed.
const MIN_SEARCH: usize = 16;

/// Plain bytes that are believed to be an answer in another protocol to a `ClientHello`; before
/// that they may be the rest of what preceded it.
const MAX_PLAIN_ANSWER: usize = 16 * 1024;
