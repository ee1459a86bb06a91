//! Who somebody is: a key that signs and a key that is sealed to.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::hpke::{Kem, PrivateKey, PublicKey};

/// Signs.
pub struct SigningKey(Ed25519KeyPair);

/// Says whose signature something has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifyingKey([u8; 32]);

/// The private keys of somebody.
pub struct Identity {
    /// Signs what it says.
    pub signing: SigningKey,
    /// Opens what is sealed to it.
    pub sealing: PrivateKey,
}

/// The public keys of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicIdentity {
    /// Of its signatures.
    pub signing: VerifyingKey,
    /// To seal to.
    pub sealing: PublicKey,
}

/// A text is none of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no keys of this program")]
pub struct NoIdentity;

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, NoIdentity> {
        Ed25519KeyPair::generate().map(Self).map_err(|_error| NoIdentity)
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifying(&self) -> VerifyingKey {
        let bytes = self.0.public_key().as_ref();
        VerifyingKey(bytes.first_chunk().copied().unwrap_or_default())
    }

    /// The signature of a message (RFC 8032).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    /// The key as text: for the file that it is kept in only.
    ///
    /// # Errors
    /// The library does not give it.
    pub fn dangerous_text(&self) -> Result<Zeroizing<String>, NoIdentity> {
        let seed = self.0.seed().map_err(|_error| NoIdentity)?;
        let bytes: aws_lc_rs::encoding::Curve25519SeedBin<'_> =
            aws_lc_rs::encoding::AsBigEndian::as_be_bytes(&seed).map_err(|_error| NoIdentity)?;
        let mut text = Zeroizing::new(String::with_capacity(MAX_SIGNING_LEN));
        text.push_str(SIGNING);
        BASE64.encode_append(bytes.as_ref(), &mut text);
        text.push('\n');
        Ok(text)
    }

    /// The key that [`Self::dangerous_text`] wrote.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NoIdentity> {
        let line = text.lines().next().and_then(|line| line.strip_prefix(SIGNING));
        let seed = decode(line.ok_or(NoIdentity)?)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(|_error| NoIdentity)
    }
}

impl VerifyingKey {
    /// Whether a signature of a message is its own.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }

    /// The key as text.
    #[must_use]
    pub fn text(&self) -> String {
        BASE64.encode(&self.0)
    }

    /// Reads what [`Self::text`] gives.
    ///
    /// # Errors
    /// It is no key.
    pub fn parse(text: &str) -> Result<Self, NoIdentity> {
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_error| NoIdentity)?;
        bytes.as_array().copied().map(Self).ok_or(NoIdentity)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

impl Identity {
    /// New keys.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate(kem: Kem) -> Result<Self, NoIdentity> {
        let sealing = PrivateKey::generate(kem).map_err(|_error| NoIdentity)?;
        Ok(Self { signing: SigningKey::generate()?, sealing })
    }

    /// Their public keys.
    #[must_use]
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity { signing: self.signing.verifying(), sealing: self.sealing.public().clone() }
    }

    /// The keys as text: for the file that they are kept in only.
    ///
    /// # Errors
    /// The library does not give them.
    pub fn dangerous_text(&self) -> Result<Zeroizing<String>, NoIdentity> {
        let sealing = self.sealing.dangerous_bytes().map_err(|_error| NoIdentity)?;
        let signing = self.signing.dangerous_text()?;
        let mut text = Zeroizing::new(String::with_capacity(MAX_IDENTITY_LEN));
        text.push_str(&signing);
        text.push_str(SEALING);
        text.push_str(kem_name(self.sealing.kem()));
        text.push(' ');
        BASE64.encode_append(&sealing, &mut text);
        text.push('\n');
        Ok(text)
    }

    /// The keys that [`Self::dangerous_text`] wrote.
    ///
    /// # Errors
    /// They are none.
    pub fn parse(text: &str) -> Result<Self, NoIdentity> {
        let signing = SigningKey::parse(text)?;
        let line = text.lines().nth(1).and_then(|line| line.strip_prefix(SEALING));
        let (kem, key) = line.and_then(|line| line.split_once(' ')).ok_or(NoIdentity)?;
        let kem = kem_named(kem).ok_or(NoIdentity)?;
        let sealing = PrivateKey::from_bytes(kem, &decode(key)?).map_err(|_error| NoIdentity)?;
        Ok(Self { signing, sealing })
    }
}

/// The name of a KEM in files.
pub(super) const fn kem_name(kem: Kem) -> &'static str {
    match kem {
        Kem::X25519 => "x25519",
        Kem::XWing => "x-wing",
        Kem::MlKem768P256 => "mlkem768-p256",
    }
}

pub(super) fn kem_named(name: &str) -> Option<Kem> {
    Kem::ALL.into_iter().find(|kem| kem_name(*kem) == name)
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, NoIdentity> {
    BASE64.decode(text.trim().as_bytes()).map(Zeroizing::new).map_err(|_error| NoIdentity)
}

const SIGNING: &str = "tlsight-escrow-signing ";
const SEALING: &str = "tlsight-escrow-sealing ";

/// The prefix, 32 bytes in Base64 and the end of the line.
const MAX_SIGNING_LEN: usize = 80;

/// The same, with a private key of X-Wing and its public one: 3,680 bytes.
const MAX_IDENTITY_LEN: usize = 8 << 10;
