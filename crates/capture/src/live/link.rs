//! What a packet begins with, by the hardware type of its interface.

use wire::LinkType;

/// Where the bytes to give begin, and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// At the link header.
    Header(LinkType),
    /// At the network header, whatever is in front of it.
    Network(LinkType),
    /// Nothing that is known here.
    Unknown,
}

impl Link {
    /// Chooses by hardware type (`ARPHRD_*`) and protocol (`ETH_P_*`) of a packet.
    pub(super) const fn of(hardware: u16, protocol: u16) -> Self {
        match (hardware, protocol) {
            (libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK, _) => Self::Header(LinkType::ETHERNET),
            // Tunnels, PPP, raw IP and all else: drivers differ in whether a link header is there,
            // but the kernel knows where the network header is.
            (_, ETH_P_IP) => Self::Network(LinkType::IPV4),
            (_, ETH_P_IPV6) => Self::Network(LinkType::IPV6),
            _ => Self::Unknown,
        }
    }
}

const ETH_P_IP: u16 = 0x0800;
const ETH_P_IPV6: u16 = 0x86dd;
