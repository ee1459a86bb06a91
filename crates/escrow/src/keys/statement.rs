//! What somebody has signed: one line of JSON, and a line for each signature.

use std::collections::BTreeMap;
use std::net::IpAddr;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::identity::{SigningKey, VerifyingKey, kem_name, kem_named};
use crate::hpke::PublicKey;
use crate::tier::Part;

/// Something that somebody signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Statement {
    /// The authority: archive copies of some time are sealed to these keys.
    Epoch(Epoch),
    /// The authority: somebody may do something.
    Grant(Grant),
    /// A monitor: live copies for it are sealed to this key.
    MonitorKey(MonitorKey),
    /// Somebody asks for secrets; others approve by signing the same.
    Request(Request),
}

/// The keys of some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Its number.
    pub number: u64,
    /// Its beginning, in milliseconds since 1970.
    pub begins_ms: u64,
    /// Its end.
    pub ends_ms: u64,
    /// When its private keys are destroyed.
    pub destroyed_ms: u64,
    /// Its public keys, by part.
    pub keys: BTreeMap<String, SealingKey>,
}

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Who: of a monitor, the name in its certificate.
    pub name: String,
    /// As what.
    pub roles: Vec<Role>,
    /// The highest tier that it may have, or approve.
    pub tier: String,
    /// Its key for signatures.
    pub signing: String,
    /// Its key to seal to.
    pub sealing: SealingKey,
    /// Until when, in milliseconds since 1970.
    pub not_after_ms: u64,
}

/// As what somebody may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Gets live copies.
    Monitor,
    /// Asks for archive copies.
    Requester,
    /// Approves what others ask for.
    Approver,
}

/// A key of a monitor that is used for a short time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorKey {
    /// Whose.
    pub name: String,
    /// The tier that it asks for.
    pub tier: String,
    /// The key.
    pub sealing: SealingKey,
    /// Until when, in milliseconds since 1970.
    pub not_after_ms: u64,
}

/// A request for secrets of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A number that no other request has.
    pub id: String,
    /// What it is for.
    pub case: String,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub requester: String,
    /// How much.
    pub tier: String,
    /// Until when it may be answered, in milliseconds since 1970.
    pub expires_ms: u64,
    /// Of which sessions.
    pub filter: Filter,
}

/// Which sessions. All that is given must be true of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Not before this time, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Not after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// With one of these client randoms, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_randoms: Vec<String>,
    /// With this server name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// With this address at either end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// With this port at either end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Of the agent with this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// A public key in statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealingKey {
    kem: String,
    key: String,
}

/// A statement with its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What is signed: exactly these bytes.
    text: String,
    statement: Statement,
    signatures: Vec<(VerifyingKey, Vec<u8>)>,
}

/// Why a text is no statement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSigned {
    /// It is longer than any statement.
    #[error("statement of {0} bytes")]
    TooLong(usize),
    /// The first line is no statement.
    #[error("no statement: {0}")]
    Json(#[from] serde_json::Error),
    /// A line is no signature.
    #[error("line {0} is no signature")]
    Signature(usize),
}

impl Statement {
    /// Signs it.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn sign(self, key: &SigningKey) -> Result<Signed, NotSigned> {
        let text = serde_json::to_string(&self)?;
        let mut signed = Signed { text, statement: self, signatures: Vec::new() };
        signed.add(key);
        Ok(signed)
    }
}

impl Signed {
    /// What was said. It is true only of those whose signature it has.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Whether it has a signature by this key.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let message = message(&self.text);
        self.signatures.iter().any(|(by, signature)| by == key && key.verifies(&message, signature))
    }

    /// Adds a signature.
    pub fn add(&mut self, key: &SigningKey) {
        self.signatures.push((key.verifying(), key.sign(&message(&self.text))));
    }

    /// A digest of what is signed.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &message(&self.text));
        HEXLOWER.encode(digest.as_ref())
    }

    /// The text with its signatures.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.text);
        for (key, signature) in &self.signatures {
            text.push_str(&key.text());
            text.push(' ');
            BASE64.encode_append(signature, &mut text);
            text.push('\n');
        }
        text
    }

    /// Reads what [`Self::to_text`] gives. Signatures are not verified before somebody asks.
    ///
    /// # Errors
    /// See [`NotSigned`].
    pub fn parse(text: &str) -> Result<Self, NotSigned> {
        if text.len() > MAX_LEN {
            return Err(NotSigned::TooLong(text.len()));
        }
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let statement = serde_json::from_str(first)?;
        let mut signatures = Vec::new();
        for (index, line) in lines.enumerate() {
            let wrong = || NotSigned::Signature(index.saturating_add(2));
            if index >= MAX_SIGNATURES {
                return Err(wrong());
            }
            let (key, signature) = line.split_once(' ').ok_or_else(wrong)?;
            let key = VerifyingKey::parse(key).map_err(|_error| wrong())?;
            let signature = BASE64.decode(signature.as_bytes()).map_err(|_error| wrong())?;
            signatures.push((key, signature));
        }
        Ok(Self { text: first.to_owned(), statement, signatures })
    }
}

impl Epoch {
    /// Whether it is the one to seal to at this time.
    #[must_use]
    pub const fn covers(&self, now_ms: u64) -> bool {
        self.begins_ms <= now_ms && now_ms < self.ends_ms
    }

    /// The key that a part is sealed to.
    #[must_use]
    pub fn key(&self, part: Part) -> Option<PublicKey> {
        self.keys.get(part.name())?.public()
    }
}

impl SealingKey {
    /// The text of a key.
    #[must_use]
    pub fn new(key: &PublicKey) -> Self {
        Self { kem: kem_name(key.kem()).to_owned(), key: BASE64.encode(key.bytes()) }
    }

    /// The key, if it is one.
    #[must_use]
    pub fn public(&self) -> Option<PublicKey> {
        let bytes = BASE64.decode(self.key.as_bytes()).ok()?;
        PublicKey::new(kem_named(&self.kem)?, &bytes).ok()
    }
}

/// What is signed: nothing else that these keys sign begins like this.
fn message(text: &str) -> Vec<u8> {
    [b"tlsight escrow statement 1\0", text.as_bytes()].concat()
}

/// Five keys of X-Wing in Base64 take 9 KiB.
const MAX_LEN: usize = 32 << 10;

/// The one who asks, and those who approve.
const MAX_SIGNATURES: usize = 8;
