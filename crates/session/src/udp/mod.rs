//! What a UDP flow carries: DTLS, QUIC or neither.

mod dtls;
mod quic;

use event::Carrier;
use flow::{Direction, Flow, Interest};

use self::dtls::DtlsSession;
use self::quic::QuicSession;
use crate::context::Context;
use crate::marks::Partial;

/// One UDP flow that may carry a handshake.
#[derive(Default)]
pub(crate) struct UdpSession {
    carried: Carried,
}

enum Carried {
    /// Not known after this many datagrams.
    Unknown(u32),
    /// What somebody else takes.
    Other,
    Dtls(Box<DtlsSession>),
    Quic(Box<QuicSession>),
}

impl Default for Carried {
    fn default() -> Self {
        Self::Unknown(0)
    }
}

impl UdpSession {
    pub(crate) fn on_datagram(
        &mut self,
        context: &mut Context,
        flow: &Flow,
        direction: Direction,
        datagram: &[u8],
    ) -> Interest {
        if matches!(self.carried, Carried::Unknown(_) | Carried::Other)
            && let Some(sink) = &mut context.datagram_sink
            && sink(flow.last_seen(), datagram)
        {
            self.carried = Carried::Other;
        }
        if let Carried::Unknown(seen) = self.carried {
            if tls::dtls::looks_like_dtls(datagram)
                || tls::dtls::turn_channel_data(datagram).is_some_and(tls::dtls::looks_like_dtls)
            {
                let opening = context.opening(flow, Carrier::Dtls);
                self.carried = Carried::Dtls(Box::new(DtlsSession::new(opening)));
            } else if ::quic::looks_like_quic(datagram) {
                let has_secrets = context.decryption().is_some();
                self.carried = Carried::Quic(Box::new(QuicSession::new(has_secrets)));
            } else if seen >= MAX_UNKNOWN_DATAGRAMS {
                return Interest::Done;
            } else {
                self.carried = Carried::Unknown(seen + 1);
            }
        }
        match &mut self.carried {
            Carried::Unknown(_) | Carried::Other => Interest::Continue,
            Carried::Dtls(session) => session.on_datagram(context, flow, direction, datagram),
            Carried::Quic(session) => session.on_datagram(context, flow, direction, datagram),
        }
    }

    pub(crate) fn on_end(self, context: &mut Context, flow: &Flow, reason: Partial) {
        match self.carried {
            Carried::Unknown(_) | Carried::Other => {}
            Carried::Dtls(session) => session.on_end(context, flow, reason),
            Carried::Quic(session) => session.on_end(context, flow, reason),
        }
    }

    pub(crate) fn heap_size(&self) -> usize {
        match &self.carried {
            Carried::Unknown(_) | Carried::Other => 0,
            Carried::Dtls(session) => size_of::<DtlsSession>() + session.heap_size(),
            Carried::Quic(session) => size_of::<QuicSession>() + session.heap_size(),
        }
    }
}

/// Datagrams after which a flow is left alone. WebRTC sends some STUN before DTLS.
const MAX_UNKNOWN_DATAGRAMS: u32 = 64;
