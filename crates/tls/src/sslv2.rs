//! SSL 2.0: its records and the hellos, also the form in which old clients offer TLS (RFC 5246
//! appendix E.2).

use std::ops::RangeInclusive;

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

/// What bytes that may begin with an SSL 2.0 hello are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// A record with a hello; its end may be still to come.
    Hello,
    /// Too few bytes to tell.
    NeedMore,
    /// Something else.
    No,
}

/// Judges whether `bytes` begin with a record of two header bytes that holds a hello
/// (draft-hickman-netscape-ssl-00 sections 2.5 and 2.6; RFC 5246 appendix E.2).
///
/// Nothing marks SSL 2.0: what tells a hello is that its fields are those of one and that its
/// lengths add up to that of the record.
#[must_use]
pub fn judge(bytes: &[u8]) -> Judgement {
    if bytes.first().is_some_and(|first| first & SHORT_HEADER.to_be_bytes()[0] == 0) {
        return Judgement::No;
    }
    let mut reader = Reader::new(bytes);
    let Ok(header) = reader.u16() else { return Judgement::NeedMore };
    let mut body = Reader::new(reader.rest());
    let total = match reader.u8() {
        Ok(CLIENT_HELLO) => ClientFields::read(&mut body).map(|fields| fields.total()),
        Ok(SERVER_HELLO) => ServerFields::read(&mut body).map(|fields| fields.total()),
        Ok(_) => return Judgement::No,
        Err(_) => return Judgement::NeedMore,
    };
    match total {
        Ok(total) if total == usize::from(header & !SHORT_HEADER) => Judgement::Hello,
        Err(Malformed::Truncated { .. }) => Judgement::NeedMore,
        Ok(_) | Err(_) => Judgement::No,
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
        let fields = ClientFields::read(&mut reader)?;
        let version = fields.version;
        let cipher_kinds =
            CipherKinds { bytes: reader.take(fields.ciphers_len).field("cipher_specs")? };
        let session_id = reader.take(fields.session_id_len).field("session_id")?;
        let challenge = reader.take(fields.challenge_len).field("challenge")?;
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
        let fields = ServerFields::read(&mut reader)?;
        let certificate = reader.take(fields.certificate_len).field("certificate")?;
        let cipher_kinds =
            CipherKinds { bytes: reader.take(fields.ciphers_len).field("cipher_specs")? };
        let connection_id = reader.take(fields.connection_id_len).field("connection_id")?;
        let (session_id_hit, version) = (fields.session_id_hit, ProtocolVersion::SSL2);
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

/// The fields of a `CLIENT-HELLO` before those of variable length.
struct ClientFields {
    version: ProtocolVersion,
    ciphers_len: usize,
    session_id_len: usize,
    challenge_len: usize,
}

impl ClientFields {
    const LEN: usize = 9;

    /// Reads the fields; whether all of them are there is found out first.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        message_type(reader, CLIENT_HELLO)?;
        let version = reader.u16().field("version")?;
        let ciphers_len = usize::from(reader.u16().field("cipher_specs_length")?);
        let session_id_len = usize::from(reader.u16().field("session_id_length")?);
        let challenge_len = usize::from(reader.u16().field("challenge_length")?);
        if !matches!(version.to_be_bytes(), [0, 2] | [3, 0..=4]) {
            let value = u32::from(version);
            return Err(Malformed::Value { field: "version", offset: 1, value });
        }
        for (field, offset, len, is_possible) in [
            ("cipher_specs", 3, ciphers_len, is_offer(ciphers_len)),
            ("session_id", 5, session_id_len, SESSION_ID_LENS.contains(&session_id_len)),
            ("challenge", 7, challenge_len, CHALLENGE_LENS.contains(&challenge_len)),
        ] {
            if !is_possible {
                return Err(Malformed::Length { field, offset, len });
            }
        }
        let version = ProtocolVersion(version);
        Ok(Self { version, ciphers_len, session_id_len, challenge_len })
    }

    /// Length of the record that the fields add up to, in bytes.
    const fn total(&self) -> usize {
        Self::LEN + self.ciphers_len + self.session_id_len + self.challenge_len
    }
}

/// The fields of a `SERVER-HELLO` before those of variable length. Its version is SSL 2.0.
struct ServerFields {
    session_id_hit: bool,
    certificate_len: usize,
    ciphers_len: usize,
    connection_id_len: usize,
}

impl ServerFields {
    const LEN: usize = 11;

    /// Reads the fields; whether all of them are there is found out first.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        message_type(reader, SERVER_HELLO)?;
        let session_id_hit = reader.u8().field("session_id_hit")?;
        let certificate_type = reader.u8().field("certificate_type")?;
        let version = reader.u16().field("version")?;
        let certificate_len = usize::from(reader.u16().field("certificate_length")?);
        let ciphers_len = usize::from(reader.u16().field("cipher_specs_length")?);
        let connection_id_len = usize::from(reader.u16().field("connection_id_length")?);
        for (field, offset, value, is_possible) in [
            ("session_id_hit", 1, u16::from(session_id_hit), session_id_hit <= 1),
            ("certificate_type", 2, u16::from(certificate_type), certificate_type <= 1),
            ("version", 3, version, version == ProtocolVersion::SSL2.0),
        ] {
            if !is_possible {
                return Err(Malformed::Value { field, offset, value: u32::from(value) });
            }
        }
        for (field, offset, len, is_possible) in [
            ("cipher_specs", 7, ciphers_len, ciphers_len.is_multiple_of(CIPHER_LEN)),
            ("connection_id", 9, connection_id_len, connection_id_len <= MAX_CONNECTION_ID_LEN),
        ] {
            if !is_possible {
                return Err(Malformed::Length { field, offset, len });
            }
        }
        let session_id_hit = session_id_hit != 0;
        Ok(Self { session_id_hit, certificate_len, ciphers_len, connection_id_len })
    }

    /// Length of the record that the fields add up to, in bytes.
    const fn total(&self) -> usize {
        Self::LEN + self.certificate_len + self.ciphers_len + self.connection_id_len
    }
}

fn message_type(reader: &mut Reader<'_>, expected: u8) -> Result<(), Malformed> {
    let found = reader.u8().field("msg_type")?;
    if found == expected {
        return Ok(());
    }
    Err(Malformed::Value { field: "msg_type", offset: 0, value: u32::from(found) })
}

/// Whether a client offers ciphers in so many bytes.
const fn is_offer(ciphers_len: usize) -> bool {
    ciphers_len > 0 && ciphers_len <= MAX_CIPHERS_LEN && ciphers_len.is_multiple_of(CIPHER_LEN)
}

/// Set in the first byte of a header of two bytes.
const SHORT_HEADER: u16 = 0x8000;

/// Message types.
const ERROR: u8 = 0;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// Length of a cipher in a list, in bytes.
const CIPHER_LEN: usize = 3;

/// A hello that offers more than 100 ciphers is none; SSL 2.0 has seven.
const MAX_CIPHERS_LEN: usize = 100 * CIPHER_LEN;

/// Lengths of a session id, in bytes: 0 in a hello that offers TLS (RFC 5246 appendix E.2).
const SESSION_ID_LENS: [usize; 2] = [0, 16];

/// Lengths of a challenge, in bytes (RFC 5246 appendix E.2).
const CHALLENGE_LENS: RangeInclusive<usize> = 16..=32;

/// Longest connection id, in bytes: twice what servers send.
const MAX_CONNECTION_ID_LEN: usize = 32;
