//! `HelloVerifyRequest` of DTLS (RFC 6347 section 4.2.1).

use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::version::ProtocolVersion;

/// A `HelloVerifyRequest`: the server wants to see its cookie before it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// The version of the message, which is not the one negotiated.
    pub server_version: ProtocolVersion,
    /// The cookie.
    pub cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let server_version = ProtocolVersion(reader.u16().field("server_version")?);
        let cookie = reader.prefixed_u8().field("cookie")?;
        Ok(Self { server_version, cookie })
    }
}
