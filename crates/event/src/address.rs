//! Who talks to whom, below TLS.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};

use arrayvec::ArrayString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::json::{ToJson, write_plain};

/// An address and a port, with the address's text made once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    ip: IpAddr,
    port: u16,
    text: IpText,
}

impl Endpoint {
    /// The endpoint at `ip` and `port`.
    #[must_use]
    pub fn new(ip: IpAddr, port: u16) -> Self {
        Self { ip, port, text: IpText::new(ip) }
    }

    /// The address.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The port; 0 for protocols without one.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address as the events write it.
    #[must_use]
    pub const fn text(&self) -> IpText {
        self.text
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ip.is_ipv6() {
            write!(f, "[{}]:{}", self.text.0, self.port)
        } else {
            write!(f, "{}:{}", self.text.0, self.port)
        }
    }
}

/// An IP address as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpText(ArrayString<MAX_IP_LEN>);

impl IpText {
    fn new(ip: IpAddr) -> Self {
        let mut text = ArrayString::new();
        let written = match ip {
            IpAddr::V4(ip) => write_ipv4(&mut text, ip),
            IpAddr::V6(ip) => write!(text, "{ip}"),
        };
        debug_assert!(written.is_ok(), "the capacity is that of the longest address");
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for IpText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl ToJson for IpText {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_plain(out, self.0.as_bytes());
    }
}

impl JsonSchema for IpText {
    fn schema_name() -> Cow<'static, str> {
        "IpAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

/// An Ethernet address, written as ECS asks: upper-case, with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

impl Mac {
    fn to_text(self) -> [u8; 17] {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let mut text = *b"00-00-00-00-00-00";
        for (place, byte) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = place {
                *high = digit(byte >> 4);
                *low = digit(byte & 15);
            }
        }
        text
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToJson for Mac {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_plain(out, &self.to_text());
    }
}

impl JsonSchema for Mac {
    fn schema_name() -> Cow<'static, str> {
        "Mac".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9A-F]{2}-){5}[0-9A-F]{2}$" })
    }
}

/// The transport under the session, named as ECS does (`network.transport`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema, ToJson)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Writes an IPv4 address without the detour over the formatting of numbers, which costs more than
/// all else that is done for a flow's endpoints.
fn write_ipv4(text: &mut ArrayString<MAX_IP_LEN>, ip: Ipv4Addr) -> fmt::Result {
    for (index, octet) in ip.octets().into_iter().enumerate() {
        if index > 0 {
            text.write_char('.')?;
        }
        for (unit, is_needed) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
            if is_needed {
                text.write_char(char::from(b'0' + octet / unit % 10))?;
            }
        }
    }
    Ok(())
}

/// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255` is the longest text of an address.
const MAX_IP_LEN: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_read_as_users_write_them() {
        let endpoint = |ip: &str| Endpoint::new(ip.parse().unwrap(), 443).to_string();
        assert_eq!(endpoint("192.0.2.255"), "192.0.2.255:443");
        assert_eq!(endpoint("2001:db8::1"), "[2001:db8::1]:443");
        assert_eq!(endpoint("::ffff:255.255.255.255"), "[::ffff:255.255.255.255]:443");
    }

    #[test]
    fn an_ethernet_address_has_hyphens() {
        let json = serde_json::to_string(&Mac([0, 0x1a, 2, 0xff, 4, 5])).unwrap();
        assert_eq!(json, "\"00-1A-02-FF-04-05\"");
    }
}
