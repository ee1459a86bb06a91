//! Who may connect.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::ReceiverLimits;

/// Counts connections.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    agents: usize,
    handshakes: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A handshake that goes on; the place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct HandshakePlace {
    places: Arc<Places>,
    address: IpAddr,
}

/// An agent that is connected; the place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct AgentPlace(Arc<Places>);

impl Places {
    /// Takes a place for a handshake, if there is one.
    pub(super) fn handshake(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &ReceiverLimits,
    ) -> Option<HandshakePlace> {
        let address = network(address);
        let mut taken = self.taken();
        if taken.handshakes >= limits.handshakes {
            return None;
        }
        let own = taken.by_address.entry(address).or_default();
        if *own >= limits.handshakes_of_address {
            return None;
        }
        *own = own.saturating_add(1);
        taken.handshakes = taken.handshakes.saturating_add(1);
        drop(taken);
        Some(HandshakePlace { places: Arc::clone(self), address })
    }

    /// Takes a place for an agent, if there is one.
    pub(super) fn agent(self: &Arc<Self>, limits: &ReceiverLimits) -> Option<AgentPlace> {
        let mut taken = self.taken();
        if taken.agents >= limits.agents {
            return None;
        }
        taken.agents = taken.agents.saturating_add(1);
        drop(taken);
        Some(AgentPlace(Arc::clone(self)))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HandshakePlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.handshakes = taken.handshakes.saturating_sub(1);
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

impl Drop for AgentPlace {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        taken.agents = taken.agents.saturating_sub(1);
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
