//! A flow that the application follows.

mod handshake;
mod payload;

use std::ops::ControlFlow;

use event::Timestamp;
use wire::{TcpFlags, TcpSegment};

pub(crate) use handshake::SynVerdict;

use crate::application::{Application, Direction, EndReason, FlowAnomaly, Interest};
use crate::buffer_pool::BufferPool;
use crate::counters::Counters;
use crate::decap::Network;
use crate::flow::{Flow, Roles};
use crate::key::Sender;
use crate::per_direction::PerDirection;
use crate::tcp::TcpDirection;

/// A flow that the application follows: what is known of it, the application's state, and its
/// streams.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) flow: Flow,
    state: Option<S>,
    tcp: PerDirection<TcpDirection>,
    accounted_bytes: usize,
}

/// What a connection works with while a packet is in hand.
pub(crate) struct Context<'e, A> {
    pub(crate) application: &'e mut A,
    pub(crate) counters: &'e mut Counters,
    pub(crate) buffers: &'e mut BufferPool,
    pub(crate) now: Timestamp,
}

/// Why a connection is not followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The application wants no more of it.
    Done,
    /// The application consumes nothing of a stream.
    Unconsumed,
    /// It has ended.
    Ended(EndReason),
}

/// Whether a connection is followed further.
pub(crate) type Flowing = ControlFlow<Stop>;

impl<S> Connection<S> {
    pub(crate) fn new(flow: Flow) -> Self {
        Self { flow, state: None, tcp: PerDirection::default(), accounted_bytes: 0 }
    }

    /// Makes a connection that has been ended into a new one.
    pub(crate) fn renew(&mut self, flow: Flow) {
        self.flow = flow;
    }

    /// Reads what the next packet of the sender will need, so that it is in the cache by then.
    #[inline]
    pub(crate) fn warm_up(&self, sender: Sender) {
        let direction = self.flow.direction(sender);
        std::hint::black_box((self.flow.last_seen, self.tcp.get(direction).next));
    }

    /// Notes a packet of the flow.
    #[inline]
    pub(crate) fn note_packet(
        &mut self,
        direction: Direction,
        network: &Network,
        time: Timestamp,
        missing: usize,
    ) {
        let flow = &mut self.flow;
        flow.last_seen = time;
        flow.packet_truncated = missing > 0;
        flow.truncated_by_snaplen |= missing > 0;
        let traffic = flow.traffic.get_mut(direction);
        traffic.packets += 1;
        traffic.ip_bytes += network.len as u64;
        traffic.mac = traffic.mac.or(network.carrier.source_mac);
    }

    /// Takes a segment; its SYN, if it has one, has been taken by [`Self::syn`].
    #[inline]
    pub(crate) fn segment<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        segment: &TcpSegment<'_>,
        missing: usize,
    ) -> Flowing {
        let flags = segment.flags;
        if flags.contains(TcpFlags::RST) {
            return self.reset(context, direction, segment);
        }
        let is_syn = flags.contains(TcpFlags::SYN);
        if flags.contains(TcpFlags::ACK) {
            if !is_syn {
                self.handshake_ack(direction, segment);
            }
            self.tcp.get_mut(direction.opposite()).acknowledge(segment.acknowledgment);
        }
        let first = if is_syn { segment.sequence.plus(1) } else { segment.sequence };
        self.tcp.get_mut(direction).offer_window(segment.window, is_syn);
        if !segment.payload.is_empty() || missing > 0 {
            self.payload(context, direction, first, segment.payload, missing)?;
        }
        if flags.contains(TcpFlags::FIN) {
            let len = segment.payload.len().saturating_add(missing);
            self.tcp.get_mut(direction).finish(first.plus(len32(len)));
        }
        for direction in [direction, direction.opposite()] {
            if self.tcp.get(direction).is_unsettled() {
                self.settle(context, direction, Patience::Some)?;
            }
        }
        if self.tcp.both().iter().all(|tcp| tcp.is_finished()) {
            return ControlFlow::Break(Stop::Ended(EndReason::Fin));
        }
        ControlFlow::Continue(())
    }

    /// Takes a datagram.
    pub(crate) fn datagram<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        payload: &[u8],
    ) -> Flowing {
        if payload.is_empty() {
            return ControlFlow::Continue(());
        }
        self.open(context);
        let Some(state) = self.state.as_mut() else { return ControlFlow::Continue(()) };
        going_on(context.application.on_datagram(&self.flow, state, direction, payload))
    }

    /// Gives up the holes that have been waited for long enough.
    pub(crate) fn check_holes<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
    ) -> Flowing {
        for direction in Direction::BOTH {
            if self.tcp.get(direction).hole.is_some() {
                self.settle(context, direction, Patience::Some)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Gives what is left of the streams to the application, and ends the flow. The connection
    /// holds nothing after that.
    pub(crate) fn end<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        reason: EndReason,
    ) {
        let mut flushed = ControlFlow::Continue(());
        for direction in Direction::BOTH {
            if flushed.is_continue() {
                flushed = self.settle(context, direction, Patience::None);
            }
        }
        match flushed {
            ControlFlow::Continue(()) => self.close(context, Stop::Ended(reason)),
            ControlFlow::Break(stop) => self.close(context, stop),
        }
    }

    /// Ends the flow without looking at what is left of the streams.
    pub(crate) fn close<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        stop: Stop,
    ) {
        let reason = match stop {
            Stop::Done => None,
            Stop::Unconsumed => {
                context.counters.flows_unconsumed_over_limit += 1;
                Some(EndReason::Evicted)
            }
            Stop::Ended(reason) => Some(reason),
        };
        if let (Some(state), Some(reason)) = (self.state.take(), reason) {
            context.application.on_end(&self.flow, state, reason);
        }
        self.state = None;
        for tcp in self.tcp.both_mut() {
            tcp.reset(context.buffers);
        }
    }

    /// Tells the application of an anomaly, which is counted by the caller.
    pub(crate) fn anomaly<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        anomaly: FlowAnomaly,
    ) {
        if let Some(state) = self.state.as_mut() {
            context.application.on_anomaly(&self.flow, state, direction, anomaly);
        }
    }

    /// Bytes that the connection holds, and those it held when last asked.
    #[inline]
    pub(crate) fn account<A: Application<State = S>>(&mut self) -> (usize, usize) {
        let state = match &self.state {
            Some(state) => A::heap_size(state),
            None => 0,
        };
        let streams: usize = self.tcp.both().iter().map(|tcp| tcp.heap_size()).sum();
        let before = self.accounted_bytes;
        self.accounted_bytes = size_of::<Self>() + state + streams;
        (self.accounted_bytes, before)
    }

    /// What the connection was last accounted for, which from here on is nothing.
    pub(crate) const fn settle_account(&mut self) -> usize {
        std::mem::replace(&mut self.accounted_bytes, 0)
    }

    #[inline]
    fn open<A: Application<State = S>>(&mut self, context: &mut Context<'_, A>) {
        if self.state.is_none() {
            self.state = Some(context.application.open(&self.flow));
            if self.flow.roles == Roles::Guessed {
                context.counters.flows_mid_stream += u64::from(self.is_tcp());
            }
        }
    }

    fn is_tcp(&self) -> bool {
        self.flow.transport() == event::Transport::Tcp
    }
}

/// Whether holes in a stream may still be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Some,
    None,
}

fn going_on(interest: Interest) -> Flowing {
    match interest {
        Interest::Continue => ControlFlow::Continue(()),
        Interest::Done => ControlFlow::Break(Stop::Done),
    }
}

/// The length of a part of one packet, which is below 2³².
fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
