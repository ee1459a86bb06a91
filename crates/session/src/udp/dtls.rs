//! DTLS handshakes (RFC 6347, RFC 9147).

use event::Timestamp;
use flow::{Direction, Flow, Interest};
use forge::Ending;
use tls::dtls::{
    Delivery, Fragments, FullRecord, MessageReassembler, Outcome as Reassembled, Record, Records,
};
use tls::registry::{ContentType, HandshakeType};

use crate::both::Both;
use crate::context::Context;
use crate::decryption::{Opening, Outcome};
use crate::handshake::Handshake;
use crate::marks::{Anomaly, Partial};

/// The DTLS of one five-tuple.
#[derive(Debug, Default)]
pub(crate) struct DtlsSession {
    handshake: Option<Box<Handshake>>,
    messages: Both<MessageReassembler>,
    /// What opens its records, if there are secrets.
    opening: Option<Box<Opening>>,
}

impl DtlsSession {
    pub(super) fn new(opening: Option<Box<Opening>>) -> Self {
        Self { opening, ..Self::default() }
    }

    pub(super) fn on_datagram(
        &mut self,
        context: &mut Context,
        flow: &Flow,
        direction: Direction,
        datagram: &[u8],
    ) -> Interest {
        let now = flow.last_seen();
        let records = tls::dtls::turn_channel_data(datagram).unwrap_or(datagram);
        for record in Records::new(records, self.connection_id_len(direction)) {
            match record {
                Ok(Record::Full(record)) => self.on_record(context, now, direction, &record),
                Ok(Record::Unified(record)) => {
                    handshake_of(&mut self.handshake, direction, now).on_dtls13_record(
                        now,
                        direction,
                        record.epoch_bits,
                    );
                }
                Err(_) if flow.packet_truncated() => {
                    handshake_of(&mut self.handshake, direction, now)
                        .add_partial(Partial::Truncated);
                }
                Err(_) => break,
            }
        }
        let goes_on = self.opening.as_ref().is_some_and(|opening| opening.goes_on());
        if self.handshake.as_ref().is_some_and(|handshake| handshake.is_over() && !goes_on) {
            self.report(context, flow);
            return Interest::Done;
        }
        Interest::Continue
    }

    pub(super) fn on_end(mut self, context: &mut Context, flow: &Flow, reason: Partial) {
        let now = flow.last_seen();
        self.take_waiting(context, now, true);
        for direction in Direction::BOTH {
            let handshake = handshake_of(&mut self.handshake, direction, now);
            let opening = self.opening.as_deref_mut();
            let mut receiver = Receiver { handshake, opening, context, now, direction };
            self.messages[direction].skip_gap(|delivery| receiver.take(&delivery, false));
        }
        if let Some(handshake) = &mut self.handshake {
            handshake.end(reason);
        }
        self.report(context, flow);
    }

    fn report(&mut self, context: &mut Context, flow: &Flow) {
        self.take_waiting(context, flow.last_seen(), true);
        if let Some(opening) = &mut self.opening {
            opening.text.end(&mut context.text_sink, flow.last_seen(), Ending::Abandoned);
        }
        let Some(mut handshake) = self.handshake.take() else { return };
        if let Some(opening) = &self.opening {
            handshake.add_verdict(opening.verdict());
        }
        context.report(flow, handshake);
    }

    pub(super) fn heap_size(&self) -> usize {
        let messages: usize = self.messages.iter().map(MessageReassembler::buffered_bytes).sum();
        messages
            + self.handshake.as_ref().map_or(0, |handshake| handshake.heap_size())
            + self.opening.as_ref().map_or(0, |opening| opening.heap_size())
    }

    /// Length of the connection id that the receiver of `direction` asked for.
    fn connection_id_len(&self, direction: Direction) -> Option<u8> {
        self.handshake.as_ref()?.connection_id_len(direction.opposite())
    }

    fn on_record(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        record: &FullRecord<'_>,
    ) {
        if record.epoch > 0 && self.opening.is_some() {
            return self.on_sealed(context, now, direction, record);
        }
        let handshake = handshake_of(&mut self.handshake, direction, now);
        let is_clear = record.epoch == 0;
        match record.content_type {
            ContentType::HANDSHAKE if is_clear => {
                self.on_fragments(context, now, direction, record.fragment, false);
            }
            ContentType::CHANGE_CIPHER_SPEC => handshake.on_change_cipher_spec(direction),
            ContentType::ALERT if is_clear => handshake.on_alert(now, direction, record.fragment),
            _ if is_clear => {}
            _ => on_closed(handshake, now, direction, record),
        }
    }

    /// Takes a record that may be opened.
    fn on_sealed(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        record: &FullRecord<'_>,
    ) {
        self.take_waiting(context, now, false);
        let mut clear = std::mem::take(&mut context.clear);
        if let Some(opening) = &mut self.opening {
            let outcome = opening.open_dtls(now, direction, record, &mut clear);
            self.on_outcome(context, now, direction, record, outcome, &clear);
        }
        context.clear = clear;
    }

    /// Takes the records whose wait is over; at the end of the session all are.
    fn take_waiting(&mut self, context: &mut Context, now: Timestamp, is_end: bool) {
        while let Some(opening) = &mut self.opening
            && let Some(waiting) = opening.next_waiting(now, is_end)
        {
            let record = Records::new(&waiting.bytes, None).next();
            let Some(Ok(Record::Full(record))) = record else { continue };
            let mut clear = std::mem::take(&mut context.clear);
            let outcome = opening.open_waiting_dtls(waiting.direction, &record, &mut clear);
            self.on_outcome(context, now, waiting.direction, &record, outcome, &clear);
            context.clear = clear;
        }
    }

    fn on_outcome(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        record: &FullRecord<'_>,
        outcome: Outcome,
        clear: &[u8],
    ) {
        let handshake = handshake_of(&mut self.handshake, direction, now);
        match outcome {
            Outcome::Waits => return,
            Outcome::Closed => return on_closed(handshake, now, direction, record),
            Outcome::Opened { .. } => {}
        }
        match record.content_type {
            ContentType::HANDSHAKE => {
                handshake.on_encrypted_handshake(now, direction);
                self.on_fragments(context, now, direction, clear, true);
            }
            ContentType::ALERT => handshake.on_opened_alert(now, direction, clear),
            ContentType::APPLICATION_DATA => {
                handshake.on_application_data(now, direction, record.fragment.len());
                handshake.on_opened_data(now, direction, None);
                if let Some(opening) = &mut self.opening {
                    opening.on_data(context, now, direction, None, clear);
                    if handshake.is_over() {
                        opening.end_handshake();
                    }
                }
            }
            _ => {}
        }
    }

    fn on_fragments(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
        is_opened: bool,
    ) {
        for fragment in Fragments::new(body) {
            let handshake = handshake_of(&mut self.handshake, direction, now);
            let Ok(fragment) = fragment else {
                handshake.add_anomaly(Anomaly::MessageMalformed);
                return;
            };
            let opening = self.opening.as_deref_mut();
            let mut receiver = Receiver { handshake, opening, context, now, direction };
            let outcome = self.messages[direction]
                .add(&fragment, |delivery| receiver.take(&delivery, is_opened));
            match outcome {
                Reassembled::New | Reassembled::Duplicate => {}
                Reassembled::Conflict => handshake.add_anomaly(Anomaly::FragmentDiffers),
                Reassembled::Refused => handshake.add_anomaly(Anomaly::MessageTooLong),
            }
        }
    }
}

/// Takes note of a record that is encrypted and stays so.
fn on_closed(
    handshake: &mut Handshake,
    now: Timestamp,
    direction: Direction,
    record: &FullRecord<'_>,
) {
    match record.content_type {
        ContentType::HANDSHAKE => handshake.on_encrypted_handshake(now, direction),
        ContentType::CHANGE_CIPHER_SPEC => handshake.on_change_cipher_spec(direction),
        ContentType::ALERT => handshake.on_encrypted_alert(now, direction),
        _ => handshake.on_application_data(now, direction, record.fragment.len()),
    }
}

fn handshake_of(
    handshake: &mut Option<Box<Handshake>>,
    direction: Direction,
    now: Timestamp,
) -> &mut Handshake {
    handshake.get_or_insert_with(|| Box::new(Handshake::over_dtls(direction, now)))
}

/// Whoever takes the messages of a direction.
struct Receiver<'a> {
    handshake: &'a mut Handshake,
    opening: Option<&'a mut Opening>,
    context: &'a mut Context,
    now: Timestamp,
    direction: Direction,
}

impl Receiver<'_> {
    fn take(&mut self, delivery: &Delivery<'_>, is_opened: bool) {
        let Self { handshake, opening, context, now, direction } = self;
        let message = match delivery {
            Delivery::Message(message) => message,
            Delivery::Gap { .. } => return handshake.add_partial(Partial::Gap),
        };
        if let Some(opening) = opening {
            opening.on_dtls_message(*direction, message);
        }
        let kind = HandshakeType(message.message_type);
        if is_opened {
            handshake.on_opened_message(context, *now, *direction, kind, message.body);
        } else {
            handshake.on_message(context, *now, *direction, kind, message.body);
        }
    }
}
