//! What makes two packets belong to one flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use event::Transport;

/// An IPv4 or IPv6 address in two words; which of the two is told by the [`Tag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub(crate) [u64; 2]);

impl Address {
    #[inline]
    pub(crate) const fn from_v4(octets: [u8; 4]) -> Self {
        Self([0, u32::from_be_bytes(octets) as u64])
    }

    #[inline]
    pub(crate) const fn from_v6(octets: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = octets;
        Self([
            u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        ])
    }

    fn ip(self, tag: Tag) -> IpAddr {
        let Self([high, low]) = self;
        if tag.is_v6() {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)))
        } else {
            let [.., a, b, c, d] = low.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
    }
}

/// IP version, transport, and the virtual network of an overlay (VXLAN or GENEVE).
///
/// VLAN ids and the keys of other tunnels are left out: they may differ between the two directions
/// of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag(u32);

impl Tag {
    #[inline]
    pub(crate) const fn new(is_v6: bool, transport: Transport, vni: Option<u32>) -> Self {
        let network = match vni {
            Some(vni) => VIRTUAL | (vni & VNI_MASK),
            None => 0,
        };
        let transport = match transport {
            Transport::Tcp => 0,
            Transport::Udp => UDP,
        };
        Self(network | transport | if is_v6 { V6 } else { 0 })
    }

    #[inline]
    pub(crate) const fn is_v6(self) -> bool {
        self.0 & V6 != 0
    }

    #[inline]
    pub(crate) const fn transport(self) -> Transport {
        if self.0 & UDP == 0 { Transport::Tcp } else { Transport::Udp }
    }

    pub(crate) const fn vni(self) -> Option<u32> {
        if self.0 & VIRTUAL == 0 { None } else { Some(self.0 & VNI_MASK) }
    }
}

/// The two ends of a flow in numerical order, so that both directions have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    addresses: [Address; 2],
    ports: u32,
    tag: Tag,
}

/// Which of the two ends of a [`FlowKey`] sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Low,
    High,
}

impl FlowKey {
    /// The key of a packet, and which end sent it.
    #[inline]
    pub(crate) fn new(
        source: (Address, u16),
        destination: (Address, u16),
        tag: Tag,
    ) -> (Self, Sender) {
        let key = |low: (Address, u16), high: (Address, u16)| Self {
            addresses: [low.0, high.0],
            ports: u32::from(low.1) << 16 | u32::from(high.1),
            tag,
        };
        if source <= destination {
            (key(source, destination), Sender::Low)
        } else {
            (key(destination, source), Sender::High)
        }
    }

    #[inline]
    pub(crate) const fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn ip(&self, end: Sender) -> IpAddr {
        let [low, high] = self.addresses;
        match end {
            Sender::Low => low,
            Sender::High => high,
        }
        .ip(self.tag)
    }

    pub(crate) const fn port(&self, end: Sender) -> u16 {
        let [a, b, c, d] = self.ports.to_be_bytes();
        match end {
            Sender::Low => u16::from_be_bytes([a, b]),
            Sender::High => u16::from_be_bytes([c, d]),
        }
    }

    /// The words that a hash is made of.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 5] {
        let [Address([a, b]), Address([c, d])] = self.addresses;
        [a, b, c, d, u64::from(self.ports) << 32 | u64::from(self.tag.0)]
    }
}

impl Sender {
    #[inline]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

const VNI_MASK: u32 = 0x00ff_ffff;
const VIRTUAL: u32 = 1 << 24;
const UDP: u32 = 1 << 25;
const V6: u32 = 1 << 26;
