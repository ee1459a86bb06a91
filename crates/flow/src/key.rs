//! What makes two packets belong to one flow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use event::Transport;

use crate::hash::KeyedHash;

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

/// The key of TCP in IPv4 without an overlay, as it is read from a packet: the two ends in numerical
/// order, each an address and a port in 48 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainV4Key {
    low: u64,
    high: u64,
}

/// Which of the two ends of a flow sent a packet.
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

    /// The hash of the key. It stands for the key where it is compared as a whole.
    #[inline]
    pub(crate) const fn hash(&self, hash: &KeyedHash) -> u64 {
        let Self([_, low, _, high, last]) = *self;
        if self.tag().is_v6() {
            return hash.words(self.0);
        }
        // Addresses and ports have 48 bits each, and the tag has less than the 32 that are left.
        let (low, high) = (low << 16 | last >> 48, high << 16 | (last >> 32 & PORT));
        hash.pair(low | (last >> 16 & PORT) << 48, high | (last & PORT) << 48)
    }

    #[inline]
    fn ordered(low: (Address, u16), high: (Address, u16), tag: Tag) -> Self {
        let (Address([a, b]), Address([c, d])) = (low.0, high.0);
        let ports = u64::from(low.1) << 48 | u64::from(high.1) << 32;
        Self([a, b, c, d, ports | u64::from(tag.0)])
    }
}

impl PlainV4Key {
    /// The key of a packet, and which end sent it.
    #[inline]
    pub(crate) fn new(source: (u32, u16), destination: (u32, u16)) -> (Self, Sender) {
        let join = |(address, port): (u32, u16)| u64::from(address) << 16 | u64::from(port);
        let (source, destination) = (join(source), join(destination));
        let sender = if source <= destination { Sender::Low } else { Sender::High };
        (Self { low: source.min(destination), high: source.max(destination) }, sender)
    }

    /// The hash that the [`FlowKey`] of the packet has.
    #[inline]
    pub(crate) const fn hash(&self, hash: &KeyedHash) -> u64 {
        hash.pair(self.low, self.high)
    }

    /// The lower address and the higher one.
    #[inline]
    pub(crate) const fn addresses(&self) -> (Address, Address) {
        (Address([0, self.low >> 16]), Address([0, self.high >> 16]))
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
    fn both_keys_of_a_packet_have_one_hash() {
        let hash = KeyedHash::new(1);
        let tag = Tag::new(false, Transport::Tcp, None);
        let address = |bits: u32| Address::from_v4(bits.to_be_bytes());
        for (source, destination) in [
            ((1, 2), (3, 4)),
            ((3, 1), (2, 9)),
            ((5, 9), (5, 8)),
            ((5, 8), (5, 8)),
            ((u32::MAX, 0), (0, 1)),
        ] {
            let (plain, sender) = PlainV4Key::new(source, destination);
            let long = FlowKey::new(
                (address(source.0), source.1),
                (address(destination.0), destination.1),
                tag,
            );
            assert_eq!(
                (plain.hash(&hash), plain.addresses()),
                (long.0.hash(&hash), long.0.addresses())
            );
            assert_eq!(sender, long.1);
            assert_eq!(PlainV4Key::new(destination, source).0.hash(&hash), plain.hash(&hash));
            assert_eq!(long.0.ip(sender), IpAddr::from(source.0.to_be_bytes()));
            assert_eq!(
                (long.0.port(sender), long.0.port(sender.other())),
                (source.1, destination.1)
            );
        }
    }

    #[test]
    fn all_of_a_key_is_in_its_hash() {
        let address = |last: u8| Address::from_v4([10, 0, 0, last]);
        let tags = [
            Tag::new(false, Transport::Tcp, None),
            Tag::new(false, Transport::Udp, None),
            Tag::new(true, Transport::Tcp, None),
            Tag::new(false, Transport::Tcp, Some(0)),
            Tag::new(false, Transport::Tcp, Some(1 << 16)),
            Tag::new(false, Transport::Tcp, Some(1)),
        ];
        let mut hashes = Vec::new();
        for tag in tags {
            for (low, high) in
                [((1, 1), (2, 2)), ((1, 2), (2, 1)), ((1, 1), (3, 2)), ((0, 1), (2, 2))]
            {
                let (key, _) =
                    FlowKey::new((address(low.0), low.1), (address(high.0), high.1), tag);
                assert_eq!(key.tag(), tag);
                hashes.push(key.hash(&KeyedHash::new(1)));
            }
        }
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 24);
    }
}
