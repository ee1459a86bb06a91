//! What an IP packet carries.

/// An IP protocol number or IPv6 next header (IANA assigned internet protocol numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: Self = Self(0);
    /// IPv4 in IP.
    pub const IPV4: Self = Self(4);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// IPv6 in IP.
    pub const IPV6: Self = Self(41);
    /// IPv6 routing header.
    pub const ROUTING: Self = Self(43);
    /// IPv6 fragment header.
    pub const FRAGMENT: Self = Self(44);
    /// GRE.
    pub const GRE: Self = Self(47);
    /// IPsec authentication header.
    pub const AUTHENTICATION: Self = Self(51);
    /// Nothing follows.
    pub const NONE: Self = Self(59);
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: Self = Self(60);
    /// MPLS in IP (RFC 4023).
    pub const MPLS: Self = Self(137);
    /// An Ethernet frame (RFC 8986).
    pub const ETHERNET: Self = Self(143);
}
