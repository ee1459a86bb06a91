//! What tells the flow of a packet, read ahead of its turn.

use wire::{Packet, TcpFlags};

use crate::decap::{Glance, Outcome, decapsulate, glance_v4, glance_v6};
use crate::hash::{KeyedHash, fold};
use crate::key::{Address, Sender};

/// Looks at packets before they are taken.
#[derive(Clone, Copy, Debug)]
pub struct Lookout {
    hash: KeyedHash,
    shards: usize,
}

/// What tells the flow of a packet, so far as it can be read in few steps.
///
/// It is all that is needed of the bytes of a packet whose flow is done: who has it does not need
/// them in his cache.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// That of the flow's key; 0 if nothing was read.
    pub(crate) hash: u64,
    traits: Traits,
}

/// The number of an engine, and bits below it. In one word with the hash beside it, a sighting stays
/// in registers: what is written in parts cannot be read as a whole before it has reached the cache.
#[derive(Clone, Copy, Debug, Default)]
struct Traits(u64);

impl Lookout {
    /// Looks out for `shards` engines, whose limits have this `hash_seed`. With another seed the
    /// engines do the same, but slowly.
    #[must_use]
    pub const fn new(hash_seed: u64, shards: usize) -> Self {
        Self { hash: KeyedHash::new(hash_seed), shards }
    }

    /// Looks at the headers of a packet.
    #[inline]
    #[must_use]
    pub fn sight(&self, packet: &Packet<'_>) -> Sighting {
        match glance_v4(packet) {
            Some(Glance { key, sender, flags }) => {
                self.sighting(key.hash(&self.hash), key.addresses(), sender, flags)
            }
            None => self.sight_other(packet),
        }
    }

    #[inline(never)]
    fn sight_other(&self, packet: &Packet<'_>) -> Sighting {
        if let Some(Glance { key, sender, flags }) = glance_v6(packet) {
            return self.sighting(key.hash(&self.hash), key.addresses(), sender, flags);
        }
        let addresses = if self.shards > 1 { addresses(packet) } else { None };
        let shard = addresses.map_or(0, |addresses| self.shard(addresses));
        Sighting { hash: 0, traits: Traits::new(shard, 0) }
    }

    #[inline]
    fn sighting(
        &self,
        hash: u64,
        addresses: (Address, Address),
        sender: Sender,
        flags: TcpFlags,
    ) -> Sighting {
        let shard = if self.shards > 1 { self.shard(addresses) } else { 0 };
        let plain = if flags.intersects(MARKS) { 0 } else { PLAIN };
        let from = if sender == Sender::High { FROM_HIGH } else { 0 };
        Sighting { hash, traits: Traits::new(shard, plain | from) }
    }

    /// The engine for a pair of addresses, in whatever order.
    #[inline]
    fn shard(&self, (one, other): (Address, Address)) -> u32 {
        let hash = fold(mix(one) ^ mix(other), SPREAD);
        // The high half of the product is below `shards`, without a division.
        let product = u128::from(hash).wrapping_mul(self.shards as u128);
        u32::try_from(product >> 64).unwrap_or(0)
    }
}

impl Sighting {
    /// The engine that the packet belongs to: by its innermost pair of addresses, whatever the
    /// direction.
    ///
    /// The fragments of a datagram go where the rest of its flow goes, unless they carry a tunnel:
    /// these go by the addresses of the tunnel's ends. Packets without IP go to engine 0.
    #[inline]
    #[must_use]
    pub const fn shard(&self) -> usize {
        let Traits(traits) = self.traits;
        (traits >> SHARD_SHIFT) as usize
    }

    /// Whether the packet does not matter to its flow once that is done.
    #[inline]
    pub(crate) const fn is_plain(&self) -> bool {
        self.traits.0 & PLAIN != 0
    }

    /// Which end of the flow sent the packet, if its flow was read.
    #[inline]
    pub(crate) const fn sender(&self) -> Sender {
        if self.traits.0 & FROM_HIGH == 0 { Sender::Low } else { Sender::High }
    }
}

impl Traits {
    #[inline]
    const fn new(shard: u32, bits: u64) -> Self {
        Self((shard as u64) << SHARD_SHIFT | bits)
    }
}

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

/// Flags that matter even when a flow is done.
pub(crate) const MARKS: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0);

const PLAIN: u64 = 1;
const FROM_HIGH: u64 = 2;
const SHARD_SHIFT: u32 = 32;

// Odd constants without a pattern: the digits of the golden ratio, of pi and of e.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0x243f_6a88_85a3_08d3;
const MIX_LOW: u64 = 0xb7e1_5162_8aed_2a6b;
