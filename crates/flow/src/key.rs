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

/// The two ends of a flow in numerical order, so that both directions have the same key: the lower
/// address, the higher one, and in one word the ports (of the lower first) and the tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowKey([u64; 5]);

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
        if source <= destination {
            (Self::ordered(source, destination, tag), Sender::Low)
        } else {
            (Self::ordered(destination, source, tag), Sender::High)
        }
    }

    /// The same for IPv4, in fewer steps.
    #[inline]
    pub(crate) fn new_v4(source: (u32, u16), destination: (u32, u16), tag: Tag) -> (Self, Sender) {
        let join = |(address, port): (u32, u16)| u64::from(address) << 16 | u64::from(port);
        let (source, destination) = (join(source), join(destination));
        let (low, high) = (source.min(destination), source.max(destination));
        let last = (low & PORT) << 48 | (high & PORT) << 32 | u64::from(tag.0);
        let sender = if source <= destination { Sender::Low } else { Sender::High };
        (Self([0, low >> 16, 0, high >> 16, last]), sender)
    }

    #[inline]
    pub(crate) const fn tag(&self) -> Tag {
        let Self([.., last]) = self;
        let [.., a, b, c, d] = last.to_be_bytes();
        Tag(u32::from_be_bytes([a, b, c, d]))
    }

    /// The lower address and the higher one.
    #[inline]
    pub(crate) const fn addresses(&self) -> (Address, Address) {
        let Self([a, b, c, d, _]) = *self;
        (Address([a, b]), Address([c, d]))
    }

    pub(crate) fn ip(&self, end: Sender) -> IpAddr {
        let (low, high) = self.addresses();
        match end {
            Sender::Low => low,
            Sender::High => high,
        }
        .ip(self.tag())
    }

    pub(crate) const fn port(&self, end: Sender) -> u16 {
        let Self([.., last]) = self;
        let [a, b, c, d, ..] = last.to_be_bytes();
        match end {
            Sender::Low => u16::from_be_bytes([a, b]),
            Sender::High => u16::from_be_bytes([c, d]),
        }
    }

    /// The words that a hash is made of.
    #[inline]
    pub(crate) const fn words(&self) -> [u64; 5] {
        self.0
    }

    #[inline]
    fn ordered(low: (Address, u16), high: (Address, u16), tag: Tag) -> Self {
        let (Address([a, b]), Address([c, d])) = (low.0, high.0);
        let ports = u64::from(low.1) << 48 | u64::from(high.1) << 32;
        Self([a, b, c, d, ports | u64::from(tag.0)])
    }
}

impl PartialEq for FlowKey {
    // Without a branch for each word: the keys compared are nearly always equal.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (Self([a, b, c, d, e]), Self([v, w, x, y, z])) = (self, other);
        (a ^ v) | (b ^ w) | (c ^ x) | (d ^ y) | (e ^ z) == 0
    }
}

impl Eq for FlowKey {}

impl Sender {
    #[inline]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

const PORT: u64 = 0xffff;
const VNI_MASK: u32 = 0x00ff_ffff;
const VIRTUAL: u32 = 1 << 24;
const UDP: u32 = 1 << 25;
const V6: u32 = 1 << 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_a_key_are_one() {
        let tag = Tag::new(false, Transport::Tcp, Some(7));
        let address = |bits: u32| Address::from_v4(bits.to_be_bytes());
        for (source, destination) in [
            ((1, 2), (3, 4)),
            ((3, 1), (2, 9)),
            ((5, 9), (5, 8)),
            ((5, 8), (5, 8)),
            ((u32::MAX, 0), (0, 1)),
        ] {
            let short = FlowKey::new_v4(source, destination, tag);
            let long = FlowKey::new(
                (address(source.0), source.1),
                (address(destination.0), destination.1),
                tag,
            );
            assert_eq!(short, long);
            let (key, sender) = short;
            assert_eq!(key.ip(sender), IpAddr::from(source.0.to_be_bytes()));
            assert_eq!((key.port(sender), key.port(sender.other())), (source.1, destination.1));
            assert_eq!((key.tag(), key.tag().vni()), (tag, Some(7)));
            assert_eq!(FlowKey::new_v4(destination, source, tag).0, key);
        }
    }
}
