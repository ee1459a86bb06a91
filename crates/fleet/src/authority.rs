//! Certificates of a fleet. Whoever calls keeps them, and knows who may have which.

use event::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::limits::MOST_REQUEST_LEN;
use crate::token::{Fingerprint, fill_random};
use crate::v1::Issued;

/// The authority of a fleet: whom it has given a certificate belongs to it. Its key signs certificates of agents
/// and of servers, and nothing else.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// What a server calls an agent: 1 to 128 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(String);

/// A certificate for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedAgent {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its serial number in hexadecimal digits, by which it can be revoked.
    pub serial: String,
    /// From when on it is not valid any more.
    pub not_after: Timestamp,
    /// When the agent is to ask for the next one.
    pub renew_at: Timestamp,
}

/// A certificate for a server, with its key.
pub struct ServerIdentity {
    /// The certificate, then that of the authority, by whose fingerprint an agent with a token knows it; DER.
    pub chain: Vec<Vec<u8>>,
    /// PKCS #8, DER.
    pub key: Vec<u8>,
    /// When another one is to be made.
    pub renew_at: Timestamp,
}

/// Whose certificate came with a connection. That it is of the authority has been verified before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The agent.
    pub agent: AgentId,
    /// The certificate's serial number in hexadecimal digits.
    pub serial: String,
    /// From when on it is not valid any more.
    pub not_after: Timestamp,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotIssued {
    /// The request is not PKCS #10, is not signed by its own key, or has a key other than of ECDSA with P-256.
    #[error(
        "the certificate request is not PKCS #10 with a key of ECDSA with P-256, signed by that key"
    )]
    Request,
    /// The certificate and the key of the authority are not PEM, or do not belong together.
    #[error("the authority's certificate and key cannot be used: {0}")]
    Authority(String),
    /// It cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The system has no random numbers.
    #[error("no random numbers")]
    NoRandom,
}

impl Authority {
    /// Makes an authority that is valid for ten years.
    ///
    /// # Errors
    /// See [`NotIssued`].
    pub fn generate(now: Timestamp) -> Result<Self, NotIssued> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        let serial = serial()?;
        // Authorities of the same name would be told apart by signatures that do not verify.
        params.distinguished_name = name(&format!("tlsight fleet {}", hex(&serial[..4])));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = validity(now, AUTHORITY_LIFETIME);
        let made = params.self_signed(&key)?;
        let certificate = made.der().clone();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// Reads what [`Authority::certificate_pem`] and [`Authority::key_pem`] gave.
    ///
    /// # Errors
    /// [`NotIssued::Authority`].
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, NotIssued> {
        let failed = |why: &dyn std::fmt::Display| NotIssued::Authority(why.to_string());
        let key = KeyPair::from_pem(key).map_err(|error| failed(&error))?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| failed(&error))?;
        let (_, parsed) =
            X509Certificate::from_der(&certificate).map_err(|error| failed(&error))?;
        let public = &parsed.subject_pki.subject_public_key.data;
        if public.as_ref() != key.public_key_raw() {
            return Err(failed(&"the key is of another certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|error| failed(&error))?;
        Ok(Self { issuer, certificate })
    }

    /// Its certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// Its certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its private key, PEM: whoever has it can make agents and servers of this fleet.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// What tokens have in them.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// Issues a certificate for an agent, which is valid for 30 days. Of the request
    /// (PKCS #10, RFC 2986, DER) only the public key counts, and that whoever sent it has the private one.
    ///
    /// # Errors
    /// See [`NotIssued`].
    pub fn issue_agent(
        &self,
        request: &[u8],
        agent: &AgentId,
        now: Timestamp,
    ) -> Result<IssuedAgent, NotIssued> {
        if request.len() > MOST_REQUEST_LEN {
            return Err(NotIssued::Request);
        }
        let request = CertificateSigningRequestDer::from(request);
        // Its signature is verified here.
        let request = CertificateSigningRequestParams::from_der(&request)
            .map_err(|_error| NotIssued::Request)?;
        let key = request.public_key;
        let is_p256_point = key.der_bytes().len() == 65 && key.der_bytes().first() == Some(&4);
        if *key.algorithm() != PKCS_ECDSA_P256_SHA256 || !is_p256_point {
            return Err(NotIssued::Request);
        }
        let serial = serial()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name(agent.as_str());
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity(now, AGENT_LIFETIME);
        let made = params.signed_by(&key, &self.issuer)?;
        Ok(IssuedAgent {
            certificate: made.der().to_vec(),
            serial: hex(&serial),
            not_after: now.plus_nanos(AGENT_LIFETIME),
            renew_at: now.plus_nanos(AGENT_LIFETIME / 3 * 2),
        })
    }

    /// Makes a key and a certificate for a server. Agents know servers of their fleet by a name that all of them
    /// have, so that they may be reached by any address; `names` are those beside it, for other programs.
    ///
    /// # Errors
    /// See [`NotIssued`].
    pub fn issue_server(
        &self,
        names: &[String],
        now: Timestamp,
    ) -> Result<ServerIdentity, NotIssued> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut all = vec![SERVER_NAME.to_owned()];
        all.extend(names.iter().filter(|name| *name != SERVER_NAME).cloned());
        let mut params = CertificateParams::new(all)?;
        params.distinguished_name = name("tlsight fleet server");
        params.serial_number = Some(SerialNumber::from_slice(&serial()?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity(now, SERVER_LIFETIME);
        let made = params.signed_by(&key, &self.issuer)?;
        Ok(ServerIdentity {
            chain: vec![made.der().to_vec(), self.certificate.to_vec()],
            key: key.serialize_der(),
            renew_at: now.plus_nanos(SERVER_LIFETIME / 3 * 2),
        })
    }
}

impl AgentId {
    /// An id of these letters, if they can be one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_one = !text.is_empty() && text.len() <= MOST_ID_LEN && text.bytes().all(is_plain);
        is_one.then_some(Self(text))
    }

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IssuedAgent {
    /// As it is sent, for a fleet with these authorities (DER).
    #[must_use]
    pub fn message(&self, authorities: Vec<Vec<u8>>) -> Issued {
        Issued {
            chain: vec![self.certificate.clone()],
            authorities,
            renew_at: self.renew_at.as_nanos() / SECOND,
        }
    }
}

impl Peer {
    /// Reads the certificate of an agent, DER; none if it is not one that [`Authority::issue_agent`] made.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let mut names = parsed.subject().iter_common_name();
        let (Some(agent), None) = (names.next(), names.next()) else { return None };
        let not_after = parsed.validity().not_after.timestamp();
        Some(Self {
            agent: AgentId::new(agent.as_str().ok()?)?,
            serial: hex(parsed.raw_serial()),
            not_after: Timestamp::from_nanos(not_after.saturating_mul(SECOND)),
        })
    }
}

impl std::fmt::Display for AgentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.fingerprint())
    }
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerIdentity").field("renew_at", &self.renew_at).finish_non_exhaustive()
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// From a day before `now`, because clocks of agents may be behind, to `lifetime` nanoseconds after it.
fn validity(now: Timestamp, lifetime: i64) -> (OffsetDateTime, OffsetDateTime) {
    let at = |nanos: i64| {
        let time = now.plus_nanos(nanos).as_nanos();
        OffsetDateTime::from_unix_timestamp_nanos(time.into()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    (at(-DAY), at(lifetime))
}

/// A positive number whose first byte is not zero, so that its digits are always the same ones.
fn serial() -> Result<[u8; 16], NotIssued> {
    let mut serial = [0; 16];
    fill_random(&mut serial).map_err(|_error| NotIssued::NoRandom)?;
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// PEM (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let letters = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> =
        letters.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The name that the certificate of each server of a fleet has. It is never looked up.
pub(crate) const SERVER_NAME: &str = "server.fleet.tlsight";

const MOST_ID_LEN: usize = 128;

pub(crate) const SECOND: i64 = 1_000_000_000;

const DAY: i64 = 24 * 3600 * SECOND;

const AUTHORITY_LIFETIME: i64 = 3650 * DAY;

/// Long enough for an agent that was without its server for a month, less ten days; short enough that a
/// stolen disk is of no use for long.
const AGENT_LIFETIME: i64 = 30 * DAY;

/// Servers make their own whenever they start.
const SERVER_LIFETIME: i64 = 90 * DAY;
