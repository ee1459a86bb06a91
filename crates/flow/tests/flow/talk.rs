//! A TCP connection whose segments are given one by one.

use flow::Direction::{self, FromInitiator, FromResponder};
use flow::{Engine, Interest, Progress};
use wire::LinkType;

use crate::packets::{ACK, SYN, TCP, ethernet, ipv4, packet, tcp};
use crate::recorder::Recorder;

/// The initial sequence numbers, close to the wrap.
pub(crate) const CLIENT_ISN: u32 = u32::MAX - 10;
pub(crate) const SERVER_ISN: u32 = 7000;

/// A connection. Sequence numbers are places in the streams, whose first byte is at 0.
pub(crate) struct Talk {
    pub(crate) engine: Engine<Recorder>,
    pub(crate) now_ms: i64,
}

impl Talk {
    /// One of which nothing has been seen yet.
    pub(crate) fn unseen() -> Self {
        Self { engine: Recorder::engine(), now_ms: 0 }
    }

    /// One whose three-way handshake has been seen.
    pub(crate) fn begun() -> Self {
        let mut talk = Self::unseen();
        talk.shake_hands();
        talk
    }

    /// One whose application consumes and says what it is told to.
    pub(crate) fn consuming(consume: fn(&[u8]) -> Progress) -> Self {
        let mut talk = Self { engine: Recorder::consuming(consume), now_ms: 0 };
        talk.shake_hands();
        talk
    }

    pub(crate) fn shake_hands(&mut self) {
        self.segment(FromInitiator, SYN, -1, 0, b"");
        self.segment(FromResponder, SYN | ACK, -1, 0, b"");
        self.segment(FromInitiator, ACK, 0, 0, b"");
    }

    /// Gives data that acknowledges nothing new.
    pub(crate) fn data(&mut self, direction: Direction, place: i64, payload: &[u8]) {
        self.segment(direction, ACK, place, 0, payload);
    }

    /// Gives an acknowledgment of the other direction up to `place`.
    pub(crate) fn acknowledge(&mut self, direction: Direction, own: i64, place: i64) {
        self.segment(direction, ACK, own, place, b"");
    }

    pub(crate) fn segment(
        &mut self,
        direction: Direction,
        flags: u8,
        place: i64,
        acknowledged: i64,
        payload: &[u8],
    ) {
        let frame = frame(direction, flags, place, acknowledged, payload);
        self.frame(&frame, frame.len());
    }

    /// Gives a frame of which only `captured` bytes are there.
    pub(crate) fn frame(&mut self, frame: &[u8], captured: usize) {
        self.now_ms += 1;
        let mut packet = packet(LinkType::ETHERNET, frame, self.now_ms * 1_000_000);
        packet.bytes = &frame[..captured];
        self.engine.handle_packet(&packet);
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        self.engine.application()
    }
}

pub(crate) fn frame(
    direction: Direction,
    flags: u8,
    place: i64,
    acknowledged: i64,
    payload: &[u8],
) -> Vec<u8> {
    let (own, other) = match direction {
        FromInitiator => (CLIENT_ISN, SERVER_ISN),
        FromResponder => (SERVER_ISN, CLIENT_ISN),
    };
    let numbers =
        (number(own, place), if flags & ACK == 0 { 0 } else { number(other, acknowledged) });
    ethernet(direction, 0x0800, &ipv4(direction, TCP, &tcp(direction, numbers, flags, payload)))
}

pub(crate) const fn all(interest: Interest) -> Progress {
    Progress { consumed: usize::MAX, opaque: false, interest }
}

fn number(initial: u32, place: i64) -> u32 {
    let number = (i64::from(initial) + 1 + place).rem_euclid(1 << 32);
    u32::try_from(number).unwrap()
}
