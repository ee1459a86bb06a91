//! Records of DTLS, which say which keys and which number they have.

use event::Timestamp;
use flow::Direction;
use secrets::{LegacyOpener, LegacyRecord};
use tls::dtls::{FullRecord, Message};
use tls::registry::ContentType;

use super::{LegacySide, Opening, Outcome};

/// Length of the header of a record in bytes (RFC 6347 section 4.1).
const HEADER_LEN: usize = 13;

impl Opening {
    /// Takes a handshake message, in clear or out of a record that was opened.
    pub(crate) fn on_dtls_message(&mut self, direction: Direction, message: &Message<'_>) {
        let [_, len @ ..] = u32::try_from(message.body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let [first, second] = message.message_seq.to_be_bytes();
        let mut whole = vec![message.message_type];
        whole.extend(len);
        whole.extend([first, second, 0, 0, 0]);
        whole.extend(len);
        whole.extend_from_slice(message.body);
        self.on_message(direction, &whole);
    }

    /// Opens a record that is not of epoch 0 into `clear`, or keeps it until its keys come.
    pub(crate) fn open_dtls(
        &mut self,
        now: Timestamp,
        direction: Direction,
        record: &FullRecord<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        if self.is_exhausted {
            return Outcome::Closed;
        }
        if record.epoch > self.epochs[direction] {
            self.epochs[direction] = record.epoch;
            self.on_change_cipher_spec(direction);
        }
        if self.waiting.is_empty() {
            let outcome = self.open_dtls_now(direction, record, clear);
            if outcome != Outcome::Closed {
                return outcome;
            }
        }
        let header = header(record);
        let is_missing = self.is_missing(direction);
        if self.is_to_wait(is_missing) && self.keep(now, direction, [&header, record.fragment]) {
            return Outcome::Waits;
        }
        self.give_up(direction, record.fragment.len().saturating_add(HEADER_LEN));
        Outcome::Closed
    }

    /// Opens a record that has waited.
    pub(crate) fn open_waiting_dtls(
        &mut self,
        direction: Direction,
        record: &FullRecord<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        let outcome = self.open_dtls_now(direction, record, clear);
        if outcome == Outcome::Closed {
            self.give_up(direction, record.fragment.len().saturating_add(HEADER_LEN));
        }
        outcome
    }

    fn open_dtls_now(
        &mut self,
        direction: Direction,
        record: &FullRecord<'_>,
        clear: &mut Vec<u8>,
    ) -> Outcome {
        let LegacySide::Protected(Some(opener)) = &mut self.legacy[direction] else {
            return Outcome::Closed;
        };
        let ContentType(content_type) = record.content_type;
        let (version, body) = (record.version, record.fragment);
        let sealed = LegacyRecord { content_type, version, body };
        if record.epoch != self.epochs[direction]
            || !LegacyOpener::open_at(opener, sequence(record), sealed, clear)
        {
            return Outcome::Closed;
        }
        self.opened = self.opened.saturating_add(1);
        let sealed_len = body.len().saturating_add(HEADER_LEN);
        self.text.on_opened(direction, 0, sealed_len, clear.len());
        Outcome::Opened { content_type: record.content_type, stage: None }
    }
}

/// Epoch and number of a record, as what protects it has them.
fn sequence(record: &FullRecord<'_>) -> u64 {
    u64::from(record.epoch) << 48 | record.sequence
}

fn header(record: &FullRecord<'_>) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    let [kind, v0, v1, sequence @ .., l0, l1] = &mut header;
    *kind = record.content_type.0;
    [*v0, *v1] = record.version.to_be_bytes();
    sequence.copy_from_slice(&self::sequence(record).to_be_bytes());
    let len = u16::try_from(record.fragment.len()).unwrap_or(u16::MAX);
    [*l0, *l1] = len.to_be_bytes();
    header
}
