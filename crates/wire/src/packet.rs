//! A captured packet and the link it was captured on.

/// One captured packet, borrowed from where the capture put it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured, in nanoseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ns: i64,
    /// What the bytes begin with.
    pub link_type: LinkType,
    /// Length on the wire in bytes; more than `bytes` holds if the capture was cut short.
    pub wire_len: u32,
    /// The captured bytes, from the link header on.
    pub bytes: &'a [u8],
}

/// A link-layer header type, as numbered by the tcpdump group
/// (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: a 4-byte protocol family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// Ethernet II.
    pub const ETHERNET: Self = Self(1);
    /// PPP, perhaps in HDLC-like framing.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing (RFC 1662).
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet session packets (RFC 2516), from the PPPoE header on.
    pub const PPP_ETHER: Self = Self(51);
    /// Raw IP, version by the first nibble; the number that `OpenBSD` writes.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP, version by the first nibble; as most systems' captures of `DLT_RAW` are written.
    pub const RAW_DLT: Self = Self(12);
    /// Raw IP, version by the first nibble.
    pub const RAW: Self = Self(101);
    /// `OpenBSD` loopback: as [`Self::NULL`] but in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);
    /// Raw IP as a socket sends or receives it, behind a number (4 bytes, big-endian, of which 24 bits
    /// count) that tells its connection from others with the same addresses and ports. Of this
    /// program alone: file formats have 16 bits for the link type.
    pub const SOCKET: Self = Self(0x1_0000);
}
