//! What is inside of a sealed record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use event::Timestamp;
use secrets::{Label, Origin, Role, Secret, SessionStage, ShortText};
use wire::Reader;
use zeroize::Zeroizing;

use crate::malformed::Malformed;
use crate::tier::{Facts, MAX_SECRETS, Part};

/// One part of what an end of a session told.
pub struct Content {
    /// Which part it is.
    pub part: Part,
    /// What the session is.
    pub facts: Facts,
    /// Whose it is; the metadata has it and no other part.
    pub origin: Option<Origin>,
    /// The secrets; the metadata has none.
    pub secrets: Vec<(Label, Secret)>,
}

impl Content {
    /// The content as bytes.
    #[must_use]
    pub fn dangerous_bytes(&self) -> Zeroizing<Vec<u8>> {
        dangerous_bytes(self.part, &self.facts, self.origin.as_ref(), &self.secrets)
    }

    /// Reads all of `bytes`.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Malformed::Version(version.into()));
        }
        let part = Part::numbered(reader.u8()?).ok_or(Malformed::Value)?;
        let facts = Facts {
            stage: stage_of(reader.u8()?)?,
            version: reader.u16()?,
            cipher_suite: reader.u16()?,
            client_random: reader.array()?,
            server_random: optional(&mut reader, |reader| Ok(reader.array()?))?,
        };
        let origin = match part {
            Part::Metadata => Some(origin(&mut reader)?),
            Part::Handshake | Part::Client | Part::Server | Part::Master => None,
        };
        let secrets = secrets(&mut reader, part)?;
        if reader.is_empty() {
            Ok(Self { part, facts, origin, secrets })
        } else {
            Err(Malformed::Value)
        }
    }
}

/// The bytes of a content that is not put together.
pub(super) fn dangerous_bytes(
    part: Part,
    facts: &Facts,
    origin: Option<&Origin>,
    secrets: &[(Label, Secret)],
) -> Zeroizing<Vec<u8>> {
    // A vector that grows leaves what it held behind.
    let of_secrets: usize = secrets.iter().map(|(_, secret)| secret.len() + SECRET_HEAD_LEN).sum();
    let of_origin = if origin.is_some() { MAX_ORIGIN_LEN } else { 0 };
    let mut out = Zeroizing::new(Vec::with_capacity(MAX_FACTS_LEN + of_origin + of_secrets));
    out.extend([VERSION, part.number(), stage_number(facts.stage)]);
    out.extend(facts.version.to_be_bytes());
    out.extend(facts.cipher_suite.to_be_bytes());
    out.extend_from_slice(&facts.client_random);
    put_optional(&mut out, facts.server_random.as_ref(), |out, it| out.extend_from_slice(it));
    if part == Part::Metadata {
        match origin {
            Some(origin) => put_origin(&mut out, origin),
            None => put_origin(&mut out, &Origin::unknown(Timestamp::default())),
        }
    }
    out.push(u8::try_from(secrets.len()).unwrap_or(u8::MAX));
    for (label, secret) in secrets {
        let (kind, generation) = label_number(*label);
        out.push(kind);
        out.extend(generation.to_be_bytes());
        out.push(u8::try_from(secret.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(secret.dangerous_bytes());
    }
    out
}

fn secrets(reader: &mut Reader<'_>, part: Part) -> Result<Vec<(Label, Secret)>, Malformed> {
    let count = usize::from(reader.u8()?);
    if count > MAX_SECRETS || (part == Part::Metadata && count > 0) {
        return Err(Malformed::Value);
    }
    let mut secrets = Vec::with_capacity(count);
    for _ in 0..count {
        let (kind, generation) = (reader.u8()?, reader.u16()?);
        let label = label_numbered(kind, generation).ok_or(Malformed::Value)?;
        let secret = Secret::new(reader.prefixed_u8()?);
        if Part::of(label) != Some(part) || !label.allows(secret.len()) {
            return Err(Malformed::Value);
        }
        secrets.push((label, secret));
    }
    Ok(secrets)
}

fn put_origin(out: &mut Vec<u8>, origin: &Origin) {
    put_optional(out, origin.pid, |out, it| out.extend(it.to_be_bytes()));
    put_optional(out, origin.uid, |out, it| out.extend(it.to_be_bytes()));
    put_text(out, &origin.executable);
    put_text(out, &origin.command);
    out.push(match origin.role {
        None => 0,
        Some(Role::Client) => 1,
        Some(Role::Server) => 2,
    });
    put_optional(out, origin.server_name.as_ref(), put_text);
    put_address(out, origin.local);
    put_address(out, origin.peer);
    out.extend(origin.time.as_nanos().to_be_bytes());
}

fn origin(reader: &mut Reader<'_>) -> Result<Origin, Malformed> {
    Ok(Origin {
        pid: optional(reader, |reader| Ok(reader.u32()?))?,
        uid: optional(reader, |reader| Ok(reader.u32()?))?,
        executable: text(reader)?,
        command: text(reader)?,
        role: match reader.u8()? {
            0 => None,
            1 => Some(Role::Client),
            2 => Some(Role::Server),
            _ => return Err(Malformed::Value),
        },
        server_name: optional(reader, text)?,
        local: address(reader)?,
        peer: address(reader)?,
        time: Timestamp::from_nanos(i64::from_be_bytes(reader.array()?)),
    })
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

fn optional<'a, T>(
    reader: &mut Reader<'a>,
    parse: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    match reader.u8()? {
        0 => Ok(None),
        1 => parse(reader).map(Some),
        _ => Err(Malformed::Value),
    }
}

fn put_text(out: &mut Vec<u8>, text: &ShortText) {
    let bytes = text.as_str().as_bytes();
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

fn text(reader: &mut Reader<'_>) -> Result<ShortText, Malformed> {
    let bytes = reader.prefixed_u8()?;
    std::str::from_utf8(bytes).map(ShortText::new).map_err(|_error| Malformed::Value)
}

fn put_address(out: &mut Vec<u8>, address: Option<SocketAddr>) {
    let Some(address) = address else { return out.push(0) };
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend(ip.octets());
        }
    }
    out.extend(address.port().to_be_bytes());
}

fn address(reader: &mut Reader<'_>) -> Result<Option<SocketAddr>, Malformed> {
    let ip = match reader.u8()? {
        0 => return Ok(None),
        4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        _ => return Err(Malformed::Value),
    };
    Ok(Some(SocketAddr::new(ip, reader.u16()?)))
}

/// The number of a stage in formats.
pub(super) const fn stage_number(stage: SessionStage) -> u8 {
    match stage {
        SessionStage::Hello => 0,
        SessionStage::Application => 1,
    }
}

/// The stage with a number.
pub(super) const fn stage_of(number: u8) -> Result<SessionStage, Malformed> {
    match number {
        0 => Ok(SessionStage::Hello),
        1 => Ok(SessionStage::Application),
        _ => Err(Malformed::Value),
    }
}

/// Number and generation of a label.
const fn label_number(label: Label) -> (u8, u16) {
    match label {
        Label::ClientRandom => (0, 0),
        Label::PremasterSecret => (1, 0),
        Label::ClientEarlyTraffic => (2, 0),
        Label::ClientHandshakeTraffic => (3, 0),
        Label::ServerHandshakeTraffic => (4, 0),
        Label::ClientTraffic(generation) => (5, generation),
        Label::ServerTraffic(generation) => (6, generation),
        Label::ClientWrite => (7, 0),
        Label::ServerWrite => (8, 0),
    }
}

/// The label with a number; no part has a premaster secret.
const fn label_numbered(kind: u8, generation: u16) -> Option<Label> {
    Some(match (kind, generation) {
        (0, 0) => Label::ClientRandom,
        (2, 0) => Label::ClientEarlyTraffic,
        (3, 0) => Label::ClientHandshakeTraffic,
        (4, 0) => Label::ServerHandshakeTraffic,
        (5, generation) => Label::ClientTraffic(generation),
        (6, generation) => Label::ServerTraffic(generation),
        (7, 0) => Label::ClientWrite,
        (8, 0) => Label::ServerWrite,
        _ => return None,
    })
}

const VERSION: u8 = 1;

/// Version, part, stage, version and suite of the session, randoms, and the number of secrets.
const MAX_FACTS_LEN: usize = 3 + 4 + 32 + 33 + 1;

/// Numbers, three texts, two addresses and the time.
const MAX_ORIGIN_LEN: usize = 10 + 3 * 256 + 2 + 2 * 19 + 8;

/// Label, generation and length.
const SECRET_HEAD_LEN: usize = 4;
