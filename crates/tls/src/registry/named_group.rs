//! Groups and mechanisms that keys are agreed with.

use event::KeyExchangeClass;

use super::{find, generated};

/// A named group (RFC 9846 section 4.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedGroup(pub u16);

impl NamedGroup {
    /// X25519.
    pub const X25519: Self = Self(0x001d);
    /// NIST P-256.
    pub const SECP256R1: Self = Self(0x0017);
    /// X25519 with ML-KEM-768.
    pub const X25519MLKEM768: Self = Self(0x11ec);

    /// The registered name, if there is one.
    #[must_use]
    pub fn known_name(self) -> Option<&'static str> {
        self.entry().map(|(_, name, _, _)| *name)
    }

    /// The group that is registered under a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let entry = generated::named_groups::ENTRIES.iter().find(|(_, known, ..)| *known == name);
        entry.map(|(value, ..)| Self(*value))
    }

    /// What the group's security rests on; absent for unknown groups.
    #[must_use]
    pub fn class(self) -> Option<GroupClass> {
        self.entry().map(|(_, _, class, _)| *class)
    }

    /// Size of the field or modulus in bits, that of the classical part if there are two; absent
    /// if there is none or it is unknown.
    #[must_use]
    pub fn bits(self) -> Option<u16> {
        self.entry().map(|(_, _, _, bits)| *bits).filter(|bits| *bits != 0)
    }

    /// Whether the group is a finite field (RFC 7919).
    #[must_use]
    pub const fn is_finite_field(self) -> bool {
        self.0 >> 8 == 1
    }

    fn entry(self) -> Option<&'static (u16, &'static str, GroupClass, u16)> {
        find(&generated::named_groups::ENTRIES, self.0, |(value, ..)| *value)
    }
}

impl From<u16> for NamedGroup {
    #[inline]
    fn from(value: u16) -> Self {
        Self(value)
    }
}

/// What the security of a group rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupClass {
    /// Diffie-Hellman, over a finite field or a curve.
    Classical,
    /// A post-quantum mechanism combined with a classical one.
    HybridPq,
    /// A post-quantum mechanism alone.
    Pq,
}

impl From<GroupClass> for KeyExchangeClass {
    fn from(class: GroupClass) -> Self {
        match class {
            GroupClass::Classical => Self::Classical,
            GroupClass::HybridPq => Self::HybridPq,
            GroupClass::Pq => Self::Pq,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_quantum_groups_are_told_from_hybrid_ones() {
        for (value, name, class, bits) in [
            (0x001d, "x25519", GroupClass::Classical, Some(255)),
            (0x0101, "ffdhe3072", GroupClass::Classical, Some(3072)),
            (0x0200, "MLKEM512", GroupClass::Pq, None),
            (0x11eb, "SecP256r1MLKEM768", GroupClass::HybridPq, Some(256)),
            (0x11ec, "X25519MLKEM768", GroupClass::HybridPq, Some(255)),
            (0x11ed, "SecP384r1MLKEM1024", GroupClass::HybridPq, Some(384)),
            (0x11ee, "curveSM2MLKEM768", GroupClass::HybridPq, Some(256)),
            (0x6399, "X25519Kyber768Draft00", GroupClass::HybridPq, Some(255)),
            (0x4138, "CECPQ2", GroupClass::HybridPq, Some(255)),
            (0x2f3a, "p256_kyber512", GroupClass::HybridPq, Some(256)),
            (0x023a, "kyber512", GroupClass::Pq, None),
        ] {
            let group = NamedGroup(value);
            assert_eq!(group.name(), name);
            assert_eq!(group.class(), Some(class), "{name}");
            assert_eq!(group.bits(), bits, "{name}");
        }
        assert_eq!(NamedGroup(0x2a2a).class(), None);
    }
}
