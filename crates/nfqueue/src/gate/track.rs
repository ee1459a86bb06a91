//! A flow at the gate.

use std::net::SocketAddr;

use wire::{SeqNumber, TcpFlags};

use crate::message::Hook;

use super::reading::{ClientFacts, Seen, ServerFacts};
use super::segment::Segment;
use super::sessions::Needs;

/// A flow at the gate, from its first packet on. The initiator is side 0.
pub(super) struct Track {
    pub(super) ends: [SocketAddr; 2],
    /// Numbers of the first byte of each side.
    first: [Option<SeqNumber>; 2],
    pub(super) state: State,
    pub(super) seen: Seen,
    pub(super) client: Option<ClientFacts>,
    pub(super) server: Option<ServerFacts>,
    /// The side at this host.
    pub(super) local: Option<usize>,
    /// What the client had got when it sent its first bytes.
    got_at_hello: Option<SeqNumber>,
    has_answer: bool,
    pub(super) held: Vec<Held>,
    has_ended: [bool; 2],
    /// A segment that came in and would begin another connection between the same ports.
    offered: Option<Segment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is looked at.
    Followed,
    /// Packets wait, up to this time.
    Waiting { until_ns: u64 },
    /// All of it passes.
    Free,
    /// Nothing of it leaves any more.
    Aborted,
}

/// A packet that waits.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) id: u32,
    pub(super) side: usize,
    /// How many bytes of its side end with it.
    end: u64,
    pub(super) sequence: SeqNumber,
    pub(super) acknowledgment: SeqNumber,
}

impl Track {
    pub(super) const fn new(syn: &Segment) -> Self {
        Self {
            ends: [syn.from, syn.to],
            first: [Some(syn.sequence), None],
            state: State::Followed,
            seen: Seen {
                client: None,
                clear_until: [0; 2],
                is_protected: [false; 2],
                is_other: false,
                is_lost: false,
            },
            client: None,
            server: None,
            local: None,
            got_at_hello: None,
            has_answer: false,
            held: Vec::new(),
            has_ended: [false; 2],
            offered: None,
        }
    }

    /// Takes note of a segment that would begin another connection.
    pub(super) const fn offer(&mut self, syn: &Segment) {
        self.offered = Some(*syn);
    }

    /// What a segment is the answer to, if it is one of this host to such an offer.
    pub(super) fn accepted(&self, segment: &Segment, hook: Hook) -> Option<Segment> {
        let is_answer = hook.is_outgoing() && segment.flags.contains(TcpFlags::SYN | TcpFlags::ACK);
        self.offered.filter(|syn| is_answer && syn.sequence == segment.acknowledgment)
    }

    /// Whether a segment is a copy of the one that began this flow.
    pub(super) fn was_begun_by(&self, syn: &Segment) -> bool {
        let [initiator, _] = self.ends;
        let [first, _] = self.first;
        initiator == syn.from && first == Some(syn.sequence)
    }

    /// The side that sent a segment.
    pub(super) fn side(&self, segment: &Segment) -> usize {
        let [initiator, _] = self.ends;
        usize::from(segment.from != initiator)
    }

    /// Takes note of what the header says.
    pub(super) fn note(&mut self, side: usize, segment: &Segment, is_outgoing: bool) {
        if segment.flags.contains(TcpFlags::SYN)
            && let Some(first) = self.first.get_mut(side)
        {
            *first = Some(segment.sequence);
        }
        if is_outgoing {
            self.local = Some(side);
        } else if self.local.is_none() {
            self.local = Some(1 - side.min(1));
        }
        if segment.flags.contains(TcpFlags::FIN)
            && let Some(has_ended) = self.has_ended.get_mut(side)
        {
            *has_ended = true;
        }
        // What a client has got since its first bytes begins with the server's hello.
        if side == 0 && segment.len > 0 {
            let before = *self.got_at_hello.get_or_insert(segment.acknowledgment);
            self.has_answer |= segment.acknowledgment.is_after(before);
        }
        self.has_answer |= side == 1 && segment.len > 0;
    }

    /// Whether nothing will follow.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended == [true; 2] && self.held.is_empty()
    }

    /// Whether a segment may let out what is protected, or is behind one that may.
    pub(super) fn is_critical(&self, side: usize, segment: &Segment) -> bool {
        if segment.len > 0 {
            self.end(side, segment) > self.clear_until(side)
        } else {
            let is_last = segment.flags.intersects(TcpFlags::FIN | TcpFlags::RST);
            is_last && self.held.iter().any(|held| held.side == side)
        }
    }

    pub(super) fn hold(&mut self, id: u32, side: usize, segment: &Segment) {
        let (sequence, acknowledgment) = (segment.sequence, segment.acknowledgment);
        let end = self.end(side, segment);
        self.held.push(Held { id, side, end, sequence, acknowledgment });
    }

    /// Takes those out that wait and do not have to: what was missing in front of them has come.
    pub(super) fn take_clear(&mut self) -> Vec<Held> {
        let clear_until = self.seen.clear_until;
        let is_clear =
            |held: &mut Held| clear_until.get(held.side).is_some_and(|clear| held.end <= *clear);
        self.held.extract_if(.., is_clear).collect()
    }

    /// Which secrets a packet of a side needs.
    ///
    /// A client has both secrets before it sends its `Finished`, so that waits for them. A server has its own
    /// before its first flight or right behind that, and may have the client's only when it has read the
    /// client's `Finished`, so it must not wait for that before. If there is early data, that is not to be
    /// told from the `Finished`.
    pub(super) fn needs(&self, side: usize) -> Needs {
        let Some(client) = self.seen.client else { return Needs::BothSides };
        if side == client {
            return if self.has_answer { Needs::BothSides } else { Needs::Early };
        }
        let has_client_spoken = self.seen.is_protected.get(client) == Some(&true);
        let has_early_data = self.client.as_ref().is_some_and(|client| client.offers_early_data);
        if has_client_spoken && !has_early_data { Needs::BothSides } else { Needs::ServerSide }
    }

    fn clear_until(&self, side: usize) -> u64 {
        self.seen.clear_until.get(side).copied().unwrap_or(0)
    }

    /// How many bytes of its side end with a segment.
    fn end(&self, side: usize, segment: &Segment) -> u64 {
        let first = self.first.get(side).copied().flatten();
        let place = first.and_then(|first| segment.sequence.distance_from(first));
        // Where it is not known where a segment belongs, it may be anything.
        place.map_or(u64::MAX, |place| u64::from(place).saturating_add(u64::from(segment.len)))
    }
}
