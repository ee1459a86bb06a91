//! What the layer above a flow has to provide, and the words in which the two talk.

use crate::flow::Flow;

/// The layer above: it is given the bytes of flows and keeps one state for each.
pub trait Application {
    /// What it keeps for a flow.
    type State;

    /// Makes the state of `flow`, at its first payload or datagram.
    ///
    /// Called again for the same flow, with the former state dropped, if a late SYN shows that the
    /// roles or the start of the stream were guessed wrongly and nothing had been consumed.
    fn open(&mut self, flow: &Flow) -> Self::State;

    /// Takes the contiguous bytes of a direction that are not consumed yet.
    ///
    /// Bytes left unconsumed are in front of the bytes of the next call.
    fn on_stream(
        &mut self,
        flow: &Flow,
        state: &mut Self::State,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress;

    /// Learns that `missing` bytes of a direction will not come; `None` if their number is unknown.
    ///
    /// `unconsumed` are the bytes in front of the gap, which are dropped after this call.
    fn on_gap(
        &mut self,
        flow: &Flow,
        state: &mut Self::State,
        direction: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest;

    /// Takes one datagram, cut short if [`Flow::packet_truncated`] says so.
    fn on_datagram(
        &mut self,
        flow: &Flow,
        state: &mut Self::State,
        direction: Direction,
        payload: &[u8],
    ) -> Interest;

    /// Learns that the peers, or someone between, do what an honest stack would not.
    fn on_anomaly(
        &mut self,
        flow: &Flow,
        state: &mut Self::State,
        direction: Direction,
        anomaly: FlowAnomaly,
    );

    /// Takes back the state of a flow that has ended.
    ///
    /// Not called for a flow that was [`Interest::Done`]: its state is dropped then.
    fn on_end(&mut self, flow: &Flow, state: Self::State, reason: EndReason);

    /// Heap bytes that a state holds, for the bound on memory. Called after each of the calls above.
    fn heap_size(state: &Self::State) -> usize;
}

/// How far the application came with the bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many of the bytes it needs no more; a number past the end means all.
    pub consumed: usize,
    /// Whether the bytes consumed say nothing to it, such as those of an encrypted record. A second
    /// copy of them that differs is no anomaly then, and no copy of them is kept to tell.
    pub opaque: bool,
    /// Whether it wants to see more of the flow.
    pub interest: Interest,
}

/// Whether the application wants to see more of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// More of it.
    Continue,
    /// No more: the state is dropped and the packets of the flow are only counted.
    Done,
}

/// Which way a packet of a flow went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the side that opened the flow.
    FromInitiator,
    /// From the side that answered.
    FromResponder,
}

impl Direction {
    /// Both, the initiator's first.
    pub const BOTH: [Self; 2] = [Self::FromInitiator, Self::FromResponder];

    /// 0 from the initiator, 1 from the responder.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::FromInitiator => 0,
            Self::FromResponder => 1,
        }
    }

    /// The other way.
    #[inline]
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::FromInitiator => Self::FromResponder,
            Self::FromResponder => Self::FromInitiator,
        }
    }
}

/// What an honest stack would not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowAnomaly {
    /// A second copy of stream bytes differs from the first, which is the one that was delivered.
    OverlapDiffers,
    /// A RST whose sequence number the receiver would not accept. It was ignored.
    ResetOutOfWindow,
    /// Payload behind the end that a FIN had announced. It was ignored.
    DataAfterFin,
    /// Overlapping IP fragments whose bytes differ. The first copy was used.
    FragmentOverlap,
}

/// Why a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Both sides closed it.
    Fin,
    /// One side reset it.
    Reset,
    /// It was silent for too long.
    Timeout,
    /// Its addresses and ports began a new flow.
    PortReuse,
    /// A bound on memory was hit.
    Evicted,
    /// There are no more packets.
    EndOfInput,
}
