//! Payload to the streams, and streams to the application.

use std::ops::ControlFlow;

use wire::SeqNumber;

use super::{Connection, Context, Flowing, Patience, Stop, going_on, len32};
use crate::application::{Application, Direction, FlowAnomaly};
use crate::pieces::Overlap;
use crate::tcp::{Hole, Place};

impl<S> Connection<S> {
    /// Takes the payload of a segment, of which `missing` bytes more were on the wire.
    #[inline]
    pub(super) fn payload<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        sequence: SeqNumber,
        payload: &[u8],
        missing: usize,
    ) -> Flowing {
        let tcp = self.tcp.get_mut(direction);
        if tcp.next.is_none() {
            tcp.start(sequence);
            *self.flow.starts_mid_stream.get_mut(direction) = true;
        }
        let payload = match tcp.fin {
            None => payload,
            Some(_) => self.before_fin(context, direction, sequence, payload),
        };
        match self.tcp.get_mut(direction).place(sequence) {
            Place::Next => self.next(context, direction, payload)?,
            Place::Back(back) => self.back(context, direction, back, payload)?,
            Place::Ahead(position) => {
                context.counters.out_of_order_segments += 1;
                self.keep(context, direction, position, payload);
                self.settle(context, direction, Patience::Some)?;
            }
            Place::Stray => {
                context.counters.segments_out_of_window += 1;
                return ControlFlow::Continue(());
            }
            Place::Elsewhere => {
                self.gap(context, direction, None)?;
                let tcp = self.tcp.get_mut(direction);
                tcp.ahead.clear();
                tcp.start(sequence);
                self.next(context, direction, payload)?;
            }
        }
        let end = sequence.plus(len32(payload.len()));
        let tcp = self.tcp.get(direction);
        if missing > 0 && tcp.next == Some(end) {
            let missing = len32(missing);
            let missing = tcp.distance_to_kept().map_or(missing, |kept| kept.min(missing));
            self.gap(context, direction, Some(missing))?;
            self.settle(context, direction, Patience::Some)?;
        }
        ControlFlow::Continue(())
    }

    /// Delivers what has become deliverable, and gives up a hole when it is time to.
    pub(super) fn settle<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        patience: Patience,
    ) -> Flowing {
        loop {
            while let Some(bytes) = self.tcp.get_mut(direction).take_ready() {
                self.deliver(context, direction, &bytes)?;
            }
            let tcp = self.tcp.get_mut(direction);
            let Some(len) = tcp.hole_len() else {
                tcp.hole = None;
                return ControlFlow::Continue(());
            };
            if self.state.is_none() && tcp.ahead.is_empty() {
                return ControlFlow::Continue(());
            }
            let hole = *tcp.hole.get_or_insert_with(|| Hole::new(context.now));
            let overdue = tcp.hole_is_acknowledged() && hole.is_overdue(context.now);
            if patience == Patience::Some && !overdue && !tcp.is_full() {
                return ControlFlow::Continue(());
            }
            self.gap(context, direction, Some(len))?;
        }
    }

    /// Takes bytes that begin with the next one of the stream.
    #[inline]
    fn next<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        bytes: &[u8],
    ) -> Flowing {
        if bytes.is_empty() {
            return ControlFlow::Continue(());
        }
        let tcp = self.tcp.get(direction);
        if tcp.ahead.is_empty() {
            return self.deliver(context, direction, bytes);
        }
        let position = tcp.position();
        self.keep(context, direction, position, bytes);
        self.settle(context, direction, Patience::Some)
    }

    /// Takes bytes of which the first `back` should have been seen.
    fn back<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        back: usize,
        bytes: &[u8],
    ) -> Flowing {
        // A keep-alive repeats the last byte, or has another in its place (RFC 9293 section 3.8.4).
        if back == 1 && bytes.len() <= 1 {
            return ControlFlow::Continue(());
        }
        let (copy, fresh) = bytes.split_at_checked(back).unwrap_or((bytes, &[]));
        if self.tcp.get(direction).stream.differs(back, copy) {
            self.overlap_differs(context, direction);
        }
        context.counters.retransmitted_segments += u64::from(fresh.is_empty());
        self.next(context, direction, fresh)
    }

    fn keep<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        position: u64,
        bytes: &[u8],
    ) {
        let tcp = self.tcp.get_mut(direction);
        let overlap = tcp.keep(position, bytes);
        if let Some(hole) = &mut tcp.hole {
            hole.count_segment();
        }
        if overlap == Overlap::OtherBytes {
            self.overlap_differs(context, direction);
        }
    }

    #[inline]
    fn deliver<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        bytes: &[u8],
    ) -> Flowing {
        self.open(context);
        let Some(state) = self.state.as_mut() else { return ControlFlow::Continue(()) };
        let (flow, tcp) = (&self.flow, self.tcp.get_mut(direction));
        tcp.advance(len32(bytes.len()));
        let progress = if tcp.stream.unconsumed().is_empty() {
            let progress = context.application.on_stream(flow, state, direction, bytes);
            going_on(progress.interest)?;
            if progress.opaque && progress.consumed >= bytes.len() {
                tcp.consumed_any = true;
                tcp.stream.pass(bytes.len());
                return ControlFlow::Continue(());
            }
            tcp.stream.append(bytes, context.buffers);
            progress
        } else {
            tcp.stream.append(bytes, context.buffers);
            let unconsumed = tcp.stream.unconsumed();
            context.application.on_stream(flow, state, direction, unconsumed)
        };
        going_on(progress.interest)?;
        tcp.consumed_any |= progress.consumed > 0;
        tcp.stream.consume(progress.consumed);
        if tcp.stream.unconsumed().len() > MAX_UNCONSUMED_BYTES {
            return ControlFlow::Break(Stop::Unconsumed);
        }
        ControlFlow::Continue(())
    }

    /// Gives up the next `missing` bytes of a stream.
    fn gap<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        missing: Option<u32>,
    ) -> Flowing {
        context.counters.gaps += 1;
        context.counters.gap_bytes += u64::from(missing.unwrap_or(0));
        self.flow.gap_seen = true;
        self.open(context);
        let Some(state) = self.state.as_mut() else { return ControlFlow::Continue(()) };
        let tcp = self.tcp.get_mut(direction);
        tcp.hole = None;
        tcp.advance(missing.unwrap_or(0));
        tcp.consumed_any = true;
        let unconsumed = tcp.stream.unconsumed();
        let application = &mut context.application;
        let interest = application.on_gap(&self.flow, state, direction, missing, unconsumed);
        tcp.stream.clear();
        going_on(interest)
    }

    /// The part of a payload that is not behind the FIN.
    #[cold]
    fn before_fin<'p, A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
        sequence: SeqNumber,
        payload: &'p [u8],
    ) -> &'p [u8] {
        let fin = self.tcp.get(direction).fin.unwrap_or(sequence);
        let len = fin.distance_from(sequence).unwrap_or(0) as usize;
        let Some((before, behind)) = payload.split_at_checked(len) else { return payload };
        // A single byte may be a keep-alive or the probe of a closed window.
        if behind.len() > 1 {
            context.counters.segments_after_fin += 1;
            self.anomaly(context, direction, FlowAnomaly::DataAfterFin);
        }
        before
    }

    #[cold]
    fn overlap_differs<A: Application<State = S>>(
        &mut self,
        context: &mut Context<'_, A>,
        direction: Direction,
    ) {
        context.counters.overlaps_differing += 1;
        self.anomaly(context, direction, FlowAnomaly::OverlapDiffers);
    }
}

/// Bytes of a stream that the application may leave unconsumed: a TLS record has at most 16 KiB, and
/// 2048 bytes and a header of 5 more (RFC 5246 section 6.2.3), and a few may come at once.
const MAX_UNCONSUMED_BYTES: usize = 64 << 10;
