//! `NewSessionTicket` (RFC 5077 section 3.3, RFC 9846 section 4.6.1).

use wire::Reader;

use crate::malformed::{Field, Malformed};

/// A ticket for a later session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket {
    /// How long the ticket is good for, in seconds; in TLS 1.2 a hint, 0 if the server says none.
    pub lifetime: u32,
    /// Length of the ticket in bytes.
    pub ticket_len: u16,
}

impl NewSessionTicket {
    /// Reads the body of the message as sent in TLS 1.2 and older.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let lifetime = reader.u32().field("ticket_lifetime_hint")?;
        let ticket = reader.prefixed_u16().field("ticket")?;
        Ok(Self { lifetime, ticket_len: u16::try_from(ticket.len()).unwrap_or(u16::MAX) })
    }

    /// Reads the body of the message as sent in TLS 1.3.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse_tls13(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let lifetime = reader.u32().field("ticket_lifetime")?;
        reader.u32().field("ticket_age_add")?;
        reader.prefixed_u8().field("ticket_nonce")?;
        let ticket = reader.prefixed_u16().field("ticket")?;
        reader.prefixed_u16().field("extensions")?;
        Ok(Self { lifetime, ticket_len: u16::try_from(ticket.len()).unwrap_or(u16::MAX) })
    }
}
