//! Beacons: datagrams with one part of a session, sealed to one monitor, which an agent sends past the
//! monitor's tap before the packets that the part protects.
//!
//! A datagram needs no other: it has its own context, for any of them may be lost. It is authenticated with
//! a key that agents and monitors share, which costs a microsecond, before an operation with a private key
//! is spent on it. The monitor sees the packets: no part says whose they are.

mod datagram;
mod key;
mod receiver;
mod sender;

pub use datagram::Beacon;
pub use key::BeaconKey;
pub use receiver::{BeaconCounters, BeaconReceiver};
pub(crate) use sender::Beacons;
pub use sender::{BeaconTarget, CannotBeacon};
