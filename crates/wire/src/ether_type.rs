//! What an Ethernet frame carries.

/// An `EtherType` (IEEE 802 numbers registry at IANA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// Transparent Ethernet bridging: an Ethernet frame in GRE or GENEVE.
    pub const ETHERNET: Self = Self(0x6558);
    /// 802.1Q tag.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// PPP in enhanced GRE (RFC 2637).
    pub const PPP: Self = Self(0x880b);
    /// MPLS, unicast.
    pub const MPLS: Self = Self(0x8847);
    /// MPLS, multicast or with an upstream-assigned label.
    pub const MPLS_UPSTREAM: Self = Self(0x8848);
    /// `PPPoE` session stage (RFC 2516).
    pub const PPPOE_SESSION: Self = Self(0x8864);
    /// 802.1ad service tag.
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// ERSPAN types I and II in GRE.
    pub const ERSPAN: Self = Self(0x88be);
    /// ERSPAN type III in GRE.
    pub const ERSPAN_III: Self = Self(0x22eb);
    /// 802.1Q-in-Q before 802.1ad.
    pub const OLD_SERVICE_VLAN: Self = Self(0x9100);

    /// Whether a VLAN tag follows.
    #[inline]
    #[must_use]
    pub const fn is_vlan(self) -> bool {
        matches!(self, Self::VLAN | Self::SERVICE_VLAN | Self::OLD_SERVICE_VLAN)
    }

    /// Whether it is one of those that this crate reads, or ARP: a hint that bytes are Ethernet.
    #[must_use]
    pub const fn is_common(self) -> bool {
        self.is_vlan()
            || matches!(
                self,
                Self::IPV4
                    | Self::IPV6
                    | Self::ARP
                    | Self::MPLS
                    | Self::MPLS_UPSTREAM
                    | Self::PPPOE_SESSION
            )
    }

    const ARP: Self = Self(0x0806);
}
