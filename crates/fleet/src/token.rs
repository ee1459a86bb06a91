//! What an agent joins a fleet with.

use std::fmt;
use std::io;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use rustls::crypto::aws_lc_rs;
use sha2::{Digest as _, Sha256};

/// SHA-256 of the certificate of an authority, DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Lets an agent in, and lets the agent know its server: one line that a person can copy.
///
/// Its text is `tlj1-` and 96 letters and digits (base32, RFC 4648, in lower case): the fingerprint of the
/// authority, a secret, and a checksum against letters that got lost. It has no `Debug` and no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    authority: Fingerprint,
    secret: [u8; SECRET_LEN],
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAToken {
    /// It does not begin like one.
    #[error("a token begins with `{PREFIX}`")]
    Prefix,
    /// Something is missing or wrong in it.
    #[error("the token is incomplete, or a letter of it is wrong")]
    Damaged,
}

impl Fingerprint {
    /// The fingerprint of a certificate, DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl JoinToken {
    /// Makes a token for the fleet of an authority.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate(authority: Fingerprint) -> io::Result<Self> {
        let mut secret = [0; SECRET_LEN];
        fill_random(&mut secret)?;
        Ok(Self { authority, secret })
    }

    /// Whose servers the agent is to trust.
    #[must_use]
    pub const fn authority(&self) -> Fingerprint {
        self.authority
    }

    /// SHA-256 of its text: what a server keeps of it, and an agent.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.reveal()).into()
    }

    /// Its text.
    #[must_use]
    pub fn reveal(&self) -> String {
        let content = [self.authority.0.as_slice(), &self.secret].concat();
        let sum = crc32fast::hash(&content).to_be_bytes();
        let letters = BASE32_NOPAD.encode(&[content.as_slice(), &sum].concat());
        format!("{PREFIX}{}", letters.to_ascii_lowercase())
    }
}

impl FromStr for JoinToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let letters = text.trim().strip_prefix(PREFIX).ok_or(NotAToken::Prefix)?;
        let bytes = BASE32_NOPAD
            .decode(letters.to_ascii_uppercase().as_bytes())
            .map_err(|_error| NotAToken::Damaged)?;
        let (content, sum) = bytes.split_last_chunk().ok_or(NotAToken::Damaged)?;
        let (authority, secret) = content.split_first_chunk().ok_or(NotAToken::Damaged)?;
        let secret = secret.try_into().map_err(|_error| NotAToken::Damaged)?;
        if crc32fast::hash(content).to_be_bytes() != *sum {
            return Err(NotAToken::Damaged);
        }
        Ok(Self { authority: Fingerprint(*authority), secret })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Fills `bytes` with random numbers that nobody can guess.
pub(crate) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    aws_lc_rs::default_provider()
        .secure_random
        .fill(bytes)
        .map_err(|_error| io::Error::other("no random numbers"))
}

const PREFIX: &str = "tlj1-";

/// Nobody tries out 2^192 of them.
const SECRET_LEN: usize = 24;
