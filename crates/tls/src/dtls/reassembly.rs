//! Handshake messages out of fragments that come in any order, more than once, or never.

use std::collections::VecDeque;

use super::fragment::Fragment;
use super::partial::{Partial, Stored};

/// What the reassembler hands on, in the order of the message numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// A complete message.
    Message(Message<'a>),
    /// Messages that are given up: they are lost, too long, or too far behind.
    Gap {
        /// The number of the first message missing.
        first: u16,
        /// How many are missing, at least 1.
        count: u32,
    },
}

/// A complete handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The `HandshakeType`.
    pub message_type: u8,
    /// Number of the message within its direction and handshake.
    pub message_seq: u16,
    /// The message without any header.
    pub body: &'a [u8],
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It brought bytes that were missing.
    New,
    /// It brought nothing that was missing: a retransmission.
    Duplicate,
    /// It disagrees with bytes, type or length seen before; what came first was kept.
    Conflict,
    /// Its message passes [`MAX_MESSAGE_LEN`] or lies in too many pieces and is given up, or there is
    /// no room for it within [`MAX_BUFFERED_LEN`].
    Refused,
}

/// Puts the handshake messages of one direction together.
///
/// One reassembler serves one handshake: the numbers begin at 0 again in the next.
#[derive(Debug, Default)]
pub struct MessageReassembler {
    /// The number of the next message to hand on; past `u16::MAX` after the last there can be.
    next: u32,
    /// The messages from `next` on.
    waiting: VecDeque<Slot>,
    /// Sum of the lengths of the messages in `waiting`.
    buffered: usize,
}

impl MessageReassembler {
    /// Starts at message 0 with nothing buffered.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a fragment and hands on what is complete and in order.
    ///
    /// A message in one fragment that is the next one is handed on from where it lies, without a
    /// copy. A fragment [`MAX_MESSAGES_AHEAD`] ahead makes the reassembler give up what it waits for.
    pub fn add(
        &mut self,
        fragment: &Fragment<'_>,
        mut deliver: impl FnMut(Delivery<'_>),
    ) -> Outcome {
        let seq = u32::from(fragment.message_seq);
        if seq < self.next {
            return Outcome::Duplicate;
        }
        self.release((seq + 1).saturating_sub(MAX_MESSAGES_AHEAD), &mut deliver);
        let unseen = matches!(self.waiting.front(), None | Some(Slot::Missing));
        let outcome = if seq == self.next && unseen && fragment.is_whole() {
            self.waiting.pop_front();
            self.next = seq + 1;
            deliver(Delivery::Message(Message {
                message_type: fragment.message_type,
                message_seq: fragment.message_seq,
                body: fragment.body,
            }));
            Outcome::New
        } else {
            self.store(fragment, seq)
        };
        self.release(0, &mut deliver);
        outcome
    }

    /// Gives up the messages that are missing before the first complete one, or all if none is.
    ///
    /// For the end of a flow, and for evidence that a message will not come.
    pub fn skip_gap(&mut self, mut deliver: impl FnMut(Delivery<'_>)) {
        let complete =
            |slot: &Slot| matches!(slot, Slot::Partial(partial) if partial.is_complete());
        let ready = self.waiting.iter().position(complete).unwrap_or(self.waiting.len());
        let until = self.next.saturating_add(u32::try_from(ready).unwrap_or(u32::MAX));
        self.release(until, &mut deliver);
    }

    /// Whether a message is incomplete or comes after one that is missing.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many bytes the waiting messages take: at most [`MAX_BUFFERED_LEN`].
    #[must_use]
    pub const fn buffered_bytes(&self) -> usize {
        self.buffered
    }

    fn store(&mut self, fragment: &Fragment<'_>, seq: u32) -> Outcome {
        let index = usize::try_from(seq.saturating_sub(self.next)).unwrap_or(usize::MAX);
        if self.waiting.len() <= index {
            self.waiting.resize_with(index.saturating_add(1), || Slot::Missing);
        }
        let Some(slot) = self.waiting.get_mut(index) else {
            return Outcome::Refused;
        };
        if matches!(slot, Slot::Missing) {
            let len = usize::try_from(fragment.message_len).unwrap_or(usize::MAX);
            if len > MAX_MESSAGE_LEN {
                *slot = Slot::GivenUp;
            } else if self.buffered.saturating_add(len) > MAX_BUFFERED_LEN {
                return Outcome::Refused;
            } else {
                *slot = Slot::Partial(Partial::new(fragment.message_type, len));
                self.buffered = self.buffered.saturating_add(len);
            }
        }
        let Slot::Partial(partial) = slot else {
            return Outcome::Refused;
        };
        match partial.store(fragment) {
            Stored::New => Outcome::New,
            Stored::Duplicate => Outcome::Duplicate,
            Stored::Conflict => Outcome::Conflict,
            Stored::TooManyPieces => {
                self.buffered = self.buffered.saturating_sub(partial.len());
                *slot = Slot::GivenUp;
                Outcome::Refused
            }
        }
    }

    /// Hands on what is complete from the front; before message `until`, gives up what is not.
    fn release(&mut self, until: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
        let mut first_missing = self.next;
        loop {
            let missing = match self.waiting.front() {
                Some(Slot::Partial(partial)) if partial.is_complete() => {
                    report_gap(first_missing, self.next, deliver);
                    self.deliver_front(deliver);
                    first_missing = self.next;
                    continue;
                }
                Some(Slot::GivenUp) => 1,
                Some(Slot::Missing | Slot::Partial(_)) if self.next < until => 1,
                None if self.next < until => until.saturating_sub(self.next),
                Some(Slot::Missing | Slot::Partial(_)) | None => break,
            };
            self.pop_front();
            self.next = self.next.saturating_add(missing);
        }
        report_gap(first_missing, self.next, deliver);
    }

    fn deliver_front(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        let message_seq = u16::try_from(self.next).unwrap_or(u16::MAX);
        if let Some(partial) = self.pop_front() {
            deliver(Delivery::Message(Message {
                message_type: partial.message_type(),
                message_seq,
                body: partial.body(),
            }));
        }
        self.next = self.next.saturating_add(1);
    }

    fn pop_front(&mut self) -> Option<Partial> {
        match self.waiting.pop_front()? {
            Slot::Partial(partial) => {
                self.buffered = self.buffered.saturating_sub(partial.len());
                Some(partial)
            }
            Slot::Missing | Slot::GivenUp => None,
        }
    }
}

#[derive(Debug)]
enum Slot {
    /// Nothing of it was seen.
    Missing,
    Partial(Partial),
    /// Over a limit.
    GivenUp,
}

fn report_gap(first: u32, next: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
    let count = next.saturating_sub(first);
    if let (Ok(first), 1..) = (u16::try_from(first), count) {
        deliver(Delivery::Gap { first, count });
    }
}

/// Longest handshake message, in bytes: four times what a record holds, which chains of classical
/// certificates and of ML-DSA-87 (four of them take 31 KiB) stay below.
pub const MAX_MESSAGE_LEN: usize = 64 * 1024;

/// Most bytes that the messages of one direction may take while they wait: the longest message and
/// as much again that overtook it.
pub const MAX_BUFFERED_LEN: usize = 2 * MAX_MESSAGE_LEN;

/// How far a message may be ahead of the next one: no flight of any version has more messages than
/// the 10 of a DTLS 1.2 server with client authentication and a status and a ticket.
pub const MAX_MESSAGES_AHEAD: u32 = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_messages_in_order_are_handed_on_at_once() {
        let mut log = Log::default();
        assert_eq!(log.add(&piece(0, 3, 0, &[1, 2, 3])), Outcome::New);
        assert_eq!(log.add(&piece(1, 0, 0, &[])), Outcome::New);
        assert_eq!(log.events, ["0:[1, 2, 3]", "1:[]"]);
        assert!(!log.reassembler.is_waiting());
    }

    #[test]
    fn a_retransmission_is_a_duplicate() {
        let mut log = Log::default();
        log.add(&piece(0, 2, 0, &[1, 2]));
        assert_eq!(log.add(&piece(0, 2, 0, &[1, 2])), Outcome::Duplicate);
        log.add(&piece(2, 3, 0, &[5, 6]));
        assert_eq!(log.add(&piece(2, 3, 0, &[5, 6])), Outcome::Duplicate);
        assert_eq!(log.add(&piece(3, 0, 0, &[])), Outcome::New);
        assert_eq!(log.add(&piece(3, 0, 0, &[])), Outcome::Duplicate);
        assert_eq!(log.events, ["0:[1, 2]"]);
    }

    #[test]
    fn the_first_copy_of_overlapping_bytes_is_kept() {
        let mut log = Log::default();
        log.add(&piece(0, 6, 1, &[1, 2]));
        log.add(&piece(0, 6, 4, &[4]));
        assert_eq!(log.add(&piece(0, 6, 0, &[0, 9, 9, 3, 9, 5])), Outcome::Conflict);
        assert_eq!(log.events, ["0:[0, 1, 2, 3, 4, 5]"]);
    }

    #[test]
    fn a_fragment_of_another_type_or_length_is_a_conflict() {
        let mut log = Log::default();
        log.add(&piece(0, 3, 0, &[1]));
        let other_type = Fragment { message_type: 9, ..piece(0, 3, 1, &[2, 3]) };
        assert_eq!(log.add(&other_type), Outcome::Conflict);
        assert_eq!(log.add(&piece(0, 4, 1, &[2, 3, 4])), Outcome::Conflict);
        assert_eq!(log.add(&piece(0, 3, 1, &[2, 3])), Outcome::New);
        assert_eq!(log.events, ["0:[1, 2, 3]"]);
    }

    #[test]
    fn what_is_missing_is_given_up_on_demand() {
        let mut log = Log::default();
        log.add(&piece(1, 2, 0, &[1]));
        log.add(&piece(3, 1, 0, &[3]));
        log.add(&piece(5, 1, 0, &[5]));
        assert!(log.events.is_empty());
        log.skip();
        assert_eq!(log.events, ["gap 0+3", "3:[3]"]);
        log.skip();
        assert_eq!(log.events[2..], ["gap 4+1", "5:[5]"]);
        log.skip();
        assert_eq!(log.events.len(), 4);
        log.add(&piece(6, 2, 0, &[1]));
        log.skip();
        assert_eq!(log.events[4..], ["gap 6+1"]);
        assert_eq!(log.reassembler.buffered_bytes(), 0);
    }

    #[test]
    fn a_message_far_ahead_gives_up_what_is_missing() {
        let mut log = Log::default();
        log.add(&piece(2, 1, 0, &[2]));
        log.add(&piece(15, 1, 0, &[15]));
        assert!(log.events.is_empty());
        log.add(&piece(16, 1, 0, &[16]));
        assert_eq!(log.events, ["gap 0+1"]);
        log.add(&piece(u16::MAX, 1, 0, &[7]));
        assert_eq!(
            log.events[1..],
            ["gap 1+1", "2:[2]", "gap 3+12", "15:[15]", "16:[16]", "gap 17+65503"]
        );
        log.skip();
        assert_eq!(log.events[7..], ["gap 65520+15", "65535:[7]"]);
        assert_eq!(log.add(&piece(u16::MAX, 1, 0, &[7])), Outcome::Duplicate);
    }

    #[test]
    fn a_message_past_the_limit_is_given_up() {
        let mut log = Log::default();
        let len = u32::try_from(MAX_MESSAGE_LEN).unwrap();
        assert_eq!(log.add(&piece(0, len, 0, &[1])), Outcome::New);
        assert_eq!(log.reassembler.buffered_bytes(), MAX_MESSAGE_LEN);
        assert_eq!(log.add(&piece(1, len + 1, 0, &[1])), Outcome::Refused);
        assert_eq!(log.add(&piece(1, len + 1, 1, &[1])), Outcome::Refused);
        assert_eq!(log.add(&piece(2, 1, 0, &[2])), Outcome::New);
        assert_eq!(log.add(&piece(0, len, 1, &vec![0; MAX_MESSAGE_LEN - 1])), Outcome::New);
        assert_eq!(log.events[1..], ["gap 1+1", "2:[2]"]);
    }

    #[test]
    fn no_more_than_the_limit_is_buffered() {
        let mut log = Log::default();
        let len = u32::try_from(MAX_MESSAGE_LEN).unwrap();
        for (seq, outcome) in [(0, Outcome::New), (1, Outcome::New), (2, Outcome::Refused)] {
            assert_eq!(log.add(&piece(seq, len, 0, &[1])), outcome);
            assert!(log.reassembler.buffered_bytes() <= MAX_BUFFERED_LEN);
        }
    }

    #[test]
    fn a_message_in_too_many_pieces_is_given_up() {
        let mut log = Log::default();
        let outcomes = (0..100).map(|index| log.add(&piece(0, 200, index * 2, &[1])));
        assert_eq!(outcomes.collect::<Vec<_>>().iter().position(|&o| o != Outcome::New), Some(64));
        assert_eq!(log.events, ["gap 0+1"]);
        assert_eq!(log.reassembler.buffered_bytes(), 0);
    }

    proptest! {
        #[test]
        fn fragments_in_any_order_make_the_same_messages(
            lens in proptest::collection::vec(0_usize..300, 1..12),
            fragments in fragments(),
        ) {
            let bodies = lens.iter().map(|&len| body(len)).collect::<Vec<_>>();
            let mut log = Log::default();
            for (message, from, to) in fragments {
                let seq = message.index(bodies.len());
                let (from, to) = (from.index(bodies[seq].len() + 1), to.index(bodies[seq].len() + 1));
                let (from, to) = (from.min(to), from.max(to));
                add_part(&mut log, seq, &bodies[seq], from, to);
            }
            for (seq, body) in bodies.iter().enumerate().rev() {
                add_part(&mut log, seq, body, 0, body.len());
            }
            let expected = bodies.iter().enumerate().map(|(seq, body)| format!("{seq}:{body:?}"));
            prop_assert_eq!(log.events, expected.collect::<Vec<_>>());
            prop_assert_eq!(log.reassembler.buffered_bytes(), 0);
        }

        #[test]
        fn any_fragments_stay_within_the_limits(
            fragments in proptest::collection::vec(
                (0_u16..40, 0_u32..100_000, 0_u32..100_000, 0_usize..500), 0..100
            ),
        ) {
            let mut log = Log::default();
            for (seq, len, offset, body_len) in fragments {
                log.add(&piece(seq, len, offset, &body(body_len)));
                prop_assert!(log.reassembler.buffered_bytes() <= MAX_BUFFERED_LEN);
                prop_assert!(log.reassembler.waiting.len() <= MAX_MESSAGES_AHEAD as usize);
            }
            while log.reassembler.is_waiting() {
                log.skip();
            }
            prop_assert_eq!(log.reassembler.buffered_bytes(), 0);
        }
    }

    type Index = proptest::sample::Index;

    fn fragments() -> impl Strategy<Value = Vec<(Index, Index, Index)>> {
        proptest::collection::vec(any::<(Index, Index, Index)>(), 0..40)
    }

    fn add_part(log: &mut Log, seq: usize, body: &[u8], from: usize, to: usize) {
        let seq = u16::try_from(seq).unwrap();
        let (len, offset) = (u32::try_from(body.len()).unwrap(), u32::try_from(from).unwrap());
        log.add(&piece(seq, len, offset, &body[from..to]));
    }

    fn body(len: usize) -> Vec<u8> {
        (0..=250).cycle().take(len).collect()
    }

    fn piece(message_seq: u16, message_len: u32, offset: u32, body: &[u8]) -> Fragment<'_> {
        Fragment { message_type: 1, message_len, message_seq, offset, body }
    }

    #[derive(Default)]
    struct Log {
        reassembler: MessageReassembler,
        events: Vec<String>,
    }

    impl Log {
        fn add(&mut self, fragment: &Fragment<'_>) -> Outcome {
            self.reassembler.add(fragment, |delivery| note(&mut self.events, delivery))
        }

        fn skip(&mut self) {
            self.reassembler.skip_gap(|delivery| note(&mut self.events, delivery));
        }
    }

    fn note(events: &mut Vec<String>, delivery: Delivery<'_>) {
        events.push(match delivery {
            Delivery::Message(message) => format!("{}:{:?}", message.message_seq, message.body),
            Delivery::Gap { first, count } => format!("gap {first}+{count}"),
        });
    }
}
