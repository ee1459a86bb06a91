//! QUIC handshakes (RFC 9001), as far as the Initial packets show them, or secrets do.

mod sealed;

use event::{Name, Timestamp};
use flow::{Direction, Flow, Interest};
use quic::{Connections, Event, Side, Way};

use self::sealed::SealedPart;
use crate::context::Context;
use crate::handshake::Handshake;
use crate::marks::{Anomaly, Partial};
use crate::messages::MessageBuffer;

/// The QUIC of one five-tuple.
pub(crate) struct QuicSession {
    connections: Connections,
    current: Current,
}

/// The connection whose handshake is under way. A five-tuple has several one after the other, if at
/// all: after a version negotiation, or when a port is used again.
#[derive(Debug, Default)]
struct Current {
    number: u32,
    handshake: Option<Box<Handshake>>,
    client_messages: MessageBuffer,
    server_messages: MessageBuffer,
    is_undecryptable: bool,
    sealed: Option<Box<SealedPart>>,
}

impl QuicSession {
    /// Of a flow with secrets or without.
    pub(super) fn new(has_secrets: bool) -> Self {
        let connections =
            if has_secrets { Connections::with_protected() } else { Connections::new() };
        Self { connections, current: Current::default() }
    }

    pub(super) fn on_datagram(
        &mut self,
        context: &mut Context,
        flow: &Flow,
        direction: Direction,
        datagram: &[u8],
    ) -> Interest {
        let way = match direction {
            Direction::FromInitiator => Way::Forward,
            Direction::FromResponder => Way::Backward,
        };
        let mut scratch = std::mem::take(&mut context.quic_scratch);
        let current = &mut self.current;
        self.connections.handle(way, datagram, &mut scratch, &mut |event| {
            current.on_event(context, flow, &event);
        });
        context.quic_scratch = scratch;
        let is_over = self.current.handshake.as_ref().is_some_and(|handshake| handshake.is_over());
        if is_over && !self.current.goes_on() {
            self.current.report(context, flow);
            return Interest::Done;
        }
        Interest::Continue
    }

    pub(super) fn on_end(mut self, context: &mut Context, flow: &Flow, reason: Partial) {
        let current = &mut self.current;
        current.take_waiting(context, flow.last_seen(), true);
        self.connections.finish(&mut |event| current.on_event(context, flow, &event));
        if let Some(handshake) = &mut current.handshake {
            handshake.end(reason);
        }
        current.report(context, flow);
    }

    pub(super) fn heap_size(&self) -> usize {
        let current = &self.current;
        self.connections.heap_size()
            + current.client_messages.heap_size()
            + current.server_messages.heap_size()
            + current.handshake.as_ref().map_or(0, |handshake| handshake.heap_size())
            + current.sealed.as_ref().map_or(0, |sealed| sealed.heap_size())
    }
}

impl Current {
    fn on_event(&mut self, context: &mut Context, flow: &Flow, event: &Event<'_>) {
        let now = flow.last_seen();
        match event {
            Event::Opened { connection, client, version } => {
                self.report(context, flow);
                let mut handshake = Box::new(Handshake::over_quic(direction_of(*client), now));
                handshake.set_quic_version(Name::Owned(version.to_string()));
                let sealed = SealedPart::new(context, flow, direction_of(*client), *version);
                let (number, handshake) = (*connection, Some(handshake));
                *self = Self { number, handshake, sealed, ..Self::default() };
            }
            Event::VersionChanged { connection, version } if *connection == self.number => {
                if let Some(handshake) = &mut self.handshake {
                    handshake.set_quic_version(Name::Owned(version.to_string()));
                }
                if let Some(sealed) = &mut self.sealed {
                    sealed.opening.set_version(*version);
                }
            }
            Event::Crypto { connection, side, bytes } if *connection == self.number => {
                self.on_crypto(context, now, *side, bytes);
                self.take_waiting(context, now, false);
            }
            Event::Protected { from, packet } => {
                self.on_protected(context, now, direction_of(*from), packet);
            }
            Event::ConnectionClose { connection, side, error, .. }
                if *connection == self.number =>
            {
                if let Some(handshake) = &mut self.handshake {
                    handshake.on_connection_close(now, *side == Side::Client, error.tls_alert());
                }
            }
            Event::ShortHeader { from } => {
                if let Some(handshake) = &mut self.handshake {
                    handshake.on_quic_short_header(now, direction_of(*from));
                }
            }
            Event::Unread { .. } => {
                self.is_undecryptable = true;
                if let Some(handshake) = &mut self.handshake {
                    handshake.add_partial(Partial::Undecryptable);
                }
            }
            Event::Anomaly { anomaly, .. } => {
                if let Some(handshake) = &mut self.handshake {
                    handshake.add_quic_anomaly(anomaly.name());
                }
            }
            Event::VersionChanged { .. }
            | Event::Crypto { .. }
            | Event::ConnectionClose { .. }
            | Event::Retry { .. }
            | Event::VersionNegotiation { .. }
            | Event::ZeroRtt { .. }
            | Event::Handshake { .. }
            | Event::UnknownVersion { .. } => {}
        }
    }

    fn on_crypto(&mut self, context: &mut Context, now: Timestamp, side: Side, bytes: &[u8]) {
        let Some(handshake) = &mut self.handshake else { return };
        let client = handshake.client_direction();
        let (direction, messages) = match side {
            Side::Client => (client, &mut self.client_messages),
            Side::Server => (client.opposite(), &mut self.server_messages),
        };
        let sealed = &mut self.sealed;
        let on_whole = |message: &[u8]| {
            handshake.on_whole(context, now, direction, message);
            if let Some(sealed) = sealed {
                sealed.opening.on_message(direction, message);
            }
        };
        if messages.take_all(bytes, on_whole).is_err() {
            handshake.add_anomaly(Anomaly::MessageTooLong);
        }
    }

    fn report(&mut self, context: &mut Context, flow: &Flow) {
        if let Some(sealed) = &mut self.sealed {
            sealed.streams.end(context, flow.last_seen());
        }
        if let Some(mut handshake) = self.handshake.take() {
            if self.is_undecryptable {
                handshake.add_partial(Partial::Undecryptable);
            }
            if let Some(sealed) = &self.sealed {
                handshake.add_verdict(sealed.opening.verdict());
            }
            context.report(flow, handshake);
        }
    }
}

const fn direction_of(way: Way) -> Direction {
    match way {
        Way::Forward => Direction::FromInitiator,
        Way::Backward => Direction::FromResponder,
    }
}
