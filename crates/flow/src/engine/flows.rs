//! From a segment or datagram to its flow.

use std::ops::ControlFlow;

use event::{Timestamp, Transport};
use wire::{Packet, TcpFlags, TcpSegment, UdpDatagram};

use super::Engine;
use crate::application::{Application, EndReason, FlowAnomaly};
use crate::connection::{Connection, Context, Flowing, Stop, SynVerdict};
use crate::decap::{Innermost, Outcome, TransportView, decapsulate};
use crate::flow::{Flow, Roles};
use crate::key::{FlowKey, Sender, Tag};
use crate::sighting::MARKS;
use crate::table::{Entry, Phase};

/// Where in the table the flow of a packet is, or would be, and which end of it sent the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    key: FlowKey,
    hash: u64,
    sender: Sender,
    slot: Option<u32>,
}

/// What is left to be done when a flow has taken a packet.
enum Aftermath {
    Nothing,
    Stop(Stop),
    /// The packet begins a new flow in the place of this one.
    Begin(EndReason),
}

impl<A: Application> Engine<A> {
    /// Whether the application follows the flow of a packet that was handled, and wants more of it.
    #[must_use]
    pub fn follows(&self, packet: &Packet<'_>) -> bool {
        let Outcome::Found(innermost) = decapsulate(packet) else { return true };
        let entry = self.find(&innermost).slot.and_then(|slot| self.table.get(slot));
        entry.is_some_and(|entry| entry.connection.is_some())
    }

    /// Looks up the flow of a segment or datagram.
    pub(super) fn find(&self, packet: &Innermost<'_>) -> Found {
        let network = &packet.network;
        let (transport, source_port, destination_port) = match &packet.transport {
            TransportView::Tcp(tcp) => (Transport::Tcp, tcp.source_port, tcp.destination_port),
            TransportView::Udp(udp) => (Transport::Udp, udp.source_port, udp.destination_port),
        };
        let tag = Tag::new(network.is_v6, transport, network.carrier.vni);
        let (source, destination) =
            ((network.source, source_port), (network.destination, destination_port));
        let (key, sender) = FlowKey::new(source, destination, tag);
        let hash = self.table.hash(&key);
        Found { key, hash, sender, slot: self.table.find(hash, &key) }
    }

    /// Gives a segment or datagram to its flow, which it may begin.
    #[inline]
    pub(super) fn take(
        &mut self,
        packet: &Innermost<'_>,
        found: &Found,
        time: Timestamp,
        contradictory: bool,
    ) {
        let Found { sender, .. } = *found;
        let Some(slot) = found.slot else {
            return self.begin(found, packet, time, contradictory);
        };
        let now = self.clock.tick();
        let Some(entry) = self.table.get_mut(slot) else { return };
        let idle = now.distance(entry.last_seen);
        let aftermath = if idle > self.idle_limits.of(entry.phase) {
            Aftermath::Begin(EndReason::Timeout)
        } else {
            entry.last_seen = now;
            match entry.phase {
                Phase::Done | Phase::Lingering | Phase::Free => ended(entry, sender, packet),
                Phase::HalfOpen | Phase::Active | Phase::Closing | Phase::Datagrams => {
                    self.follow(slot, sender, packet, time, contradictory)
                }
            }
        };
        match aftermath {
            Aftermath::Nothing => {}
            Aftermath::Stop(stop) => self.stop(slot, stop),
            Aftermath::Begin(reason) => {
                self.end(slot, reason);
                self.table.remove(slot);
                self.begin(found, packet, time, contradictory);
            }
        }
    }

    /// Begins a flow with its first packet.
    fn begin(
        &mut self,
        found: &Found,
        packet: &Innermost<'_>,
        time: Timestamp,
        contradictory: bool,
    ) {
        let Found { key, sender, hash, .. } = *found;
        let (flags, phase) = match &packet.transport {
            TransportView::Tcp(segment) => (segment.flags, Phase::HalfOpen),
            TransportView::Udp(_) => (TcpFlags::default(), Phase::Datagrams),
        };
        if self.table.len() >= self.limits.max_flows {
            self.evict_flow();
        }
        let is_syn = flags.contains(TcpFlags::SYN);
        let is_answer = flags.contains(TcpFlags::SYN | TcpFlags::ACK);
        let initiator = if is_answer { sender.other() } else { sender };
        let mut flow = Flow::new(key, initiator, time);
        flow.roles = if is_syn { Roles::Observed } else { Roles::Guessed };
        flow.vlan = packet.network.carrier.vlan;
        flow.tunnel = packet.network.carrier.tunnel;
        let connection = self.connection(flow);
        let entry = Entry::new(key, connection, phase, self.clock.tick());
        let slot = self.table.insert(hash, entry);
        self.counters.flows_opened += 1;
        match self.follow(slot, sender, packet, time, contradictory) {
            Aftermath::Stop(stop) => self.stop(slot, stop),
            Aftermath::Nothing | Aftermath::Begin(_) => {}
        }
    }

    /// Gives a packet to the flow in a slot, which the application follows.
    fn follow(
        &mut self,
        slot: u32,
        sender: Sender,
        packet: &Innermost<'_>,
        time: Timestamp,
        contradictory: bool,
    ) -> Aftermath {
        let Some(entry) = self.table.get_mut(slot) else { return Aftermath::Nothing };
        let Some(mut connection) = entry.connection.take() else { return Aftermath::Nothing };
        let mut context = Context {
            application: &mut self.application,
            counters: &mut self.counters,
            buffers: &mut self.buffers,
            now: self.clock.now(),
        };
        let direction = connection.flow.direction(sender);
        connection.note_packet(direction, &packet.network, time, packet.missing);
        let aftermath = match &packet.transport {
            TransportView::Tcp(segment) => follow_segment(
                entry,
                &mut connection,
                &mut context,
                sender,
                segment,
                packet.missing,
            ),
            TransportView::Udp(UdpDatagram { payload, .. }) => {
                after(connection.datagram(&mut context, direction, payload))
            }
        };
        if contradictory {
            let direction = connection.flow.direction(sender);
            connection.anomaly(&mut context, direction, FlowAnomaly::FragmentOverlap);
        }
        let (held, held_before) = connection.account::<A>();
        self.connection_bytes = (self.connection_bytes + held).saturating_sub(held_before);
        entry.connection = Some(connection);
        aftermath
    }

    /// Lets go of a connection that its own packets have ended.
    pub(super) fn stop(&mut self, slot: u32, stop: Stop) {
        let Some(entry) = self.table.get_mut(slot) else { return };
        entry.phase = match stop {
            Stop::Done | Stop::Unconsumed => Phase::Done,
            Stop::Ended(_) => Phase::Lingering,
        };
        let Some(mut connection) = entry.connection.take() else { return };
        connection.close(&mut self.context(), stop);
        self.discard(connection);
    }

    /// Ends the flow in a slot, whatever it is waiting for. The slot remains taken.
    pub(super) fn end(&mut self, slot: u32, reason: EndReason) {
        let Some(entry) = self.table.get_mut(slot) else { return };
        let reason = match (entry.phase, reason) {
            (Phase::Closing, EndReason::Timeout | EndReason::EndOfInput) => EndReason::Fin,
            (_, reason) => reason,
        };
        entry.phase = Phase::Lingering;
        let Some(mut connection) = entry.connection.take() else { return };
        connection.end(&mut self.context(), reason);
        self.discard(connection);
    }

    pub(super) const fn context(&mut self) -> Context<'_, A> {
        Context {
            application: &mut self.application,
            counters: &mut self.counters,
            buffers: &mut self.buffers,
            now: self.clock.now(),
        }
    }

    fn connection(&mut self, flow: Flow) -> Box<Connection<A::State>> {
        match self.spare.pop() {
            Some(mut connection) => {
                connection.renew(flow);
                connection
            }
            None => Box::new(Connection::new(flow)),
        }
    }

    fn discard(&mut self, mut connection: Box<Connection<A::State>>) {
        let held = connection.settle_account();
        self.connection_bytes = self.connection_bytes.saturating_sub(held);
        if self.spare.len() < MAX_SPARE_CONNECTIONS {
            self.spare.push(connection);
        }
    }
}

fn follow_segment<A: Application>(
    entry: &mut Entry<Connection<A::State>>,
    connection: &mut Connection<A::State>,
    context: &mut Context<'_, A>,
    sender: Sender,
    segment: &TcpSegment<'_>,
    missing: usize,
) -> Aftermath {
    let direction = connection.flow.direction(sender);
    if segment.flags.contains(TcpFlags::SYN) && !segment.flags.contains(TcpFlags::RST) {
        let kind = entry.note_syn(sender, segment.sequence);
        match connection.syn(context, direction, segment, kind) {
            SynVerdict::Take => {}
            SynVerdict::Ignore => {
                context.counters.segments_out_of_window += 1;
                return Aftermath::Nothing;
            }
            SynVerdict::NewFlow => return Aftermath::Begin(EndReason::PortReuse),
        }
    }
    let direction = connection.flow.direction(sender);
    let flowing = connection.segment(context, direction, segment, missing);
    if entry.phase == Phase::HalfOpen && !segment.payload.is_empty() {
        entry.phase = Phase::Active;
    }
    if segment.flags.contains(TcpFlags::FIN) && entry.note_fin(sender) {
        entry.phase = Phase::Closing;
    }
    after(flowing)
}

/// Judges a packet of a flow that the application does not follow.
#[inline]
fn ended<T>(entry: &mut Entry<T>, sender: Sender, packet: &Innermost<'_>) -> Aftermath {
    match &packet.transport {
        TransportView::Tcp(segment) if segment.flags.intersects(MARKS) => {
            ended_by(entry, sender, segment)
        }
        TransportView::Tcp(_) | TransportView::Udp(_) => Aftermath::Nothing,
    }
}

#[cold]
fn ended_by<T>(entry: &mut Entry<T>, sender: Sender, segment: &TcpSegment<'_>) -> Aftermath {
    let flags = segment.flags;
    if flags.contains(TcpFlags::RST) {
        entry.phase = Phase::Lingering;
    } else if flags.contains(TcpFlags::SYN) {
        let asked = entry.initial(sender.other()).map(|initial| initial.plus(1));
        let answers = flags.contains(TcpFlags::ACK) && asked == Some(segment.acknowledgment);
        // A peer that was reset for an older connection asks again with the same number.
        let asks_again = entry.phase == Phase::Lingering && !flags.contains(TcpFlags::ACK);
        let known = entry.initial(sender) == Some(segment.sequence) && !asks_again;
        if !known && !answers {
            return Aftermath::Begin(EndReason::PortReuse);
        }
    } else if entry.note_fin(sender) {
        entry.phase = Phase::Lingering;
    }
    Aftermath::Nothing
}

fn after(flowing: Flowing) -> Aftermath {
    match flowing {
        ControlFlow::Continue(()) => Aftermath::Nothing,
        ControlFlow::Break(stop) => Aftermath::Stop(stop),
    }
}

/// Connections kept for flows to come: those that end between two that begin.
const MAX_SPARE_CONNECTIONS: usize = 256;
