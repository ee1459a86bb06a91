//! Names of things that follow from their content, so that every server gives the same ones.

use std::fmt;
use std::str::FromStr;

use event::{Timestamp, Transport};
use hashbrown::HashMap;
use policy::{Entity, Observation, Posture};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The name of an edge: a digest of its ends, port and transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub(crate) [u8; 16]);

/// The name of a posture: [`Posture::id`] as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostureId(pub(crate) [u8; 16]);

/// The name of a session: when it began, and a digest of what tells it from others of that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// When it began.
    pub(crate) time: Timestamp,
    /// Digest of addresses, ports, transport, server name, posture and outcome.
    pub(crate) digest: u64,
}

/// A text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 32 hexadecimal digits are")]
pub struct NotAnId;

impl EdgeId {
    /// The name of the edge between two entities.
    #[must_use]
    pub fn of(source: &Entity, destination: &Entity, port: u16, transport: Transport) -> Self {
        let mut hash = Sha256::new();
        text(&mut hash, &source.id);
        text(&mut hash, &destination.id);
        hash.update(port.to_be_bytes());
        hash.update([transport_code(transport)]);
        Self(first(&hash.finalize()))
    }
}

impl PostureId {
    /// The name of a posture.
    #[must_use]
    pub fn of(posture: &Posture) -> Self {
        posture.id().parse().unwrap_or(Self([0; 16]))
    }

    /// The names of postures of which many are alike: each is made once.
    #[must_use]
    pub fn of_all<'a>(postures: impl Iterator<Item = &'a Posture>) -> Vec<Self> {
        let mut known = HashMap::<_, _, foldhash::fast::RandomState>::default();
        let of = |posture| *known.entry(posture).or_insert_with(|| Self::of(posture));
        postures.map(of).collect()
    }
}

impl SessionId {
    /// The name of an observed session.
    ///
    /// What differs between two reports of the same packets, such as names of containers that one
    /// agent knew and another did not, is not in it.
    #[must_use]
    pub fn of(seen: &Observation, posture: PostureId) -> Self {
        let mut hash = Sha256::new();
        for party in [&seen.client, &seen.server] {
            match party.ip.to_canonical() {
                std::net::IpAddr::V4(ip) => hash.update(ip.octets()),
                std::net::IpAddr::V6(ip) => hash.update(ip.octets()),
            }
            hash.update(party.port.to_be_bytes());
        }
        hash.update([transport_code(seen.transport)]);
        text(&mut hash, seen.server_name.as_deref().unwrap_or_default());
        hash.update(posture.0);
        text(&mut hash, seen.outcome.name());
        let digest: [u8; 8] = first(&hash.finalize());
        Self { time: seen.first, digest: u64::from_be_bytes(digest) }
    }

    /// When the session began.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        self.time
    }
}

impl fmt::Display for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for PostureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.time.as_nanos().cast_unsigned(), self.digest)
    }
}

impl FromStr for EdgeId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        digits(text).map(|value| Self(value.to_be_bytes()))
    }
}

impl FromStr for PostureId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        digits(text).map(|value| Self(value.to_be_bytes()))
    }
}

impl FromStr for SessionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let value = digits(text)?.to_be_bytes();
        let (time, digest) = value.split_at(8);
        let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_be_bytes);
        let time = Timestamp::from_nanos(half(time).cast_signed());
        Ok(Self { time, digest: half(digest) })
    }
}

impl Serialize for EdgeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for PostureId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest of a text that orders what has no number.
pub(crate) fn digest_of(value: &str) -> [u8; 16] {
    first(&Sha256::digest(value))
}

/// A text and where it ends, so that no two lists of texts look alike.
fn text(hash: &mut Sha256, value: &str) {
    hash.update(value.len().to_be_bytes());
    hash.update(value);
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    digest.first_chunk().copied().unwrap_or([0; N])
}

fn digits(text: &str) -> Result<u128, NotAnId> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return Err(NotAnId);
    }
    u128::from_str_radix(text, 16).map_err(|_error| NotAnId)
}

pub(crate) const fn transport_code(transport: Transport) -> u8 {
    match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    }
}
