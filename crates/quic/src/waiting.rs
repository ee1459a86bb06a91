//! Initial packets that wait for their keys.

use std::collections::VecDeque;

use crate::event::Way;

/// Initial packets that nothing opened so far, in order of arrival.
///
/// A server's packet that overtakes the client's first one can only be opened after it, and the
/// first after a Retry likewise.
#[derive(Default)]
pub(crate) struct Waiting {
    packets: VecDeque<WaitingPacket>,
    bytes: usize,
}

/// An Initial packet, still protected.
pub(crate) struct WaitingPacket {
    pub(crate) from: Way,
    pub(crate) bytes: Box<[u8]>,
}

impl Waiting {
    /// Keeps a packet, made of `parts`, and calls `dropped` with the direction of each packet that
    /// there is no room for: the oldest go first.
    pub(crate) fn push(&mut self, from: Way, parts: [&[u8]; 2], dropped: &mut impl FnMut(Way)) {
        let bytes = parts.concat().into_boxed_slice();
        if bytes.len() > MAX_WAITING_BYTES {
            return dropped(from);
        }
        let most_bytes = MAX_WAITING_BYTES.saturating_sub(bytes.len());
        while self.packets.len() >= MAX_WAITING_PACKETS || self.bytes > most_bytes {
            let Some(oldest) = self.pop() else { break };
            dropped(oldest.from);
        }
        self.push_back(WaitingPacket { from, bytes });
    }

    /// Puts back a packet that was taken out.
    pub(crate) fn push_back(&mut self, packet: WaitingPacket) {
        self.bytes = self.bytes.saturating_add(packet.bytes.len());
        self.packets.push_back(packet);
    }

    /// Takes the oldest packet out.
    pub(crate) fn pop(&mut self) -> Option<WaitingPacket> {
        let packet = self.packets.pop_front()?;
        self.bytes = self.bytes.saturating_sub(packet.bytes.len());
        Some(packet)
    }

    /// How many packets wait.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Memory that the packets hold, in bytes.
    pub(crate) fn heap_size(&self) -> usize {
        let table = self.packets.capacity().saturating_mul(size_of::<WaitingPacket>());
        self.bytes.saturating_add(table)
    }
}

/// Most packets kept. A server answers with at most three times what it received until it knows the
/// client's address (RFC 9000 section 8.1): some three datagrams, and as many again when it
/// repeats them.
const MAX_WAITING_PACKETS: usize = 8;

/// Most bytes kept: eight packets of the usual size of a datagram, and a third more.
const MAX_WAITING_BYTES: usize = 16 * 1024;
