//! DTLS handshakes (RFC 6347, RFC 9147).

use event::Timestamp;
use flow::{Direction, Flow, Interest};
use tls::dtls::{Delivery, Fragments, FullRecord, MessageReassembler, Outcome, Record, Records};
use tls::registry::{ContentType, HandshakeType};

use crate::both::Both;
use crate::context::Context;
use crate::handshake::Handshake;
use crate::marks::{Anomaly, Partial};

/// The DTLS of one five-tuple.
#[derive(Debug, Default)]
pub(crate) struct DtlsSession {
    handshake: Option<Box<Handshake>>,
    messages: Both<MessageReassembler>,
}

impl DtlsSession {
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
        if self.handshake.as_ref().is_some_and(|handshake| handshake.is_over())
            && let Some(handshake) = self.handshake.take()
        {
            context.report(flow, handshake);
            return Interest::Done;
        }
        Interest::Continue
    }

    pub(super) fn on_end(mut self, context: &mut Context, flow: &Flow, reason: Partial) {
        for direction in Direction::BOTH {
            let handshake = handshake_of(&mut self.handshake, direction, flow.last_seen());
            self.messages[direction].skip_gap(|delivery| {
                deliver(handshake, context, flow.last_seen(), direction, &delivery);
            });
        }
        if let Some(mut handshake) = self.handshake {
            handshake.end(reason);
            context.report(flow, handshake);
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        let messages: usize = self.messages.iter().map(MessageReassembler::buffered_bytes).sum();
        messages + self.handshake.as_ref().map_or(0, |handshake| handshake.heap_size())
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
        let handshake = handshake_of(&mut self.handshake, direction, now);
        let is_clear = record.epoch == 0;
        match record.content_type {
            ContentType::HANDSHAKE if is_clear => {
                self.on_fragments(context, now, direction, record.fragment);
            }
            ContentType::HANDSHAKE => handshake.on_encrypted_handshake(now, direction),
            ContentType::CHANGE_CIPHER_SPEC => handshake.on_change_cipher_spec(direction),
            ContentType::ALERT if is_clear => handshake.on_alert(now, direction, record.fragment),
            ContentType::ALERT => handshake.on_encrypted_alert(now, direction),
            _ if is_clear => {}
            _ => handshake.on_application_data(now, direction, record.fragment.len()),
        }
    }

    fn on_fragments(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        body: &[u8],
    ) {
        for fragment in Fragments::new(body) {
            let handshake = handshake_of(&mut self.handshake, direction, now);
            let Ok(fragment) = fragment else {
                handshake.add_anomaly(Anomaly::MessageMalformed);
                return;
            };
            let outcome = self.messages[direction].add(&fragment, |delivery| {
                deliver(handshake, context, now, direction, &delivery);
            });
            match outcome {
                Outcome::New | Outcome::Duplicate => {}
                Outcome::Conflict => handshake.add_anomaly(Anomaly::FragmentDiffers),
                Outcome::Refused => handshake.add_anomaly(Anomaly::MessageTooLong),
            }
        }
    }
}

fn handshake_of(
    handshake: &mut Option<Box<Handshake>>,
    direction: Direction,
    now: Timestamp,
) -> &mut Handshake {
    handshake.get_or_insert_with(|| Box::new(Handshake::over_dtls(direction, now)))
}

fn deliver(
    handshake: &mut Handshake,
    context: &mut Context,
    now: Timestamp,
    direction: Direction,
    delivery: &Delivery<'_>,
) {
    match delivery {
        Delivery::Message(message) => {
            let kind = HandshakeType(message.message_type);
            handshake.on_message(context, now, direction, kind, message.body);
        }
        Delivery::Gap { .. } => handshake.add_partial(Partial::Gap),
    }
}
