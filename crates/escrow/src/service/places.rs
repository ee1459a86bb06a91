//! Who may connect.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::ServiceLimits;

/// Counts connections.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    handshakes: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A handshake that goes on; the place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct HandshakePlace {
    places: Arc<Places>,
    address: IpAddr,
}

/// Somebody who is connected; the place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPlace(Arc<Places>);

impl Places {
    /// Takes a place for a handshake, if there is one.
    pub(super) fn handshake(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &ServiceLimits,
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

    /// Takes a place for somebody whose handshake is over, if there is one.
    pub(super) fn connection(self: &Arc<Self>, limits: &ServiceLimits) -> Option<ConnectionPlace> {
        let mut taken = self.taken();
        if taken.connections >= limits.connections {
            return None;
        }
        taken.connections = taken.connections.saturating_add(1);
        drop(taken);
        Some(ConnectionPlace(Arc::clone(self)))
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

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        taken.connections = taken.connections.saturating_sub(1);
    }
}

/// What one host has: of IPv6 a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(bits).into()
        }
    }
}
