//! A TCP connection as the frames that a capture has of it.

use crate::packets::{ACK, FIN, Flow, RST, SYN, Side, segment};

/// A TCP connection as the frames that a capture has of it, to be mixed up at will.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) frames: Vec<Vec<u8>>,
    flow: Flow,
    next: [u32; 2],
}

impl Conversation {
    /// One whose three-way handshake was captured.
    pub(crate) fn new() -> Self {
        Self::on(Flow::default())
    }

    /// The same on other addresses or ports.
    pub(crate) fn on(flow: Flow) -> Self {
        Self::with_sequence(flow, 1000)
    }

    /// The same with the client's initial sequence number.
    pub(crate) fn with_sequence(flow: Flow, initial: u32) -> Self {
        let mut conversation = Self::midstream(flow);
        conversation.next = [initial, SERVER_INITIAL];
        conversation.push(Side::Client, SYN, b"");
        conversation.next[0] += 1;
        conversation.push(Side::Server, SYN | ACK, b"");
        conversation.next[1] += 1;
        conversation.push(Side::Client, ACK, b"");
        conversation
    }

    /// One whose beginning was not captured.
    pub(crate) fn midstream(flow: Flow) -> Self {
        Self { frames: Vec::new(), flow, next: [7000, SERVER_INITIAL] }
    }

    /// Sends bytes in segments of the usual size.
    pub(crate) fn send(&mut self, side: Side, bytes: &[u8]) {
        self.send_in(side, bytes, 1400);
    }

    /// Sends bytes in segments of `len` bytes.
    pub(crate) fn send_in(&mut self, side: Side, bytes: &[u8], len: usize) {
        for piece in bytes.chunks(len) {
            self.push(side, ACK, piece);
            self.next[side as usize] += u32::try_from(piece.len()).unwrap();
        }
    }

    /// Sends all flights.
    pub(crate) fn send_all(&mut self, flights: &[(Side, Vec<u8>)]) {
        for (side, bytes) in flights {
            self.send(*side, bytes);
        }
    }

    /// Leaves out bytes that were sent but not captured.
    pub(crate) fn lose(&mut self, side: Side, len: u32) {
        self.next[side as usize] += len;
    }

    /// Closes the connection from both sides.
    pub(crate) fn close(&mut self) {
        for side in [Side::Client, Side::Server] {
            self.push(side, FIN | ACK, b"");
            self.next[side as usize] += 1;
        }
        self.push(Side::Client, ACK, b"");
    }

    /// Resets the connection.
    pub(crate) fn reset(&mut self, side: Side) {
        self.push(side, RST | ACK, b"");
    }

    fn push(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let (own, other) = match side {
            Side::Client => (self.next[0], self.next[1]),
            Side::Server => (self.next[1], self.next[0]),
        };
        let acknowledgment = if flags & ACK == 0 { 0 } else { other };
        self.frames.push(segment(self.flow, side, (own, acknowledgment), flags, payload));
    }
}

const SERVER_INITIAL: u32 = 900_000;
