//! Networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network: the addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: it is written like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1")]
pub struct NotANet(String);

impl Net {
    /// Whether an address is in it. An address of IPv4 is the same in its form of IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(u32::from(32_u8.saturating_sub(self.bits))).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(u32::from(128_u8.saturating_sub(self.bits))).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Its first address in the form of IPv6, into which IPv4 is mapped (RFC 4291 section 2.5.5.2), and
    /// how many bits of that count.
    #[must_use]
    pub const fn prefix(self) -> ([u8; 16], u32) {
        match self.address {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped().octets(), 96 + self.bits as u32),
            IpAddr::V6(v6) => (v6.octets(), self.bits as u32),
        }
    }
}

impl FromStr for Net {
    type Err = NotANet;

    fn from_str(text: &str) -> Result<Self, NotANet> {
        let error = || NotANet(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_not| error())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), str::parse).map_err(|_not| error())?;
        let is_mapped = address.is_ipv6() && address.to_canonical().is_ipv4();
        if bits > all || is_mapped { Err(error()) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_in_each_form() {
        for (text, bits, expected) in [
            ("10.0.0.0/8", 104, Some("10.0.0.0/8")),
            ("192.0.2.1", 128, Some("192.0.2.1/32")),
            ("2001:db8::/32", 32, Some("2001:db8::/32")),
            ("::1", 128, Some("::1/128")),
            ("10.0.0.0/33", 0, None),
            ("10.0.0/8", 0, None),
            ("10.0.0.0/", 0, None),
            ("", 0, None),
        ] {
            let net = text.parse::<Net>().ok();
            assert_eq!(net.map(|net| net.to_string()).as_deref(), expected, "{text}");
            assert_eq!(net.map_or(0, |net| net.prefix().1), bits, "{text}");
        }
    }
}
