//! From packets to events.

use event::{Carrier, Timestamp, TlsEvent, Transport};
use flow::{
    Application, BulkFlow, Counters, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest,
    Limits, Progress, Sighting,
};
use forge::Ending;
use wire::Packet;

use crate::context::{Context, DatagramSink};
use crate::decryption::TextSink;
use crate::marks::{Anomaly, Partial};
use crate::settings::Settings;
use crate::tcp::TcpSession;
use crate::udp::UdpSession;

/// Finds the TLS sessions in packets.
pub struct Analyzer {
    engine: Engine<Sessions>,
}

impl Analyzer {
    /// An analyzer that has seen nothing yet.
    #[must_use]
    pub fn new(settings: Settings, limits: Limits) -> Self {
        let context = Context::new(settings, limits.hash_seed);
        Self { engine: Engine::new(Sessions { context }, limits) }
    }

    /// Takes other choices for the events to come. The bound of the memory stays what it was.
    pub fn set_settings(&mut self, settings: Settings) {
        self.engine.application_mut().context.set_settings(settings);
    }

    /// Takes one packet. Packets are to come in the order of the capture.
    pub fn handle_packet(&mut self, packet: &Packet<'_>) {
        self.engine.handle_packet(packet);
    }

    /// Whether more packets of the flow of `packet`, which was handled, may tell anything.
    #[must_use]
    pub fn follows(&self, packet: &Packet<'_>) -> bool {
        self.engine.follows(packet)
    }

    /// Takes a few of the packets, as [`Self::handle_packet`] would one by one, and tells whether
    /// there were any. Their flows are looked up together, which waits less for memory.
    pub fn handle_some<'p>(
        &mut self,
        packets: &mut impl Iterator<Item = (Packet<'p>, Sighting)>,
    ) -> bool {
        self.engine.handle_some(packets)
    }

    /// Gives the clear text of sessions whose records are opened to `sink`, as it comes.
    pub fn set_text_sink(&mut self, sink: TextSink) {
        self.engine.application_mut().context.text_sink = Some(sink);
    }

    /// Offers the first datagrams of flows to `sink`, as long as these are not known to carry TLS.
    pub fn set_datagram_sink(&mut self, sink: DatagramSink) {
        self.engine.application_mut().context.datagram_sink = Some(sink);
    }

    /// Ends the sessions that have been silent for too long at `now`; for when no packets come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
    }

    /// Begins to look for flows that go on when their session is over, or carry none.
    pub const fn want_bulk_flows(&mut self) {
        self.engine.want_bulk_flows();
    }

    /// Those found since this was last called.
    pub fn take_bulk_flows(&mut self) -> impl Iterator<Item = BulkFlow> {
        self.engine.take_bulk_flows()
    }

    /// Ends all sessions; there are no more packets.
    pub fn finish(&mut self) {
        self.engine.finish();
    }

    /// The next event, in the order in which handshakes ended.
    pub fn poll_event(&mut self) -> Option<TlsEvent> {
        self.poll_event_with_network().map(|(event, _)| event)
    }

    /// The same with the number of the virtual network that its packets were in: of an overlay, or
    /// of the connection that a packet of [`wire::LinkType::SOCKET`] names.
    pub fn poll_event_with_network(&mut self) -> Option<(TlsEvent, Option<u32>)> {
        self.engine.application_mut().context.poll_event()
    }

    /// Events that wait to be fetched.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.engine.application().context.ended_len()
    }

    /// What was seen and lost so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.engine.counters()
    }
}

struct Sessions {
    context: Context,
}

/// What is kept for a flow.
enum Session {
    Tcp(TcpSession),
    Udp(UdpSession),
}

impl Sessions {
    /// Takes a session of which nothing more is wanted.
    fn report_tcp(&mut self, flow: &Flow, mut session: TcpSession) {
        session.end(&mut self.context, flow.last_seen(), Ending::Abandoned);
        if let Some(handshake) = session.into_handshake() {
            self.context.report(flow, handshake);
        }
    }
}

/// How the clear text of a session ends that ends so.
const fn ending(reason: EndReason) -> Ending {
    match reason {
        EndReason::Fin => Ending::Finished,
        EndReason::Reset => Ending::Reset,
        EndReason::Timeout | EndReason::PortReuse | EndReason::Evicted | EndReason::EndOfInput => {
            Ending::Abandoned
        }
    }
}

impl Application for Sessions {
    type State = Session;

    fn open(&mut self, flow: &Flow) -> Session {
        match flow.transport() {
            Transport::Tcp => {
                let is_midstream =
                    Direction::BOTH.into_iter().any(|side| flow.starts_mid_stream(side));
                let opening = self.context.opening(flow, Carrier::Tcp);
                Session::Tcp(TcpSession::new(is_midstream, opening))
            }
            Transport::Udp => Session::Udp(UdpSession::default()),
        }
    }

    fn on_stream(
        &mut self,
        flow: &Flow,
        state: &mut Session,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress {
        let Session::Tcp(session) = state else {
            return Progress { consumed: bytes.len(), opaque: false, interest: Interest::Done };
        };
        let progress = session.on_stream(&mut self.context, flow.last_seen(), direction, bytes);
        if progress.interest == Interest::Done {
            self.report_tcp(flow, std::mem::take(session));
        }
        progress
    }

    fn on_gap(
        &mut self,
        flow: &Flow,
        state: &mut Session,
        direction: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest {
        let Session::Tcp(session) = state else { return Interest::Done };
        let interest = session.on_gap(direction, missing, unconsumed);
        if interest == Interest::Done {
            self.report_tcp(flow, std::mem::take(session));
        }
        interest
    }

    fn on_datagram(
        &mut self,
        flow: &Flow,
        state: &mut Session,
        direction: Direction,
        payload: &[u8],
    ) -> Interest {
        let Session::Udp(session) = state else { return Interest::Done };
        session.on_datagram(&mut self.context, flow, direction, payload)
    }

    fn on_anomaly(
        &mut self,
        _flow: &Flow,
        state: &mut Session,
        _direction: Direction,
        anomaly: FlowAnomaly,
    ) {
        let Session::Tcp(session) = state else { return };
        session.add_anomaly(match anomaly {
            FlowAnomaly::OverlapDiffers => Anomaly::OverlapDiffers,
            FlowAnomaly::ResetOutOfWindow => Anomaly::ResetOutOfWindow,
            FlowAnomaly::DataAfterFin => Anomaly::DataAfterFin,
            FlowAnomaly::FragmentOverlap => Anomaly::FragmentOverlap,
        });
    }

    fn on_end(&mut self, flow: &Flow, state: Session, reason: EndReason) {
        let partial = match reason {
            EndReason::Fin | EndReason::Reset | EndReason::PortReuse => Partial::Aborted,
            EndReason::Timeout => Partial::Timeout,
            EndReason::Evicted => Partial::Evicted,
            EndReason::EndOfInput => Partial::EndOfCapture,
        };
        match state {
            Session::Tcp(mut session) => {
                session.end(&mut self.context, flow.last_seen(), ending(reason));
                if let Some(mut handshake) = session.into_handshake() {
                    handshake.end(partial);
                    self.context.report(flow, handshake);
                }
            }
            Session::Udp(session) => session.on_end(&mut self.context, flow, partial),
        }
    }

    fn heap_size(state: &Session) -> usize {
        match state {
            Session::Tcp(session) => session.heap_size(),
            Session::Udp(session) => session.heap_size(),
        }
    }
}
