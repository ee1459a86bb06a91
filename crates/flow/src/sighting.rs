//! What tells the flow of a packet, read ahead of its turn.

use wire::Packet;

use crate::decap::{Glance, Outcome, decapsulate, glance};
use crate::hash::fold;
use crate::key::Address;

/// What tells the flow of a packet, so far as it can be read in few steps.
///
/// It is what is needed of the bytes of a packet whose flow is done: who has it does not need them
/// in his cache.
#[derive(Clone, Copy, Debug)]
pub struct Sighting(pub(crate) Option<Glance>);

impl Sighting {
    /// Looks at the headers of a packet.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Self {
        Self(glance(packet))
    }

    /// The worker, of `shards`, that `packet`, which this is a sighting of, belongs to: by its
    /// innermost pair of addresses, whatever the direction.
    ///
    /// The fragments of a datagram go where the rest of its flow goes, unless they carry a tunnel:
    /// these go by the addresses of the tunnel's ends. Packets without IP go to worker 0, as do all
    /// if `shards` is 0.
    #[inline]
    #[must_use]
    pub fn shard(&self, packet: &Packet<'_>, shards: usize) -> usize {
        let addresses = match &self.0 {
            Some(glance) => Some(glance.key.addresses()),
            None => addresses(packet),
        };
        let Some((one, other)) = addresses else { return 0 };
        let hash = fold(mix(one) ^ mix(other), SPREAD);
        // The high half of the product is below `shards`, without a division.
        let product = u128::from(hash).wrapping_mul(shards as u128);
        usize::try_from(product >> 64).unwrap_or(0)
    }
}

#[inline(never)]
fn addresses(packet: &Packet<'_>) -> Option<(Address, Address)> {
    match decapsulate(packet) {
        Outcome::Found(innermost) => {
            Some((innermost.network.source, innermost.network.destination))
        }
        Outcome::Fragment(fragment) => Some((fragment.source, fragment.destination)),
        Outcome::Discard(_) => None,
    }
}

#[inline]
fn mix(address: Address) -> u64 {
    let Address([high, low]) = address;
    fold(high ^ MIX_HIGH, low ^ MIX_LOW)
}

// Odd constants without a pattern: the digits of the golden ratio, of pi and of e.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0x243f_6a88_85a3_08d3;
const MIX_LOW: u64 = 0xb7e1_5162_8aed_2a6b;
