//! Addresses and networks.

use std::net::IpAddr;
use std::str::FromStr;

/// An address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_len: u32,
}

impl Network {
    /// Whether `ip` is in the network.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let (wanted, seen, width) = match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128_u32),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let differing: u128 = wanted ^ seen;
        differing.checked_shr(width.saturating_sub(self.prefix_len)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let wrong = || format!("not an address or network: {text:?}; write 10.0.0.1 or 10.0.0.0/8");
        let address: IpAddr = address.parse().ok().ok_or_else(wrong)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len = match prefix {
            None => width,
            Some(prefix) => prefix.parse().ok().filter(|len| *len <= width).ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::output::sample;

    #[test]
    fn hosts_are_addresses_or_networks_of_either_side() {
        for (host, expected) in [
            ("192.0.2.17", true),
            ("198.51.100.7", true),
            ("192.0.2.18", false),
            ("192.0.2.16/30", true),
            ("192.0.2.20/30", false),
            ("0.0.0.0/0", true),
            ("::/0", false),
        ] {
            let hosts = vec![host.parse().unwrap()];
            let filter = Filter { hosts, ..Filter::default() };
            assert_eq!(filter.matches(&sample::tls13()), expected, "{host}");
        }
        for wrong in ["10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0/-1", "::/129"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
