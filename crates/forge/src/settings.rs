//! How packets are forged.

use std::ops::RangeInclusive;

/// How packets are forged. The defaults suit an interface of Ethernet that an IDS listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest IP packet.
    pub mtu: Mtu,
    /// Which ports of servers are told as others.
    pub ports: PortMap,
    /// Ethernet addresses of clients and of servers. They are locally administered, and should be
    /// nobody's where the frames go: a host answers what it is sent.
    pub macs: ([u8; 6], [u8; 6]),
    /// VLAN of all frames, if they are to have one; 12 bits.
    pub vlan: Option<u16>,
    /// VLANs for connections whose addresses and ports another has at the same time, or had a minute
    /// before: two streams of one HTTP/2 connection, or two containers with the same loopback
    /// addresses. Without them, the older connection is reset.
    pub lanes: Option<RangeInclusive<u16>>,
    /// Most connections at the same time; if there are more, that which was silent longest is reset.
    pub max_connections: usize,
    /// How long a connection may be silent before it is reset, in nanoseconds.
    pub idle_ns: i64,
    /// Key of the hash that makes initial sequence numbers (RFC 6528 section 3): a random number
    /// makes them hard to guess.
    pub key: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mtu: Mtu::ETHERNET,
            ports: PortMap::default(),
            macs: ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]),
            vlan: None,
            lanes: Some(LANES),
            max_connections: MAX_CONNECTIONS,
            idle_ns: IDLE_NS,
            key: 0,
        }
    }
}

/// Longest IP packet of an output in bytes, headers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtu(u16);

impl Mtu {
    /// Of Ethernet (RFC 894).
    pub const ETHERNET: Self = Self(1500);
    /// Of Ethernet with jumbo frames, as most networks that have them choose it.
    pub const JUMBO: Self = Self(9000);
    /// For a sensor on the same host: a TLS record's clear text in one packet. Suricata takes frames up
    /// to about this length by default.
    pub const RECORD: Self = Self(16_500);
    /// What every host has to accept (RFC 791 section 3.1).
    pub const MIN: Self = Self(576);

    /// An MTU of `bytes`, or `None` if that is below [`Mtu::MIN`].
    #[must_use]
    pub const fn new(bytes: u16) -> Option<Self> {
        if bytes < Self::MIN.0 { None } else { Some(Self(bytes)) }
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u16 {
        self.0
    }
}

/// Which ports of servers are told as others: an IDS looks for HTTP at 80, not at 443.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortMap(Vec<(u16, u16)>);

impl PortMap {
    /// Tells the first port of each pair as the second. Of pairs for the same port the last counts.
    pub fn new(pairs: impl IntoIterator<Item = (u16, u16)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// What `port` is told as.
    #[must_use]
    pub fn told(&self, port: u16) -> u16 {
        self.0.iter().rev().find(|(from, _)| *from == port).map_or(port, |(_, to)| *to)
    }
}

/// All ids that name a VLAN (IEEE 802.1Q section 9.6) but 1, which is the default of switches.
const LANES: RangeInclusive<u16> = 2..=4094;

/// As many as a busy server has; about 30 MB.
const MAX_CONNECTIONS: usize = 1 << 16;

/// One hour: longer than idle connections of HTTP are kept, shorter than one forgets them.
const IDLE_NS: i64 = 3600 * 1_000_000_000;
