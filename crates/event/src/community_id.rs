//! The community id: one name for a flow across tools (<https://github.com/corelight/community-id-spec>).

use std::borrow::Cow;
use std::net::IpAddr;

use arrayvec::ArrayString;
use data_encoding::BASE64;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};

use crate::address::{Endpoint, Transport};
use crate::json::{ToJson, write_plain};

/// A community id, version 1, with seed 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommunityId([u8; 20]);

impl CommunityId {
    /// The id of the flow between `a` and `b`, in whichever order.
    #[must_use]
    pub fn new(transport: Transport, a: &Endpoint, b: &Endpoint) -> Self {
        const SEED: [u8; 2] = [0; 2];
        let ordered = (a.ip(), a.port()) <= (b.ip(), b.port());
        let (low, high) = if ordered { (a, b) } else { (b, a) };
        let protocol = match transport {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        };
        let mut message = arrayvec::ArrayVec::<u8, MAX_MESSAGE_LEN>::new();
        message.extend(SEED);
        for endpoint in [low, high] {
            match endpoint.ip() {
                IpAddr::V4(ip) => message.extend(ip.octets()),
                IpAddr::V6(ip) => message.extend(ip.octets()),
            }
        }
        message.extend([protocol, 0]);
        message.extend(low.port().to_be_bytes());
        message.extend(high.port().to_be_bytes());
        Self(Sha1::digest(&message).into())
    }

    /// The text: version, colon, base 64.
    #[must_use]
    pub fn to_text(self) -> ArrayString<30> {
        let mut encoded = [0; 28];
        BASE64.encode_mut(&self.0, &mut encoded);
        let mut text = ArrayString::new();
        text.try_push_str("1:").ok();
        text.try_push_str(std::str::from_utf8(&encoded).unwrap_or_default()).ok();
        text
    }
}

impl Serialize for CommunityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl ToJson for CommunityId {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_plain(out, self.to_text().as_bytes());
    }
}

impl JsonSchema for CommunityId {
    fn schema_name() -> Cow<'static, str> {
        "CommunityId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^1:[A-Za-z0-9+/]{27}=$" })
    }
}

/// Seed, two IPv6 addresses, protocol and padding, two ports.
const MAX_MESSAGE_LEN: usize = 2 + 32 + 2 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's baseline, `tcp.pcap`.
    #[test]
    fn both_directions_have_the_published_id() {
        let a = Endpoint::new("128.232.110.120".parse().unwrap(), 34855);
        let b = Endpoint::new("66.35.250.204".parse().unwrap(), 80);
        let id = CommunityId::new(Transport::Tcp, &a, &b);
        assert_eq!(&id.to_text(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(CommunityId::new(Transport::Tcp, &b, &a), id);
    }
}
