//! Who may connect.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many may be there at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceLimits {
    /// Connections whose handshake is over.
    pub connections: usize,
    /// Connections on which the handshake goes on.
    pub handshakes: usize,
    /// Of these, from one address of IPv4 or one network of 64 bits of IPv6.
    pub handshakes_of_address: usize,
}

/// Counts connections. Handshakes, which anybody can begin, are counted apart from those who have shown who they are:
/// strangers do not take the places of others.
#[derive(Debug)]
pub struct Places {
    limits: PlaceLimits,
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
pub struct HandshakePlace {
    places: Arc<Places>,
    address: IpAddr,
}

/// Somebody who is connected; the place is free again when it is dropped.
#[derive(Debug)]
pub struct ConnectionPlace(Arc<Places>);

impl Places {
    /// Places of which all are free.
    #[must_use]
    pub fn new(limits: PlaceLimits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// Takes a place for a handshake, if there is one.
    #[must_use]
    pub fn handshake(self: &Arc<Self>, address: IpAddr) -> Option<HandshakePlace> {
        let address = network(address);
        let mut taken = self.taken();
        if taken.handshakes >= self.limits.handshakes {
            return None;
        }
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        if own >= self.limits.handshakes_of_address {
            return None;
        }
        taken.by_address.insert(address, own.saturating_add(1));
        taken.handshakes = taken.handshakes.saturating_add(1);
        drop(taken);
        Some(HandshakePlace { places: Arc::clone(self), address })
    }

    /// Takes a place for somebody whose handshake is over, if there is one.
    #[must_use]
    pub fn connection(self: &Arc<Self>) -> Option<ConnectionPlace> {
        let mut taken = self.taken();
        if taken.connections >= self.limits.connections {
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

/// What one host has: whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Arc<Places> {
        Arc::new(Places::new(PlaceLimits {
            connections: 1,
            handshakes: 3,
            handshakes_of_address: 2,
        }))
    }

    #[test]
    fn one_host_does_not_take_all_places_and_gives_back_what_it_had() {
        let (places, one) = (places(), "2001:db8::1".parse().unwrap());
        let same_network = "2001:db8::ffff".parse().unwrap();
        let other = "192.0.2.1".parse().unwrap();
        let held = [places.handshake(one), places.handshake(same_network)];
        assert!(held.iter().all(Option::is_some) && places.handshake(one).is_none());
        let last = places.handshake(other);
        assert!(last.is_some() && places.handshake("192.0.2.2".parse().unwrap()).is_none());
        drop(held);
        assert!(places.handshake(one).is_some());
    }

    #[test]
    fn an_address_is_one_however_it_is_written() {
        let places = places();
        let held =
            ["192.0.2.1", "::ffff:192.0.2.1"].map(|it| places.handshake(it.parse().unwrap()));
        assert!(held.iter().all(Option::is_some));
        assert!(places.handshake("192.0.2.1".parse().unwrap()).is_none());
    }

    #[test]
    fn handshakes_do_not_take_the_places_of_connections() {
        let places = places();
        let _handshake = places.handshake("192.0.2.1".parse().unwrap());
        let held = places.connection();
        assert!(held.is_some() && places.connection().is_none());
        drop(held);
        assert!(places.connection().is_some());
    }
}
