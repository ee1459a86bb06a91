//! An agent's side: seals to monitors and sends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event::Timestamp;

use super::datagram::datagram;
use super::key::BeaconKey;
use crate::keys::{NotTrusted, Role, Signed, Trust};
use crate::seal::{Sealer, SealerLimits};
use crate::tier::{Divided, Part, Tier};

/// Where beacons go, and for whom.
#[derive(Clone, Debug)]
pub struct BeaconTarget {
    /// An address whose packets pass the monitor's tap. Nobody has to listen there.
    pub destination: SocketAddr,
    /// The authority's grant to the monitor: its key, and how much it may have.
    pub grant: Signed,
    /// Authenticates them.
    pub key: Arc<BeaconKey>,
}

/// Why no beacons can be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotBeacon {
    /// The grant is not to be believed, or none to a monitor.
    #[error("the grant: {0}")]
    Grant(#[from] NotTrusted),
    /// There is no socket.
    #[error("cannot send datagrams: {0}")]
    Socket(#[from] io::Error),
}

/// All targets of an agent.
#[derive(Default)]
pub(crate) struct Beacons {
    targets: Vec<Target>,
    sent: AtomicU64,
    lost: AtomicU64,
}

struct Target {
    destination: SocketAddr,
    socket: UdpSocket,
    key: Arc<BeaconKey>,
    sealers: Vec<Sealer>,
    not_after_ms: u64,
}

impl Beacons {
    pub(crate) fn new(
        targets: &[BeaconTarget],
        trust: &Trust,
        now_ms: u64,
    ) -> Result<Self, CannotBeacon> {
        let targets = targets.iter().map(|target| Target::new(target, trust, now_ms));
        Ok(Self { targets: targets.collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// Sends what monitors may have of some parts, each in a datagram of its own.
    pub(crate) fn send(&self, divided: &Divided, parts: &[Part], now: Timestamp, now_ms: u64) {
        for target in self.targets.iter().filter(|target| now_ms < target.not_after_ms) {
            for (part, secrets) in divided.parts.iter().filter(|(part, _)| parts.contains(part)) {
                let sealer = target.sealers.iter().find(|sealer| sealer.part() == *part);
                let Some(sealer) = sealer else { continue };
                let mut record = Vec::new();
                let sealed = sealer.seal(now, &divided.facts, None, secrets, &mut record);
                let is_sent = sealed.is_ok_and(|context| {
                    let datagram = datagram(&context, &record, &target.key);
                    target.socket.send_to(&datagram, target.destination).is_ok()
                });
                let counter = if is_sent { &self.sent } else { &self.lost };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Datagrams that were sent, and those that could not be.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed))
    }
}

impl Target {
    fn new(target: &BeaconTarget, trust: &Trust, now_ms: u64) -> Result<Self, CannotBeacon> {
        let grant = trust.grant(&target.grant, now_ms)?;
        if !grant.roles.contains(&Role::Monitor) {
            return Err(NotTrusted::NotGranted(grant.name.clone()).into());
        }
        let tier: Tier = grant.tier.parse().map_err(|_error| NotTrusted::Value)?;
        let public = grant.sealing.public().ok_or(NotTrusted::Value)?;
        // Any of them may be lost: each has a context of its own.
        let limits = SealerLimits { records: 1, age: Duration::MAX };
        let sealer = |part: &Part| Sealer::new(*part, public.clone(), limits);
        let any: IpAddr = match target.destination {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        // What finds no room is lost, and nobody waits.
        socket.set_nonblocking(true)?;
        Ok(Self {
            destination: target.destination,
            socket,
            key: Arc::clone(&target.key),
            sealers: tier.parts().iter().map(sealer).collect(),
            not_after_ms: grant.not_after_ms,
        })
    }
}
