//! Whose clear text is copied.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Rules on whose clear text may be copied: nothing that none allows, nor anything that one denies.
///
/// Rules of one kind are alternatives. If there are rules of several kinds that allow, one of each
/// kind must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether everything is allowed that no rule is about.
    pub is_open: bool,
    /// What is allowed.
    pub allow: Matches,
    /// What is denied, whatever allows it.
    pub deny: Matches,
}

/// What rules match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Paths of executables, as the process sees them.
    pub executables: Vec<PathBuf>,
    /// Directories of cgroups of version 2; those below are matched as well.
    pub cgroups: Vec<PathBuf>,
    /// Ports of servers.
    pub ports: Vec<u16>,
    /// Networks of either end.
    pub nets: Vec<Net>,
    /// Addresses of the end whose clear text it is.
    pub local: Option<Local>,
}

/// Addresses of a network namespace, such as those of one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Number of the namespace, as `/proc/PID/ns/net` has it.
    pub netns: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Rules {
    /// Rules that allow everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Whether nothing can be allowed by them.
    #[must_use]
    pub fn allow_nothing(&self) -> bool {
        !self.is_open && self.allow == Matches::default()
    }
}

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
    /// Its first address in the form of IPv6, into which IPv4 is mapped (RFC 4291 section 2.5.5.2), and
    /// how many bits of that count.
    pub(crate) const fn prefix(self) -> ([u8; 16], u32) {
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
        if bits > all { Err(error()) } else { Ok(Self { address, bits }) }
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

    #[test]
    fn rules_allow_nothing_unless_they_say_so() {
        assert!(Rules::default().allow_nothing());
        assert!(!Rules::everything().allow_nothing());
        let deny = Matches { pids: vec![1], ..Matches::default() };
        assert!(Rules { deny: deny.clone(), ..Rules::default() }.allow_nothing());
        assert!(!Rules { allow: deny, ..Rules::default() }.allow_nothing());
    }
}
