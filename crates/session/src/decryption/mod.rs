//! Between records and what they carry: the secrets of a session open its records.
//!
//! Which secrets are known is looked up when the hellos have told whose they are; which of them protect
//! a record is found out by trial.

mod dtls;
mod hellos;
mod legacy;
mod lookup;
mod psk;
mod quic;
mod settings;
mod streams;
mod text;
mod waiting;

use std::fmt;
use std::sync::Arc;

use event::{Carrier, Timestamp};
use flow::Direction;
pub(crate) use secrets::Stage;
use secrets::{ExternalPsk, KeyStore, Label, LegacyOpener, LegacyRecord, Secret, Tls13Opener};
use tls::record::RecordHeader;
use tls::registry::{ContentType, HandshakeType};

use self::hellos::{Hellos, Told};
pub(crate) use self::quic::{PacketOutcome, QuicOpening, QuicScratch};
pub use self::settings::{Budget, Decryption, Extent, Patience, Waits};
pub(crate) use self::streams::{StreamFrame, Streams};
pub use self::text::TextSink;
pub(crate) use self::text::{Ends, Text};
use self::waiting::{Waiting, WaitingRecord};
use crate::both::Both;
use crate::context::Context;

/// What opens the records of one flow.
pub(crate) struct Opening {
    keys: Arc<KeyStore>,
    /// Of the store, when secrets were last looked for.
    generation: u64,
    extent: Extent,
    carrier: Carrier,
    hellos: Hellos,
    tls13: Option<Both<Option<Tls13Opener>>>,
    legacy: Both<LegacySide>,
    /// Of the last record of DTLS.
    epochs: Both<u16>,
    /// The pre-shared key that the client of TLS 1.3 offers, as long as something follows from it.
    psk: Option<ExternalPsk>,
    /// Whether none of the pre-shared keys that were given is the one of the session.
    has_wrong_psk: bool,
    /// Master secrets that may be the one of the handshake, once they were looked for.
    masters: Option<Vec<Arc<Secret>>>,
    pub(crate) text: Text,
    waiting: Waiting,
    opened: u64,
    /// Records that stayed closed though there were keys.
    failed: u64,
    /// Whether records were lost, or stayed closed, among those that were opened.
    has_lost: bool,
    is_exhausted: bool,
}

/// What came of the secrets of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There were none, or nothing that they might have opened.
    Nothing,
    /// They opened what they protect.
    Opened,
    /// They opened records, but not all.
    OpenedInPart,
    /// They opened nothing: they are not those of the session.
    Mismatch,
}

/// One direction of TLS 1.2 or older.
#[derive(Default)]
enum LegacySide {
    /// Its records are in clear.
    #[default]
    Clear,
    /// They are protected, from a `ChangeCipherSpec` on.
    Protected(Option<LegacyOpener>),
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was opened.
    Opened {
        content_type: ContentType,
        /// What opened it; none up to TLS 1.2.
        stage: Option<Stage>,
    },
    /// It waits for its keys.
    Waits,
    /// It stays closed.
    Closed,
}

/// A record that is protected, as it is on the wire.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) header: [u8; RecordHeader::LEN],
    pub(crate) body: &'a [u8],
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("opened", &self.opened).finish_non_exhaustive()
    }
}

impl Opening {
    pub(crate) fn new(settings: &Decryption, carrier: Carrier, text: Text) -> Self {
        Self {
            keys: Arc::clone(&settings.keys),
            generation: settings.keys.generation(),
            extent: settings.extent,
            carrier,
            hellos: Hellos::default(),
            tls13: None,
            legacy: Both::default(),
            epochs: Both::default(),
            psk: None,
            has_wrong_psk: false,
            masters: None,
            text,
            waiting: Waiting::new(settings.patience.clone()),
            opened: 0,
            failed: 0,
            has_lost: false,
            is_exhausted: false,
        }
    }

    /// Takes a handshake message with its header, in clear or out of a record that was opened.
    pub(crate) fn on_message(&mut self, direction: Direction, message: &[u8]) {
        let wants_transcript = self.keys.has_premasters();
        let told = self.hellos.on_message(self.carrier, direction, message, wants_transcript);
        match told {
            Told::ClientHello => {
                self.text.set_client(direction);
                self.on_psks_offered(message);
                self.look_up();
            }
            Told::ServerHello => {
                self.on_psk_taken();
                self.look_up();
            }
            Told::Nothing => {}
        }
        let kind = HandshakeType(message.first().copied().unwrap_or_default());
        match kind {
            HandshakeType::FINISHED => self.on_finished(direction),
            HandshakeType::NEW_SESSION_TICKET if self.tls13.is_none() => {
                if let (Some(master), Some(ticket)) = (self.master(), Hellos::ticket(message)) {
                    legacy::remember_ticket(&self.keys, ticket, &master);
                }
            }
            _ => {}
        }
    }

    /// Takes a `ChangeCipherSpec`: up to TLS 1.2 what follows in this direction has new keys.
    pub(crate) fn on_change_cipher_spec(&mut self, direction: Direction) {
        if self.tls13.is_some() || self.hellos.server.is_none() {
            return;
        }
        self.legacy[direction] = LegacySide::Protected(self.legacy_opener(direction));
    }

    /// Whether a record is to be kept whole, because it may be opened.
    pub(crate) fn wants(&self, direction: Direction, content_type: ContentType) -> bool {
        if self.is_exhausted {
            return false;
        }
        let is_protected = match &self.tls13 {
            Some(_) => content_type == ContentType::APPLICATION_DATA,
            None => self.is_protected(direction),
        };
        is_protected && (self.has_keys(direction) || self.waiting.is_possible())
    }

    /// Whether records of a direction are protected by keys of TLS 1.2 or older.
    pub(crate) fn is_protected(&self, direction: Direction) -> bool {
        matches!(self.legacy[direction], LegacySide::Protected(_))
    }

    /// Opens a record into `clear`, or keeps it until its keys come.
    pub(crate) fn open(
        &mut self,
        now: Timestamp,
        direction: Direction,
        record: Sealed<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        if self.waiting.is_empty() {
            let outcome = self.open_now(direction, record, clear);
            if outcome != Outcome::Closed {
                return outcome;
            }
        }
        let before = self.generation;
        let is_missing = self.look_for_missing(direction);
        if self.waiting.is_empty() && self.generation != before {
            let outcome = self.open_now(direction, record, clear);
            if outcome != Outcome::Closed {
                return outcome;
            }
        }
        let parts = [&record.header[..], record.body];
        if self.is_to_wait(is_missing) && self.keep(now, direction, parts) {
            return Outcome::Waits;
        }
        // No room behind records of the other side, whose secrets may never come.
        if !is_missing && !self.waiting.is_empty() && !self.waiting.holds(direction) {
            let outcome = self.open_now(direction, record, clear);
            if outcome != Outcome::Closed {
                return outcome;
            }
        }
        self.give_up(direction, RecordHeader::LEN.saturating_add(record.body.len()));
        Outcome::Closed
    }

    /// Whether a record that stays closed waits: for its secrets, or behind others.
    fn is_to_wait(&self, is_missing: bool) -> bool {
        is_missing || !self.waiting.is_empty()
    }

    /// The next record whose wait is over, because secrets have come or will not.
    pub(crate) fn next_waiting(&mut self, now: Timestamp, is_end: bool) -> Option<WaitingRecord> {
        if self.waiting.is_empty() {
            return None;
        }
        let oldest = self.waiting.first()?.direction;
        let has_keys = !self.look_for_missing(oldest);
        let (hellos, keys) = (&self.hellos, &self.keys);
        self.waiting.next(now, has_keys, is_end, || is_known(hellos, keys))
    }

    /// Keeps a record until its keys come, if there is room for it.
    fn keep(&mut self, now: Timestamp, direction: Direction, parts: [&[u8]; 2]) -> bool {
        let is_kept = self.waiting.push(now, direction, parts);
        if !is_kept && is_known(&self.hellos, &self.keys) {
            self.waiting.count_no_room();
        }
        is_kept
    }

    /// Opens a record that has waited.
    pub(crate) fn open_waiting(
        &mut self,
        direction: Direction,
        record: Sealed<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        let outcome = self.open_now(direction, record, clear);
        if outcome == Outcome::Closed {
            self.give_up(direction, RecordHeader::LEN.saturating_add(record.body.len()));
        }
        outcome
    }

    /// Takes note that one record was lost, in part at least, and `len` is the length of its body.
    pub(crate) fn on_lost_record(&mut self, direction: Direction, len: usize) {
        self.lose(direction, 1, RecordHeader::LEN.saturating_add(len));
    }

    /// Takes note that bytes of records were lost, if it is known how many.
    pub(crate) fn on_gap(&mut self, direction: Direction, bytes: Option<usize>) {
        let records = bytes.map_or(u64::MAX, |bytes| (bytes / MIN_RECORD_LEN) as u64 + 1);
        self.lose(direction, records, bytes.unwrap_or(0));
    }

    fn lose(&mut self, direction: Direction, records: u64, bytes: usize) {
        match &mut self.tls13 {
            Some(openers) => {
                if let Some(opener) = &mut openers[direction] {
                    opener.on_gap(records);
                }
            }
            None => {
                if let LegacySide::Protected(Some(opener)) = &mut self.legacy[direction] {
                    opener.on_gap(records);
                }
            }
        }
        self.has_lost |= self.opened > 0;
        self.text.on_unseen(direction, bytes);
    }

    /// Takes application data out of a record.
    pub(crate) fn on_data(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        stage: Option<Stage>,
        bytes: &[u8],
    ) {
        let sink = &mut context.text_sink;
        if stage == Some(Stage::Early) {
            self.text.on_early_data(sink, now, direction, bytes);
        } else {
            self.text.on_data(sink, now, direction, bytes);
        }
    }

    /// Learns whether the server took early data, if that is known.
    pub(crate) fn on_early_data_verdict(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        verdict: Option<bool>,
    ) {
        match verdict {
            Some(true) => self.text.take_early_data(&mut context.text_sink, now),
            Some(false) => self.text.refuse_early_data(),
            None => {}
        }
    }

    /// Whether the session is to be followed further for what its records hold.
    pub(crate) fn goes_on(&self) -> bool {
        if self.is_exhausted {
            return false;
        }
        Direction::BOTH.into_iter().any(|it| self.has_keys(it)) || !self.waiting.is_empty()
    }

    /// Takes note that nothing more is wanted than the handshake, which is over.
    pub(crate) fn end_handshake(&mut self) {
        self.is_exhausted |= self.extent == Extent::Handshake;
    }

    /// Whether records were opened.
    pub(crate) const fn has_opened(&self) -> bool {
        self.opened > 0
    }

    /// What came of the secrets.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.opened == 0 {
            let is_telling = self.has_wrong_psk
                || self.failed >= MAX_OTHER_RECORDS
                || (self.failed > 0 && self.protects_first_records());
            return if is_telling { Verdict::Mismatch } else { Verdict::Nothing };
        }
        if self.has_lost { Verdict::OpenedInPart } else { Verdict::Opened }
    }

    /// Whether the secrets that are known are those of the first records that are protected.
    fn protects_first_records(&self) -> bool {
        let Some(client) = &self.hellos.client else { return false };
        let knows = |label| !self.keys.by_random(&client.random, label).is_empty();
        self.tls13.is_none()
            || knows(Label::ClientHandshakeTraffic)
            || knows(Label::ServerHandshakeTraffic)
    }

    pub(crate) fn heap_size(&self) -> usize {
        size_of::<Self>()
            + self.hellos.heap_size()
            + self.waiting.heap_size()
            + self.text.heap_size()
    }

    fn has_keys(&self, direction: Direction) -> bool {
        match &self.tls13 {
            Some(openers) => openers[direction].as_ref().is_some_and(Tls13Opener::has_keys),
            None => match &self.legacy[direction] {
                LegacySide::Clear => false,
                LegacySide::Protected(opener) => {
                    opener.as_ref().is_some_and(LegacyOpener::has_keys)
                }
            },
        }
    }

    /// Whether keys have opened a record of a direction, and the next should be theirs.
    fn is_in_use(&self, direction: Direction) -> bool {
        match &self.tls13 {
            Some(openers) => openers[direction].as_ref().is_some_and(Tls13Opener::is_in_use),
            None => match &self.legacy[direction] {
                LegacySide::Clear => false,
                LegacySide::Protected(opener) => {
                    opener.as_ref().is_some_and(LegacyOpener::has_opened)
                }
            },
        }
    }

    fn open_now(
        &mut self,
        direction: Direction,
        record: Sealed<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        let Sealed { header, body } = record;
        let [kind, major, minor, ..] = header;
        let (outcome, lost) = match &mut self.tls13 {
            Some(openers) => {
                let opened =
                    openers[direction].as_mut().and_then(|it| it.open(&header, body, clear));
                let Some(opened) = opened else { return Outcome::Closed };
                let content_type = ContentType(opened.content_type);
                (Outcome::Opened { content_type, stage: Some(opened.stage) }, opened.lost)
            }
            None => {
                let LegacySide::Protected(Some(opener)) = &mut self.legacy[direction] else {
                    return Outcome::Closed;
                };
                let version = u16::from_be_bytes([major, minor]);
                let opened = opener.open(LegacyRecord { content_type: kind, version, body }, clear);
                let Some(lost) = opened else { return Outcome::Closed };
                (Outcome::Opened { content_type: ContentType(kind), stage: None }, lost)
            }
        };
        self.opened = self.opened.saturating_add(1);
        let sealed_len = RecordHeader::LEN.saturating_add(body.len());
        self.text.on_opened(direction, lost, sealed_len, clear.len());
        outcome
    }

    /// Takes note of a record, so many bytes long, that stays closed.
    fn give_up(&mut self, direction: Direction, len: usize) {
        self.failed = self.failed.saturating_add(u64::from(self.has_keys(direction)));
        self.has_lost |= self.is_in_use(direction);
        self.text.on_unseen(direction, len);
    }
}

/// Whether any secret of a session is known.
fn is_known(hellos: &Hellos, keys: &KeyStore) -> bool {
    hellos.client.as_ref().is_some_and(|client| keys.knows_random(&client.random))
}

/// Shortest record that protects anything: a header and the tag of an AEAD, or a block.
const MIN_RECORD_LEN: usize = RecordHeader::LEN + 16;

/// Records that stay closed before the secrets of application data alone are said to be others': those
/// of both sides' handshakes come first.
const MAX_OTHER_RECORDS: u64 = 32;
