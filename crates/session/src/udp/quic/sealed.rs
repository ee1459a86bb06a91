//! Packets of a QUIC connection that secrets open.

use std::fmt;

use event::Timestamp;
use flow::{Direction, Flow};
use quic::{CloseLayer, Protected, ProtectedFrame, Space, Version, protected_frame};
use tls::registry::HandshakeType;
use wire::Reader;

use super::Current;
use crate::both::Both;
use crate::context::Context;
use crate::decryption::{Ends, PacketOutcome, QuicOpening, StreamFrame, Streams};
use crate::marks::Anomaly;
use crate::messages::MessageBuffer;

/// What there is beside the Initial packets where secrets are known.
pub(super) struct SealedPart {
    pub(super) opening: QuicOpening,
    version: Version,
    handshake_messages: Both<MessageBuffer>,
    application_messages: Both<MessageBuffer>,
    pub(super) streams: Streams,
}

impl SealedPart {
    pub(super) fn new(
        context: &Context,
        flow: &Flow,
        client: Direction,
        version: Version,
    ) -> Option<Box<Self>> {
        let opening = QuicOpening::new(context.decryption()?, version);
        let (handshake_messages, application_messages) = (Both::default(), Both::default());
        let streams = Streams::new(Ends::of(flow), client);
        Some(Box::new(Self { opening, version, handshake_messages, application_messages, streams }))
    }

    pub(super) fn heap_size(&self) -> usize {
        let messages = self.handshake_messages.iter().chain(self.application_messages.iter());
        self.opening.heap_size()
            + self.streams.heap_size()
            + messages.map(MessageBuffer::heap_size).sum::<usize>()
    }
}

impl fmt::Debug for SealedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedPart").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Current {
    /// Whether the connection is followed beyond its handshake for what its packets hold.
    pub(super) fn goes_on(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| sealed.opening.goes_on())
    }

    /// Takes a packet that may be opened.
    pub(super) fn on_protected(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        packet: &Protected<'_>,
    ) {
        self.take_waiting(context, now, false);
        let Some(sealed) = &mut self.sealed else { return };
        let mut scratch = std::mem::take(&mut context.quic_opened);
        let outcome = sealed.opening.open(now, direction, packet, &mut scratch);
        if outcome == PacketOutcome::Opened {
            self.on_payload(context, now, direction, packet.space, &scratch.payload);
        }
        context.quic_opened = scratch;
    }

    /// Takes the packets whose wait is over; at the end of the connection all are.
    pub(super) fn take_waiting(&mut self, context: &mut Context, now: Timestamp, is_end: bool) {
        while let Some(sealed) = &mut self.sealed
            && let Some(waiting) = sealed.opening.next_waiting(now, is_end)
        {
            let mut scratch = std::mem::take(&mut context.quic_opened);
            if let Some(space) = sealed.opening.open_waiting(&waiting, &mut scratch) {
                self.on_payload(context, now, waiting.direction, space, &scratch.payload);
            }
            context.quic_opened = scratch;
        }
    }

    fn on_payload(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        space: Space,
        payload: &[u8],
    ) {
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            let (Some(handshake), Some(sealed)) = (&mut self.handshake, &mut self.sealed) else {
                return;
            };
            handshake.is_opened = true;
            match protected_frame(&mut reader, sealed.version) {
                Ok(ProtectedFrame::Crypto { offset, bytes }) => {
                    self.on_sealed_crypto(context, now, direction, space, (offset, bytes));
                }
                Ok(ProtectedFrame::Close { layer: CloseLayer::Transport, error })
                    if !handshake.is_established() =>
                {
                    let is_client = direction == handshake.client_direction();
                    handshake.on_connection_close(now, is_client, error.tls_alert());
                }
                Ok(ProtectedFrame::Stream { id, offset, bytes, is_last }) => {
                    let frame = StreamFrame { id, offset, bytes, is_last };
                    sealed.streams.on_frame(context, now, direction, frame);
                }
                Ok(_) => {}
                Err(anomaly) => return handshake.add_quic_anomaly(anomaly.name()),
            }
        }
        if space == Space::OneRtt
            && let (Some(handshake), Some(sealed)) = (&self.handshake, &mut self.sealed)
            && direction != handshake.client_direction()
            && handshake.is_established()
        {
            sealed.opening.end_handshake();
        }
    }

    fn on_sealed_crypto(
        &mut self,
        context: &mut Context,
        now: Timestamp,
        direction: Direction,
        space: Space,
        (offset, bytes): (u64, &[u8]),
    ) {
        let (Some(handshake), Some(sealed)) = (&mut self.handshake, &mut self.sealed) else {
            return;
        };
        let SealedPart { opening, handshake_messages, application_messages, .. } = &mut **sealed;
        let (streams, messages) = match space {
            Space::Handshake => (&mut opening.handshake, handshake_messages),
            Space::ZeroRtt | Space::OneRtt => (&mut opening.application, application_messages),
        };
        let stream = &mut streams[direction];
        stream.insert(offset, bytes, &mut |anomaly| handshake.add_quic_anomaly(anomaly.name()));
        let taken = messages[direction].take_all(stream.take_new(), |message| {
            if let Some((&[kind, _, _, _], body)) = message.split_first_chunk() {
                let kind = HandshakeType(kind);
                handshake.on_opened_message(context, now, direction, kind, body);
            }
        });
        if taken.is_err() {
            handshake.add_anomaly(Anomaly::MessageTooLong);
        }
    }
}
