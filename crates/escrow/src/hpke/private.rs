//! Private keys, of which the half on a curve may be elsewhere.

use aws_lc_rs::agreement::{self, ECDH_P256, ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsBigEndian as _, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use super::HpkeError;
use super::kem::{
    Kem, ML_KEM_CIPHERTEXT_LEN, ML_KEM_PRIVATE_LEN, P256_POINT_LEN, PublicKey, agree, combine,
    dh_secret, failed,
};

/// A key that opens what was sealed to its public key.
pub struct PrivateKey {
    public: PublicKey,
    on_curve: OnCurve,
    ml_kem: Option<DecapsulationKey>,
}

/// The half of a key that agrees on a secret, held by something that does not give it away.
pub trait KeyAgreement: Send + Sync {
    /// The x coordinate of the product with a point of P-256, which is on the curve and not compressed.
    ///
    /// # Errors
    /// The key is not there any more, or its holder fails.
    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError>;
}

enum OnCurve {
    Here(agreement::PrivateKey),
    Elsewhere(Box<dyn KeyAgreement>),
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate(kem: Kem) -> Result<Self, HpkeError> {
        let key = agreement::PrivateKey::generate(kem.curve()).map_err(failed)?;
        let public = key.compute_public_key().map_err(failed)?;
        Self::with_new_ml_kem(kem, public.as_ref(), OnCurve::Here(key))
    }

    /// A new key of [`Kem::MlKem768P256`], whose half on the curve is elsewhere and has this public point.
    ///
    /// # Errors
    /// The system has no randomness, or the two do not belong together.
    pub fn generate_with(
        point: &[u8],
        elsewhere: Box<dyn KeyAgreement>,
    ) -> Result<Self, HpkeError> {
        let on_curve = OnCurve::Elsewhere(elsewhere);
        Self::with_new_ml_kem(Kem::MlKem768P256, point, on_curve)?.proved()
    }

    fn with_new_ml_kem(kem: Kem, point: &[u8], on_curve: OnCurve) -> Result<Self, HpkeError> {
        let mut bytes = Vec::with_capacity(kem.public_key_len());
        let mut ml_kem = None;
        if kem.has_ml_kem() {
            let key = DecapsulationKey::generate(&ML_KEM_768).map_err(failed)?;
            let public = key.encapsulation_key().and_then(|key| key.key_bytes()).map_err(failed)?;
            bytes.extend_from_slice(public.as_ref());
            ml_kem = Some(key);
        }
        bytes.extend_from_slice(point);
        Ok(Self { public: PublicKey::new(kem, &bytes)?, on_curve, ml_kem })
    }

    /// The key that [`Self::dangerous_bytes`] gave.
    ///
    /// # Errors
    /// It is none.
    pub fn from_bytes(kem: Kem, bytes: &[u8]) -> Result<Self, HpkeError> {
        let (rest, on_curve) =
            bytes.split_at_checked(bytes.len().saturating_sub(SCALAR_LEN)).ok_or(HpkeError)?;
        let on_curve = agreement::PrivateKey::from_private_key(kem.curve(), on_curve)
            .map_err(|_error| HpkeError)?;
        Self::put_together(kem, rest, OnCurve::Here(on_curve))
    }

    /// The same for a key of [`Kem::MlKem768P256`] whose half on the curve is elsewhere.
    ///
    /// # Errors
    /// It is none, or the two do not belong together.
    pub fn from_bytes_with(
        bytes: &[u8],
        elsewhere: Box<dyn KeyAgreement>,
    ) -> Result<Self, HpkeError> {
        Self::put_together(Kem::MlKem768P256, bytes, OnCurve::Elsewhere(elsewhere))
    }

    fn put_together(kem: Kem, bytes: &[u8], on_curve: OnCurve) -> Result<Self, HpkeError> {
        let (public, ml_kem) = bytes.split_at_checked(kem.public_key_len()).ok_or(HpkeError)?;
        let ml_kem = match (kem.has_ml_kem(), ml_kem) {
            (false, []) => None,
            (false, _) => return Err(HpkeError),
            (true, bytes) => {
                Some(DecapsulationKey::new(&ML_KEM_768, bytes).map_err(|_error| HpkeError)?)
            }
        };
        Self { public: PublicKey::new(kem, public)?, on_curve, ml_kem }.proved()
    }

    /// A key whose halves do not belong together would be noticed only when it is too late.
    fn proved(self) -> Result<Self, HpkeError> {
        let (encapsulated, secret) = self.public.encapsulate()?;
        if self.decapsulate(&encapsulated)? == secret { Ok(self) } else { Err(HpkeError) }
    }

    /// What it is of.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        self.public.kem()
    }

    /// Its public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key itself, as far as it is here, with the public one in front: for the file that it is kept in
    /// only.
    ///
    /// # Errors
    /// The library does not give it.
    pub fn dangerous_bytes(&self) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let len = self.kem().public_key_len() + ML_KEM_PRIVATE_LEN + SCALAR_LEN;
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        bytes.extend_from_slice(self.public.bytes());
        if let Some(key) = &self.ml_kem {
            bytes.extend_from_slice(key.key_bytes().map_err(failed)?.as_ref());
        }
        match &self.on_curve {
            OnCurve::Here(key) if *key.algorithm() == ECDH_P256 => {
                let scalar: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(failed)?;
                bytes.extend_from_slice(scalar.as_ref());
            }
            OnCurve::Here(key) => {
                let scalar: Curve25519SeedBin<'_> = key.as_be_bytes().map_err(failed)?;
                bytes.extend_from_slice(scalar.as_ref());
            }
            OnCurve::Elsewhere(_) => {}
        }
        Ok(bytes)
    }

    pub(super) fn decapsulate(&self, encapsulated: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        if encapsulated.len() != self.kem().encapsulated_len() {
            return Err(HpkeError);
        }
        let (_, own) = self.public.halves()?;
        let Some(ml_kem) = &self.ml_kem else {
            let shared = self.agree(encapsulated)?;
            return Ok(dh_secret(&shared, encapsulated, own));
        };
        let (ciphertext, point) =
            encapsulated.split_at_checked(ML_KEM_CIPHERTEXT_LEN).ok_or(HpkeError)?;
        let ml_shared = ml_kem.decapsulate(Ciphertext::from(ciphertext)).map_err(failed)?;
        let shared = self.agree(point)?;
        Ok(combine(self.kem(), &ml_shared, &shared, point, own))
    }

    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        match &self.on_curve {
            OnCurve::Here(key) => agree(key, point),
            OnCurve::Elsewhere(key) => {
                // Not every holder looks, and points of other curves would draw the key out of it.
                if point.len() != P256_POINT_LEN || point.first() != Some(&UNCOMPRESSED) {
                    return Err(HpkeError);
                }
                let point = UnparsedPublicKey::new(&ECDH_P256, point);
                let point = ParsedPublicKey::try_from(point).map_err(|_error| HpkeError)?;
                key.agree(point.as_ref())
            }
        }
    }
}

/// Of both curves.
const SCALAR_LEN: usize = 32;

/// First byte of a point with both coordinates (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;
