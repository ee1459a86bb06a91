//! Key encapsulation: DHKEM(X25519, HKDF-SHA256) of RFC 9180 section 4.1, and X-Wing
//! (draft-connolly-cfrg-xwing-kem), which holds as long as one of X25519 and ML-KEM-768 does.

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsBigEndian as _, Curve25519SeedBin};
use aws_lc_rs::kem::{self, Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use super::HpkeError;
use super::schedule::{labeled_expand, labeled_extract};

/// A way to send a secret to the holder of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kem {
    /// DHKEM(X25519, HKDF-SHA256): a quantum computer breaks it.
    X25519,
    /// X-Wing: X25519 and ML-KEM-768 together.
    XWing,
}

/// A key to seal to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kem: Kem,
    bytes: Box<[u8]>,
}

/// A key that opens what was sealed to its public key.
pub struct PrivateKey {
    public: PublicKey,
    x25519: agreement::PrivateKey,
    ml_kem: Option<DecapsulationKey>,
}

impl Kem {
    /// Its number (RFC 9180 section 7.1, draft-connolly-cfrg-xwing-kem section 6).
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::XWing => 0x647a,
        }
    }

    /// The one with this number.
    #[must_use]
    pub fn numbered(id: u16) -> Option<Self> {
        [Self::X25519, Self::XWing].into_iter().find(|kem| kem.id() == id)
    }

    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::X25519 => X25519_LEN,
            Self::XWing => ML_KEM_PUBLIC_LEN + X25519_LEN,
        }
    }

    /// Length of what is encapsulated, in bytes.
    #[must_use]
    pub const fn encapsulated_len(self) -> usize {
        match self {
            Self::X25519 => X25519_LEN,
            Self::XWing => ML_KEM_CIPHERTEXT_LEN + X25519_LEN,
        }
    }
}

impl PublicKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// They are not as many as the KEM's keys have.
    pub fn new(kem: Kem, bytes: &[u8]) -> Result<Self, HpkeError> {
        let is_right = bytes.len() == kem.public_key_len();
        if is_right { Ok(Self { kem, bytes: bytes.into() }) } else { Err(HpkeError) }
    }

    /// What it is of.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        self.kem
    }

    /// Its bytes, as the KEM serialises them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A name of the key: the beginning of its digest.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(b"tlsight escrow key");
        digest.update(&self.kem.id().to_be_bytes());
        digest.update(&self.bytes);
        let digest = digest.finish();
        digest.as_ref().first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn encapsulate(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), HpkeError> {
        let (ml_kem, x25519) = self.halves()?;
        let ephemeral = agreement::PrivateKey::generate(&X25519).map_err(failed)?;
        let own = ephemeral.compute_public_key().map_err(failed)?;
        let shared = agree(&ephemeral, x25519)?;
        let Some(ml_kem) = ml_kem else {
            let secret = dh_secret(&shared, own.as_ref(), x25519);
            return Ok((own.as_ref().to_vec(), secret));
        };
        let ml_kem = EncapsulationKey::new(&ML_KEM_768, ml_kem).map_err(|_error| HpkeError)?;
        let (ciphertext, ml_shared) = ml_kem.encapsulate().map_err(failed)?;
        let secret = combine(&ml_shared, &shared, own.as_ref(), x25519);
        Ok(([ciphertext.as_ref(), own.as_ref()].concat(), secret))
    }

    /// The keys of ML-KEM-768 and of X25519.
    fn halves(&self) -> Result<(Option<&[u8]>, &[u8]), HpkeError> {
        match self.kem {
            Kem::X25519 => Ok((None, &self.bytes)),
            Kem::XWing => {
                let halves = self.bytes.split_at_checked(ML_KEM_PUBLIC_LEN).ok_or(HpkeError)?;
                Ok((Some(halves.0), halves.1))
            }
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kem, data_encoding::HEXLOWER.encode(&self.id()))
    }
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate(kem: Kem) -> Result<Self, HpkeError> {
        let x25519 = agreement::PrivateKey::generate(&X25519).map_err(failed)?;
        let ml_kem = match kem {
            Kem::X25519 => None,
            Kem::XWing => Some(DecapsulationKey::generate(&ML_KEM_768).map_err(failed)?),
        };
        let ml_public = match &ml_kem {
            None => None,
            Some(key) => {
                Some(key.encapsulation_key().and_then(|key| key.key_bytes()).map_err(failed)?)
            }
        };
        let x_public = x25519.compute_public_key().map_err(failed)?;
        let ml_public: &[u8] = match &ml_public {
            None => &[],
            Some(bytes) => bytes.as_ref(),
        };
        let bytes = [ml_public, x_public.as_ref()].concat().into_boxed_slice();
        Ok(Self { public: PublicKey { kem, bytes }, x25519, ml_kem })
    }

    /// The key that [`Self::dangerous_bytes`] gave.
    ///
    /// # Errors
    /// It is none.
    pub fn from_bytes(kem: Kem, bytes: &[u8]) -> Result<Self, HpkeError> {
        let (public, private) = bytes.split_at_checked(kem.public_key_len()).ok_or(HpkeError)?;
        let (ml_kem, x25519) =
            private.split_at_checked(private.len().saturating_sub(X25519_LEN)).ok_or(HpkeError)?;
        let x25519 =
            agreement::PrivateKey::from_private_key(&X25519, x25519).map_err(|_error| HpkeError)?;
        let ml_kem = match (kem, ml_kem) {
            (Kem::X25519, []) => None,
            (Kem::X25519, _) => return Err(HpkeError),
            (Kem::XWing, bytes) => {
                Some(DecapsulationKey::new(&ML_KEM_768, bytes).map_err(|_error| HpkeError)?)
            }
        };
        let key = Self { public: PublicKey::new(kem, public)?, x25519, ml_kem };
        // A key whose halves do not belong together would be noticed only when it is too late.
        let (encapsulated, secret) = key.public.encapsulate()?;
        if key.decapsulate(&encapsulated)? == secret { Ok(key) } else { Err(HpkeError) }
    }

    /// What it is of.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        self.public.kem
    }

    /// Its public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key itself, with the public one in front: for the file that it is kept in only.
    ///
    /// # Errors
    /// The library does not give it.
    pub fn dangerous_bytes(&self) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let x25519: Curve25519SeedBin<'_> = self.x25519.as_be_bytes().map_err(failed)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(PRIVATE_LEN));
        bytes.extend_from_slice(&self.public.bytes);
        if let Some(key) = &self.ml_kem {
            bytes.extend_from_slice(key.key_bytes().map_err(failed)?.as_ref());
        }
        bytes.extend_from_slice(x25519.as_ref());
        Ok(bytes)
    }

    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        if encapsulated.len() != self.kem().encapsulated_len() {
            return Err(HpkeError);
        }
        let (_, own) = self.public.halves()?;
        let Some(ml_kem) = &self.ml_kem else {
            let shared = agree(&self.x25519, encapsulated)?;
            return Ok(dh_secret(&shared, encapsulated, own));
        };
        let (ciphertext, x25519) =
            encapsulated.split_at_checked(ML_KEM_CIPHERTEXT_LEN).ok_or(HpkeError)?;
        let ml_shared = ml_kem.decapsulate(Ciphertext::from(ciphertext)).map_err(failed)?;
        let shared = agree(&self.x25519, x25519)?;
        Ok(combine(&ml_shared, &shared, x25519, own))
    }
}

/// X25519, which fails where the result is zero (RFC 7748 section 6.1).
fn agree(private: &agreement::PrivateKey, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let public = UnparsedPublicKey::new(&X25519, public);
    agreement::agree(private, public, HpkeError, |shared| Ok(Zeroizing::new(shared.to_vec())))
}

/// `ExtractAndExpand` (RFC 9180 section 4.1).
fn dh_secret(shared: &[u8], encapsulated: &[u8], recipient: &[u8]) -> Zeroizing<Vec<u8>> {
    let [high, low] = Kem::X25519.id().to_be_bytes();
    let suite = [b'K', b'E', b'M', high, low];
    let prk = labeled_extract(&suite, &[], b"eae_prk", shared);
    let prk = Zeroizing::new(prk.as_ref().to_vec());
    let context = [encapsulated, recipient].concat();
    let mut secret = Zeroizing::new([0; X25519_LEN]);
    labeled_expand(&suite, &prk, b"shared_secret", &context, &mut secret);
    Zeroizing::new(secret.to_vec())
}

/// The combiner of X-Wing (draft-connolly-cfrg-xwing-kem section 5.3).
fn combine(
    ml_kem: &kem::SharedSecret,
    x25519: &[u8],
    ciphertext: &[u8],
    recipient: &[u8],
) -> Zeroizing<Vec<u8>> {
    let mut digest = digest::Context::new(&digest::SHA3_256);
    for part in [ml_kem.as_ref(), x25519, ciphertext, recipient, XWING_LABEL] {
        digest.update(part);
    }
    Zeroizing::new(digest.finish().as_ref().to_vec())
}

const fn failed(_: aws_lc_rs::error::Unspecified) -> HpkeError {
    HpkeError
}

const X25519_LEN: usize = 32;
/// FIPS 203 table 3.
const ML_KEM_PUBLIC_LEN: usize = 1184;
const ML_KEM_PRIVATE_LEN: usize = 2400;
const ML_KEM_CIPHERTEXT_LEN: usize = 1088;

const PRIVATE_LEN: usize = ML_KEM_PUBLIC_LEN + X25519_LEN + ML_KEM_PRIVATE_LEN + X25519_LEN;

const XWING_LABEL: &[u8] = br"\.//^\";
