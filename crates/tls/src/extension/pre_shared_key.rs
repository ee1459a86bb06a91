//! A client's `pre_shared_key` (RFC 9846 section 4.2.11).

use wire::Reader;

use super::vectors::end;
use crate::malformed::{Field, Malformed};

/// A pre-shared key offered: what is known of it without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskIdentity {
    /// Length of the identity in bytes; of a ticket, if it is one.
    pub identity_len: u16,
    /// Age of the ticket in milliseconds, obfuscated; 0 for external keys.
    pub obfuscated_ticket_age: u32,
}

/// The pre-shared keys of a `ClientHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedPsks<'a> {
    identities: &'a [u8],
    binders: &'a [u8],
}

impl<'a> OfferedPsks<'a> {
    /// Reads the body of a client's `pre_shared_key`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let identities = reader.prefixed_u16().field("identities")?;
        let binders = reader.prefixed_u16().field("binders")?;
        end(&reader, "binders")?;
        let mut each = Reader::new(identities);
        while !each.is_empty() {
            identity(&mut each)?;
        }
        let mut each = Reader::new(binders);
        while !each.is_empty() {
            each.prefixed_u8().field("binder")?;
        }
        Ok(Self { identities, binders })
    }

    /// The identities, in the order sent.
    pub fn identities(&self) -> impl Iterator<Item = PskIdentity> + use<'a> {
        let mut reader = Reader::new(self.identities);
        std::iter::from_fn(move || identity(&mut reader).ok())
    }

    /// Lengths of the binders in bytes, in the order sent.
    pub fn binder_lens(&self) -> impl Iterator<Item = usize> + use<'a> {
        self.binders().map(<[u8]>::len)
    }

    /// The binders, in the order sent.
    pub fn binders(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.binders);
        std::iter::from_fn(move || reader.prefixed_u8().ok())
    }

    /// Length of all binders with what says how long they are, in bytes: the end of the hello, over the
    /// rest of which they are computed.
    #[must_use]
    pub const fn binders_len(&self) -> usize {
        2 + self.binders.len()
    }
}

fn identity(reader: &mut Reader<'_>) -> Result<PskIdentity, Malformed> {
    let identity = reader.prefixed_u16().field("identity")?;
    let obfuscated_ticket_age = reader.u32().field("obfuscated_ticket_age")?;
    let identity_len = u16::try_from(identity.len()).unwrap_or(u16::MAX);
    Ok(PskIdentity { identity_len, obfuscated_ticket_age })
}
