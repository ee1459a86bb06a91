//! Key encapsulation: DHKEM(X25519, HKDF-SHA256) of RFC 9180 section 4.1; X-Wing
//! (draft-connolly-cfrg-xwing-kem) and MLKEM768-P256 (draft-irtf-cfrg-concrete-hybrid-kems), which hold as
//! long as one of their two halves does.

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey, X25519};
use aws_lc_rs::digest;
use aws_lc_rs::kem::{self, EncapsulationKey, ML_KEM_768};
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
    /// MLKEM768-P256: the same with the curve that hardware has.
    MlKem768P256,
}

/// A key to seal to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kem: Kem,
    bytes: Box<[u8]>,
}

impl Kem {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X25519, Self::XWing, Self::MlKem768P256];

    /// Its number (RFC 9180 section 7.1, draft-connolly-cfrg-xwing-kem section 6, draft-ietf-hpke-pq).
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::XWing => 0x647a,
            Self::MlKem768P256 => 0x0050,
        }
    }

    /// The one with this number.
    #[must_use]
    pub fn numbered(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kem| kem.id() == id)
    }

    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::X25519 => X25519_LEN,
            Self::XWing => ML_KEM_PUBLIC_LEN + X25519_LEN,
            Self::MlKem768P256 => ML_KEM_PUBLIC_LEN + P256_POINT_LEN,
        }
    }

    /// Length of what is encapsulated, in bytes.
    #[must_use]
    pub const fn encapsulated_len(self) -> usize {
        match self {
            Self::X25519 => X25519_LEN,
            Self::XWing => ML_KEM_CIPHERTEXT_LEN + X25519_LEN,
            Self::MlKem768P256 => ML_KEM_CIPHERTEXT_LEN + P256_POINT_LEN,
        }
    }

    /// What agrees on a secret in it, beside ML-KEM.
    pub(super) fn curve(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 | Self::XWing => &X25519,
            Self::MlKem768P256 => &ECDH_P256,
        }
    }

    /// Whether it has a half of ML-KEM-768, which comes first in keys and in what is encapsulated.
    pub(super) const fn has_ml_kem(self) -> bool {
        match self {
            Self::X25519 => false,
            Self::XWing | Self::MlKem768P256 => true,
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
        let (ml_kem, on_curve) = self.halves()?;
        let curve = self.kem.curve();
        let ephemeral = agreement::PrivateKey::generate(curve).map_err(failed)?;
        let own = ephemeral.compute_public_key().map_err(failed)?;
        let shared = agree(&ephemeral, on_curve)?;
        let Some(ml_kem) = ml_kem else {
            let secret = dh_secret(&shared, own.as_ref(), on_curve);
            return Ok((own.as_ref().to_vec(), secret));
        };
        let ml_kem = EncapsulationKey::new(&ML_KEM_768, ml_kem).map_err(|_error| HpkeError)?;
        let (ciphertext, ml_shared) = ml_kem.encapsulate().map_err(failed)?;
        let secret = combine(self.kem, &ml_shared, &shared, own.as_ref(), on_curve);
        Ok(([ciphertext.as_ref(), own.as_ref()].concat(), secret))
    }

    /// The keys of ML-KEM-768 and of the curve.
    pub(super) fn halves(&self) -> Result<(Option<&[u8]>, &[u8]), HpkeError> {
        if !self.kem.has_ml_kem() {
            return Ok((None, &self.bytes));
        }
        let halves = self.bytes.split_at_checked(ML_KEM_PUBLIC_LEN).ok_or(HpkeError)?;
        Ok((Some(halves.0), halves.1))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kem, data_encoding::HEXLOWER.encode(&self.id()))
    }
}

/// X25519, which fails where the result is zero (RFC 7748 section 6.1), or ECDH with P-256, which fails
/// where the point is not on the curve and gives the x coordinate.
pub(super) fn agree(
    private: &agreement::PrivateKey,
    public: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let public = UnparsedPublicKey::new(private.algorithm(), public);
    agreement::agree(private, public, HpkeError, |shared| Ok(Zeroizing::new(shared.to_vec())))
}

/// `ExtractAndExpand` (RFC 9180 section 4.1).
pub(super) fn dh_secret(
    shared: &[u8],
    encapsulated: &[u8],
    recipient: &[u8],
) -> Zeroizing<Vec<u8>> {
    let [high, low] = Kem::X25519.id().to_be_bytes();
    let suite = [b'K', b'E', b'M', high, low];
    let prk = labeled_extract(&suite, &[], b"eae_prk", shared);
    let prk = Zeroizing::new(prk.as_ref().to_vec());
    let context = [encapsulated, recipient].concat();
    let mut secret = Zeroizing::new([0; X25519_LEN]);
    labeled_expand(&suite, &prk, b"shared_secret", &context, &mut secret);
    Zeroizing::new(secret.to_vec())
}

/// The combiner of both hybrids (draft-connolly-cfrg-xwing-kem section 5.3, `C2PRICombiner` of
/// draft-irtf-cfrg-hybrid-kems).
pub(super) fn combine(
    kem: Kem,
    ml_kem: &kem::SharedSecret,
    on_curve: &[u8],
    ciphertext: &[u8],
    recipient: &[u8],
) -> Zeroizing<Vec<u8>> {
    let label = match kem {
        Kem::MlKem768P256 => MLKEM768_P256_LABEL,
        Kem::X25519 | Kem::XWing => XWING_LABEL,
    };
    let mut digest = digest::Context::new(&digest::SHA3_256);
    for part in [ml_kem.as_ref(), on_curve, ciphertext, recipient, label] {
        digest.update(part);
    }
    Zeroizing::new(digest.finish().as_ref().to_vec())
}

pub(super) const fn failed(_: aws_lc_rs::error::Unspecified) -> HpkeError {
    HpkeError
}

const X25519_LEN: usize = 32;
/// A point that is not compressed (SEC 1 section 2.3.3).
pub(super) const P256_POINT_LEN: usize = 65;
/// FIPS 203 table 3.
const ML_KEM_PUBLIC_LEN: usize = 1184;
pub(super) const ML_KEM_PRIVATE_LEN: usize = 2400;
pub(super) const ML_KEM_CIPHERTEXT_LEN: usize = 1088;

const XWING_LABEL: &[u8] = br"\.//^\";
const MLKEM768_P256_LABEL: &[u8] = b"MLKEM768-P256";
