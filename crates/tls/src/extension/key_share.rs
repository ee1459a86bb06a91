//! `key_share` (RFC 9846 section 4.2.8).

use wire::Reader;

use super::vectors::end;
use crate::malformed::{Field, Malformed};
use crate::registry::NamedGroup;

/// A key share: its group, and the length of its key in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareEntry {
    /// The group.
    pub group: NamedGroup,
    /// Length of the key in bytes.
    pub key_len: u16,
}

/// The key shares of a `ClientHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyShares<'a> {
    list: &'a [u8],
}

impl<'a> ClientKeyShares<'a> {
    /// Reads the body of a client's `key_share`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let list = reader.prefixed_u16().field("client_shares")?;
        end(&reader, "client_shares")?;
        let mut shares = Reader::new(list);
        while !shares.is_empty() {
            entry(&mut shares)?;
        }
        Ok(Self { list })
    }

    /// The shares, in the order sent; none in a hello that asks for a `HelloRetryRequest`.
    pub fn iter(&self) -> impl Iterator<Item = KeyShareEntry> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || entry(&mut reader).ok())
    }

    /// The groups of the shares, in the order sent.
    pub fn groups(&self) -> impl Iterator<Item = NamedGroup> + use<'a> {
        self.iter().map(|share| share.group)
    }
}

/// What a server says about key shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKeyShare {
    /// Its own share.
    Share(KeyShareEntry),
    /// The group that it asks a share of (`HelloRetryRequest`).
    Selected(NamedGroup),
}

impl ServerKeyShare {
    /// Reads the body of a server's `key_share`; that of a `HelloRetryRequest` is two bytes long.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        if body.len() == 2 {
            return Ok(Self::Selected(NamedGroup(reader.u16().field("selected_group")?)));
        }
        let share = entry(&mut reader)?;
        end(&reader, "server_share")?;
        Ok(Self::Share(share))
    }

    /// The group.
    #[must_use]
    pub const fn group(self) -> NamedGroup {
        match self {
            Self::Share(share) => share.group,
            Self::Selected(group) => group,
        }
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<KeyShareEntry, Malformed> {
    let group = NamedGroup(reader.u16().field("group")?);
    let key = reader.prefixed_u16().field("key_exchange")?;
    let key_len = u16::try_from(key.len()).unwrap_or(u16::MAX);
    Ok(KeyShareEntry { group, key_len })
}
