//! SYN, SYN-ACK, the ACK behind it, and RST.

use std::ops::ControlFlow;

use wire::{SeqNumber, TcpFlags, TcpSegment};

use super::{Connection, Context, Flowing, Patience, Stop};
use crate::application::{Application, Direction, EndReason, FlowAnomaly};
use crate::flow::Roles;
use crate::table::SynKind;

/// What to do with a segment that has a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SynVerdict {
    /// It belongs to the flow.
    Take,
    /// It does not, and is no new flow either.
    Ignore,
    /// It begins a new flow with the same addresses and ports.
    NewFlow,
}

impl<S> Connection<S> {
    /// Takes the SYN of a segment of the flow: its roles, times and the start of the stream.
    pub(crate) fn syn<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        segment: &TcpSegment<'_>,
        kind: SynKind,
    ) -> SynVerdict {
        let is_answer = segment.flags.contains(TcpFlags::ACK);
        match kind {
            SynKind::Repeated => return SynVerdict::Take,
            SynKind::Other => return self.other_syn(direction, segment),
            SynKind::First => {}
        }
        let first = segment.sequence.plus(1);
        if !self.may_begin_with(direction, first) {
            return SynVerdict::NewFlow;
        }
        let opener = if is_answer { direction.opposite() } else { direction };
        let direction = self.take_roles(context, direction, opener);
        let time = self.flow.last_seen;
        if is_answer {
            self.flow.syn_ack = self.flow.syn_ack.or(Some(time));
            let asked = self.tcp.get_mut(direction.opposite());
            if asked.next.is_none() {
                asked.start(segment.acknowledgment);
            }
        } else {
            self.flow.syn = self.flow.syn.or(Some(time));
        }
        let tcp = self.tcp.get_mut(direction);
        tcp.scale_window(segment.window_scale());
        if !tcp.consumed_any {
            tcp.rebase(first);
            *self.flow.starts_mid_stream.get_mut(direction) = false;
        } else if tcp.first() == Some(first) {
            *self.flow.starts_mid_stream.get_mut(direction) = false;
        }
        SynVerdict::Take
    }

    /// Notes the ACK that ends the handshake.
    #[inline]
    pub(super) fn handshake_ack(&mut self, direction: Direction, segment: &TcpSegment<'_>) {
        if self.flow.handshake_ack.is_some() || direction == Direction::FromResponder {
            return;
        }
        if self.flow.syn_ack.is_some() {
            self.flow.handshake_ack = Some(self.flow.last_seen);
        } else if self.flow.syn.is_some()
            && self.tcp.get(Direction::FromInitiator).first() == Some(segment.sequence)
        {
            let responder = self.tcp.get_mut(Direction::FromResponder);
            if responder.next.is_none() {
                responder.start(segment.acknowledgment);
            }
        }
    }

    /// Takes a RST, if the receiver would.
    #[cold]
    pub(super) fn reset<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        segment: &TcpSegment<'_>,
    ) -> Flowing {
        let receiver = self.tcp.get(direction.opposite());
        let sender = self.tcp.get(direction);
        let believed = match (sender.next, receiver.next) {
            // RFC 9293 section 3.5.2: the answer to a SYN is believed if it acknowledges it.
            (None, Some(next)) if segment.flags.contains(TcpFlags::ACK) => {
                segment.acknowledgment == next || receiver.is_within(segment.acknowledgment)
            }
            _ => sender.may_reset(segment.sequence, receiver.offered_window),
        };
        if believed {
            for direction in Direction::BOTH {
                self.settle(context, direction, Patience::None)?;
            }
            return ControlFlow::Break(Stop::Ended(EndReason::Reset));
        }
        context.counters.resets_out_of_window += 1;
        self.anomaly(context, direction, FlowAnomaly::ResetOutOfWindow);
        ControlFlow::Continue(())
    }

    /// Whether a stream that has been seen may have begun with `first`.
    fn may_begin_with(&self, direction: Direction, first: SeqNumber) -> bool {
        match self.tcp.get(direction).first() {
            None => true,
            Some(seen) => {
                seen.distance_from(first).is_some_and(|len| len <= MAX_BEFORE_SYN)
                    || !self.tcp.get(direction).consumed_any && self.state.is_none()
            }
        }
    }

    /// Judges a SYN with another sequence number than the sender's first one.
    fn other_syn(&mut self, direction: Direction, segment: &TcpSegment<'_>) -> SynVerdict {
        if !segment.flags.contains(TcpFlags::ACK) {
            return SynVerdict::NewFlow;
        }
        let answers = self.tcp.get(direction.opposite()).first() == Some(segment.acknowledgment);
        let tcp = self.tcp.get_mut(direction);
        match (answers, tcp.is_untouched()) {
            (true, true) => {
                tcp.start(segment.sequence.plus(1));
                SynVerdict::Take
            }
            (true, false) => SynVerdict::Ignore,
            (false, _) => SynVerdict::NewFlow,
        }
    }

    /// Makes the sender of `opener` the initiator if the roles were only guessed, and gives what
    /// `direction` is then.
    fn take_roles<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        opener: Direction,
    ) -> Direction {
        if self.flow.roles == Roles::Observed {
            return direction;
        }
        let consumed = self.tcp.both().iter().any(|tcp| tcp.consumed_any);
        if opener == Direction::FromInitiator {
            self.flow.roles = Roles::Observed;
            if !consumed && !self.tcp.get(direction).is_untouched() {
                self.start_over(context);
            }
            return direction;
        }
        if consumed {
            return direction;
        }
        self.start_over(context);
        self.flow.roles = Roles::Observed;
        self.flow.swap_roles();
        self.tcp.swap();
        direction.opposite()
    }

    /// Takes back what the application has been given, of which it has consumed nothing.
    fn start_over<A: Application<State = S>>(&mut self, context: &mut Context<'_, A>) {
        self.state = None;
        for tcp in self.tcp.both_mut() {
            if let Some(first) = tcp.first() {
                tcp.rebase(first);
            }
            tcp.stream.release(context.buffers);
        }
    }
}

/// How far in front of the first byte seen a late SYN may be, in bytes: packets of a capture are
/// mixed up by less, and the SYN of a new flow on the same ports is closer only once in 4096 times.
const MAX_BEFORE_SYN: u32 = 1 << 20;
