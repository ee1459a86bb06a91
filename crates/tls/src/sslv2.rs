//! SSL 2.0: its records and the hellos, also the form in which old clients offer TLS (RFC 5246
//! appendix E.2).

use event::Name;
use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::registry::{CipherSuite, Sslv2CipherKind};
use crate::version::ProtocolVersion;

/// The two or three bytes in front of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Length of the header itself in bytes: 2 or 3.
    pub header_len: u8,
    /// Length of the body that follows, in bytes, padding included.
    pub len: u16,
    /// Length of the padding at the end of the body, in bytes.
    pub padding_len: u8,
}

impl RecordHeader {
    /// Reads the header that `bytes` begin with, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`] if the body is empty or all padding.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes);
        let Ok(first) = reader.u16() else { return Ok(None) };
        let header = if first & SHORT_HEADER != 0 {
            Self { header_len: 2, len: first & 0x7fff, padding_len: 0 }
        } else {
            let Ok(padding_len) = reader.u8() else { return Ok(None) };
            Self { header_len: 3, len: first & 0x3fff, padding_len }
        };
        if header.len <= u16::from(header.padding_len) {
            let len = usize::from(header.len);
            return Err(Malformed::Length { field: "record", offset: 0, len });
        }
        Ok(Some(header))
    }
}

/// A list of ciphers of three bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherKinds<'a> {
    bytes: &'a [u8],
}

impl<'a> CipherKinds<'a> {
    /// The ciphers, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = Sslv2CipherKind> + use<'a> {
        let chunks = self.bytes.as_chunks::<3>().0;
        chunks.iter().map(|[a, b, c]| Sslv2CipherKind(u32::from_be_bytes([0, *a, *b, *c])))
    }

    /// The names of the ciphers, in the order sent.
    pub fn names(&self) -> impl Iterator<Item = Name> + use<'a> {
        self.iter().map(Sslv2CipherKind::name)
    }

    /// Those that are cipher suites of SSL 3.0 or TLS.
    pub fn cipher_suites(&self) -> impl Iterator<Item = CipherSuite> + use<'a> {
        self.iter().filter_map(Sslv2CipherKind::cipher_suite)
    }
}

/// A `CLIENT-HELLO`, of a client that speaks SSL 2.0 or offers more in its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Highest version offered; one of SSL 3.0 or TLS if the hello is only in the old form.
    pub version: ProtocolVersion,
    /// Ciphers offered.
    pub cipher_kinds: CipherKinds<'a>,
    /// Session to resume.
    pub session_id: &'a [u8],
    /// What serves as the client's random, right-aligned if shorter.
    pub challenge: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a record that holds a `CLIENT-HELLO`, message type included.
    ///
    /// # Errors
    /// [`Malformed`] if the type, the version or a length is not one that a hello has. The checks
    /// are strict because nothing else tells SSL 2.0 from other protocols.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        message_type(&mut reader, CLIENT_HELLO)?;
        let version = version(&mut reader)?;
        let offset = reader.offset();
        let cipher_len = usize::from(reader.u16().field("cipher_specs_length")?);
        let session_len = usize::from(reader.u16().field("session_id_length")?);
        let challenge_len = usize::from(reader.u16().field("challenge_length")?);
        if cipher_len == 0 || !cipher_len.is_multiple_of(3) {
            return Err(Malformed::Length { field: "cipher_specs", offset, len: cipher_len });
        }
        if session_len > MAX_SESSION_ID_LEN {
            return Err(Malformed::Length { field: "session_id", offset, len: session_len });
        }
        if !(MIN_CHALLENGE_LEN..=MAX_CHALLENGE_LEN).contains(&challenge_len) {
            return Err(Malformed::Length { field: "challenge", offset, len: challenge_len });
        }
        let cipher_kinds = CipherKinds { bytes: reader.take(cipher_len).field("cipher_specs")? };
        let session_id = reader.take(session_len).field("session_id")?;
        let challenge = reader.take(challenge_len).field("challenge")?;
        Ok(Self { version, cipher_kinds, session_id, challenge })
    }

    /// Whether the client offers SSL 3.0 or TLS in this old form.
    #[must_use]
    pub fn offers_tls(&self) -> bool {
        self.version != ProtocolVersion::SSL2
    }
}

/// A `SERVER-HELLO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// Whether the server resumes the client's session.
    pub session_id_hit: bool,
    /// The version, SSL 2.0.
    pub version: ProtocolVersion,
    /// The server's certificate in DER; empty if a session is resumed.
    pub certificate: &'a [u8],
    /// Ciphers that the server accepts.
    pub cipher_kinds: CipherKinds<'a>,
    /// Identifier of the connection.
    pub connection_id: &'a [u8],
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a record that holds a `SERVER-HELLO`, message type included.
    ///
    /// # Errors
    /// [`Malformed`] if the type, the version or a length is not one that a hello has.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        message_type(&mut reader, SERVER_HELLO)?;
        let session_id_hit = reader.u8().field("session_id_hit")? != 0;
        reader.u8().field("certificate_type")?;
        let version = version(&mut reader)?;
        let offset = reader.offset();
        let certificate_len = usize::from(reader.u16().field("certificate_length")?);
        let cipher_len = usize::from(reader.u16().field("cipher_specs_length")?);
        let connection_len = usize::from(reader.u16().field("connection_id_length")?);
        if !cipher_len.is_multiple_of(3) {
            return Err(Malformed::Length { field: "cipher_specs", offset, len: cipher_len });
        }
        let certificate = reader.take(certificate_len).field("certificate")?;
        let cipher_kinds = CipherKinds { bytes: reader.take(cipher_len).field("cipher_specs")? };
        let connection_id = reader.take(connection_len).field("connection_id")?;
        Ok(Self { session_id_hit, version, certificate, cipher_kinds, connection_id })
    }
}

/// An `ERROR` message: its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorMessage(pub u16);

impl ErrorMessage {
    /// Reads the body of a record that holds an `ERROR`, message type included.
    ///
    /// # Errors
    /// [`Malformed`] if it is none.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        message_type(&mut reader, ERROR)?;
        let code = reader.u16().field("error_code")?;
        if !reader.is_empty() {
            let len = reader.remaining();
            return Err(Malformed::Trailing { field: "error", offset: reader.offset(), len });
        }
        Ok(Self(code))
    }

    /// The name of the code.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "no_cipher",
            2 => "no_certificate",
            4 => "bad_certificate",
            6 => "unsupported_certificate_type",
            _ => return None,
        })
    }
}

fn message_type(reader: &mut Reader<'_>, expected: u8) -> Result<(), Malformed> {
    let found = reader.u8().field("msg_type")?;
    if found == expected {
        return Ok(());
    }
    Err(Malformed::Value { field: "msg_type", offset: 0, value: u32::from(found) })
}

fn version(reader: &mut Reader<'_>) -> Result<ProtocolVersion, Malformed> {
    let offset = reader.offset();
    let value = reader.u16().field("version")?;
    match value.to_be_bytes() {
        [0, 2] | [3, 0..=4] => Ok(ProtocolVersion(value)),
        _ => Err(Malformed::Value { field: "version", offset, value: u32::from(value) }),
    }
}

/// Set in the first byte of a header of two bytes.
const SHORT_HEADER: u16 = 0x8000;

/// Message types.
const ERROR: u8 = 0;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// Longest session id that a hello carries, in bytes (RFC 5246 appendix E.2; SSL 2.0 has 16).
const MAX_SESSION_ID_LEN: usize = 32;
/// Shortest and longest challenge, in bytes (RFC 5246 appendix E.2).
const MIN_CHALLENGE_LEN: usize = 16;
const MAX_CHALLENGE_LEN: usize = 32;
