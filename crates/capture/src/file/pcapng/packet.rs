//! The three kinds of packet block.

use super::interface::Interface;
use crate::file::order::Order;

/// What a packet block says of its packet.
pub(super) struct PacketBlock {
    pub(super) interface: u32,
    /// In the interface's units, unless the block has no time.
    pub(super) time: Option<u64>,
    pub(super) len: u32,
    pub(super) wire_len: u32,
    /// Bytes of the block's body in front of the packet.
    pub(super) lead: usize,
    /// Bytes of the block's body from there on.
    pub(super) room: usize,
}

impl PacketBlock {
    /// Reads an Enhanced Packet Block (section 4.3), or `None` if the body is too short for one.
    #[inline]
    pub(super) fn enhanced(order: Order, body: &[u8]) -> Option<Self> {
        let (words, room) = words::<20>(body)?;
        let &[interface, high, low, len, wire_len] = words else {
            return None;
        };
        let [interface, len, wire_len] = [interface, len, wire_len].map(|word| order.u32(word));
        let time = Some(time(order, high, low));
        Some(Self { interface, time, len, wire_len, lead: 20, room })
    }

    /// Reads an obsolete Packet Block (appendix A), or `None` if the body is too short for one.
    pub(super) fn obsolete(order: Order, body: &[u8]) -> Option<Self> {
        let (words, room) = words::<20>(body)?;
        let &[[i0, i1, ..], high, low, len, wire_len] = words else {
            return None;
        };
        let interface = u32::from(order.u16([i0, i1]));
        let [len, wire_len] = [len, wire_len].map(|word| order.u32(word));
        let time = Some(time(order, high, low));
        Some(Self { interface, time, len, wire_len, lead: 20, room })
    }

    /// Reads a Simple Packet Block (section 4.4), or `None` if the body is too short for one. Its
    /// interface is the first, whose snapshot length is the only hint to how much was captured.
    pub(super) fn simple(order: Order, body: &[u8], interfaces: &[Interface]) -> Option<Self> {
        let (words, room) = words::<4>(body)?;
        let &[wire_len] = words else {
            return None;
        };
        let wire_len = order.u32(wire_len);
        let snapshot_len = interfaces.first().map_or(u32::MAX, |first| first.snapshot_len);
        let len = wire_len.min(snapshot_len);
        Some(Self { interface: 0, time: None, len, wire_len, lead: 4, room })
    }
}

#[inline(always)]
fn words<const LEAD: usize>(body: &[u8]) -> Option<(&[[u8; 4]], usize)> {
    let (lead, room) = body.split_first_chunk::<LEAD>()?;
    Some((lead.as_chunks().0, room.len()))
}

#[inline(always)]
const fn time(order: Order, high: [u8; 4], low: [u8; 4]) -> u64 {
    (order.u32(high) as u64) << 32 | order.u32(low) as u64
}
