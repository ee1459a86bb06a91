//! Which worker a packet belongs to.

use wire::Packet;

use crate::decap::{Outcome, decapsulate};
use crate::hash::fold;
use crate::key::Address;

/// The worker, of `shards`, that a packet belongs to: by its innermost pair of addresses, whatever
/// the direction.
///
/// The fragments of a datagram go where the rest of its flow goes, unless they carry a tunnel: these
/// go by the addresses of the tunnel's ends. Packets without IP go to worker 0, as do all if
/// `shards` is 0.
#[must_use]
pub fn shard(packet: &Packet<'_>, shards: usize) -> usize {
    let (source, destination) = match decapsulate(packet) {
        Outcome::Found(innermost) => (innermost.network.source, innermost.network.destination),
        Outcome::Fragment(fragment) => (fragment.source, fragment.destination),
        Outcome::Discard(_) => return 0,
    };
    let hash = fold(mix(source) ^ mix(destination), SPREAD);
    // The high half of the product is below `shards`, without a division.
    let product = u128::from(hash).wrapping_mul(shards as u128);
    usize::try_from(product >> 64).unwrap_or(0)
}

fn mix(address: Address) -> u64 {
    let Address([high, low]) = address;
    fold(high ^ MIX_HIGH, low ^ MIX_LOW)
}

// Odd constants without a pattern: the digits of the golden ratio, of pi and of e.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0x243f_6a88_85a3_08d3;
const MIX_LOW: u64 = 0xb7e1_5162_8aed_2a6b;
