//! Records that secrets open.

use event::Timestamp;
use flow::Direction;
use forge::Ending;
use tls::record::RecordHeader;
use tls::registry::{ContentType, HandshakeType};

use super::{OpenRecord, Phase, Step, TcpSession, handshake_of};
use crate::context::Context;
use crate::decryption::{Outcome, Sealed, Stage};
use crate::detect;
use crate::marks::Anomaly;

impl TcpSession {
    /// Takes a record that may be opened, once all of it is there.
    pub(super) fn sealed_step(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        record: OpenRecord,
        rest: &[u8],
    ) -> Step {
        let Some(body) = rest.get(..record.left) else { return Step::NeedMore };
        self.streams[direction].record = None;
        self.take_waiting(context, now, false);
        let mut clear = std::mem::take(&mut context.clear);
        let sealed = Sealed { header: record.header.to_bytes(), body };
        if let Some(opening) = &mut self.opening {
            let outcome = opening.open(now, direction, sealed, &mut clear);
            self.on_outcome(context, now, direction, record.header, outcome, &clear);
        }
        context.clear = clear;
        Step::Passed(body.len())
    }

    /// Takes the records whose wait is over; at the end of the session all are.
    pub(super) fn take_waiting(&mut self, context: &mut Context, now: Timestamp, is_end: bool) {
        while let Some(opening) = &mut self.opening
            && let Some(waiting) = opening.next_waiting(now, is_end)
        {
            let Some((header, body)) = waiting.bytes.split_first_chunk() else { continue };
            let Ok(Some(parsed)) = RecordHeader::parse(header) else { continue };
            let mut clear = std::mem::take(&mut context.clear);
            let sealed = Sealed { header: *header, body };
            let direction = waiting.direction;
            let outcome = opening.open_waiting(direction, sealed, &mut clear);
            self.on_outcome(context, now, direction, parsed, outcome, &clear);
            context.clear = clear;
        }
    }

    /// Takes what is left at the end of the session.
    pub(crate) fn end(&mut self, context: &mut Context, now: Timestamp, ending: Ending) {
        self.take_waiting(context, now, true);
        if let Some(opening) = &mut self.opening {
            opening.text.end(&mut context.text_sink, now, ending);
        }
    }

    /// Whether the session is followed beyond its handshake for what its records hold.
    pub(super) fn goes_on(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.goes_on())
    }

    /// Looks for the next record that may be opened, behind a gap in a session whose records were. A
    /// header is taken for one if a record of it would be of a sensible length: that is seldom wrong,
    /// and costs a record if it is.
    pub(super) fn resynchronise_sealed(&mut self, direction: Direction, rest: &[u8]) -> Step {
        let found = detect::search_sealed(rest);
        let passed = found.unwrap_or(rest.len().saturating_sub(RecordHeader::LEN - 1));
        if let Some(opening) = self.opening.as_mut().filter(|_| passed > 0) {
            opening.on_gap(direction, Some(passed));
        }
        match found {
            Some(start) => {
                self.streams[direction].phase = Phase::Records;
                Step::Consumed(start)
            }
            None if passed == 0 => Step::NeedMore,
            None => Step::Consumed(passed),
        }
    }

    fn on_outcome(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        header: RecordHeader,
        outcome: Outcome,
        clear: &[u8],
    ) {
        let handshake = handshake_of(&mut self.handshake, context, direction, now);
        match outcome {
            Outcome::Waits => {}
            Outcome::Closed if header.content_type == ContentType::ALERT => {
                handshake.on_encrypted_alert(now, direction);
            }
            Outcome::Closed if handshake.is_tls13_or_later() => {
                handshake.on_application_data(now, direction, header.len.into());
            }
            Outcome::Closed => {}
            Outcome::Opened { content_type, stage } => {
                self.on_opened(context, now, direction, (content_type, stage), clear);
            }
        }
    }

    fn on_opened(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        (content_type, stage): (ContentType, Option<Stage>),
        clear: &[u8],
    ) {
        let (Some(handshake), Some(opening)) = (&mut self.handshake, &mut self.opening) else {
            return;
        };
        match content_type {
            ContentType::HANDSHAKE => {
                let messages = &mut self.streams[direction].messages;
                let taken = messages.take_all(clear, |message| {
                    opening.on_message(direction, message);
                    if let Some((&[kind, _, _, _], body)) = message.split_first_chunk() {
                        let kind = HandshakeType(kind);
                        handshake.on_opened_message(context, now, direction, kind, body);
                    }
                    opening.on_early_data_verdict(context, now, handshake.early_data_verdict());
                });
                if taken.is_err() {
                    handshake.add_anomaly(Anomaly::MessageTooLong);
                }
            }
            ContentType::ALERT => handshake.on_opened_alert(now, direction, clear),
            ContentType::CHANGE_CIPHER_SPEC => opening.on_change_cipher_spec(direction),
            ContentType::APPLICATION_DATA => {
                handshake.on_opened_data(now, direction, stage);
                opening.on_data(context, now, direction, stage, clear);
                if handshake.is_established() && direction != handshake.client_direction() {
                    opening.end_handshake();
                }
            }
            _ => {}
        }
    }
}
