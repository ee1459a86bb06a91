//! Private keys in a PKCS #11 token, such as a hardware security module: made there, used there, destroyed
//! there, and never to be had from it.
//!
//! A token does ECDH with P-256 (`CKM_ECDH1_DERIVE`), which all have: X25519 and ML-KEM few. What it gives is
//! the secret of one encapsulation, which opens one context of one part.

mod uri;

use std::ffi::c_ulong;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::hpke::{HpkeError, KeyAgreement};

pub use uri::{NotATokenUri, TokenUri};

/// A token that is logged in to.
#[derive(Clone)]
pub struct Token {
    session: Arc<Mutex<Session>>,
}

/// The name of a key in a token (`CKA_ID`): random.
pub(super) type TokenKeyId = [u8; 16];

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The library is none, or cannot be loaded.
    #[error("cannot load {module}: {cause}")]
    Module {
        /// The library.
        module: PathBuf,
        /// What the loader says.
        cause: Error,
    },
    /// The token fails, or refuses.
    #[error("the token: {what}: {cause}")]
    Failed {
        /// What it was to do.
        what: &'static str,
        /// What it says.
        cause: Error,
    },
    /// None of the tokens has this label and serial number, or several have.
    #[error("{0} tokens have this label and serial number, and one is needed")]
    NotOne(usize),
    /// What the token made is not what was asked for.
    #[error("the token makes keys that can be had from it, or are not of P-256")]
    Weak,
    /// There is no randomness.
    #[error("the system has no randomness")]
    NoRandomness,
    /// What was destroyed is still there.
    #[error("the token still has a key that it was to destroy")]
    Kept,
}

/// A private key in a token.
struct TokenKey {
    session: Arc<Mutex<Session>>,
    key: ObjectHandle,
}

/// A key that was made in a token.
pub(super) struct Made {
    pub(super) id: TokenKeyId,
    /// Its public point, not compressed.
    pub(super) point: Vec<u8>,
    pub(super) key: Box<dyn KeyAgreement>,
}

impl Token {
    /// Loads the library, looks for the token and logs in as its user.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn open(uri: &TokenUri, pin: &str) -> Result<Self, TokenError> {
        let module = Pkcs11::new(&uri.module_path)
            .map_err(|cause| TokenError::Module { module: uri.module_path.clone(), cause })?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(cause) => return Err(failed("start")(cause)),
        }
        let slots = module.get_slots_with_initialized_token().map_err(failed("list tokens"))?;
        let mut found = Vec::new();
        for slot in slots {
            if is_named(&module, slot, uri)? {
                found.push(slot);
            }
        }
        let [slot] = found.as_slice() else { return Err(TokenError::NotOne(found.len())) };
        let session = module.open_rw_session(*slot).map_err(failed("open a session"))?;
        match session.login(UserType::User, Some(&AuthPin::from(pin))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(cause) => return Err(failed("log in")(cause)),
        }
        Ok(Self { session: Arc::new(Mutex::new(session)) })
    }

    /// Makes a key, which never leaves the token.
    pub(super) fn generate(&self, label: &str) -> Result<Made, TokenError> {
        let mut id = TokenKeyId::default();
        rand::fill(&mut id).map_err(|_error| TokenError::NoRandomness)?;
        let label = Attribute::Label(label.as_bytes().to_vec());
        let public = [
            Attribute::Token(false),
            Attribute::EcParams(P256.to_vec()),
            Attribute::Derive(true),
            label.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Derive(true),
            Attribute::Id(id.to_vec()),
            label,
        ];
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let (public, private) = session
            .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
            .map_err(failed("make a key"))?;
        let point = checked_point(&session, public, private).inspect_err(|_error| {
            session.destroy_object(private).ok();
        })?;
        drop(session);
        let key = Box::new(TokenKey { session: Arc::clone(&self.session), key: private });
        Ok(Made { id, point, key })
    }

    /// The key with this name, if it is there.
    pub(super) fn key(&self, id: &TokenKeyId) -> Result<Option<Box<dyn KeyAgreement>>, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let found = find(&session, id)?.first().copied();
        drop(session);
        Ok(found.map(|key| -> Box<dyn KeyAgreement> {
            Box::new(TokenKey { session: Arc::clone(&self.session), key })
        }))
    }

    /// Destroys the key with this name, and looks whether it is gone; whether it was there.
    pub(super) fn destroy(&self, id: &TokenKeyId) -> Result<bool, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let found = find(&session, id)?;
        for key in &found {
            session.destroy_object(*key).map_err(failed("destroy a key"))?;
        }
        if find(&session, id)?.is_empty() { Ok(!found.is_empty()) } else { Err(TokenError::Kept) }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl KeyAgreement for TokenKey {
    fn agree(&self, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(SECRET_LEN.into()),
        ];
        let refused = |_error| HpkeError;
        let secret = session.derive_key(&mechanism, self.key, &template).map_err(refused)?;
        let read = session.get_attributes(secret, &[AttributeType::Value]).map_err(refused);
        session.destroy_object(secret).map_err(refused)?;
        let value = read?.into_iter().find_map(|attribute| {
            if let Attribute::Value(value) = attribute { Some(Zeroizing::new(value)) } else { None }
        });
        value.filter(|value| value.len() == SECRET_BYTES).ok_or(HpkeError)
    }
}

fn is_named(module: &Pkcs11, slot: Slot, uri: &TokenUri) -> Result<bool, TokenError> {
    let info = module.get_token_info(slot).map_err(failed("say which it is"))?;
    let is = |wanted: &Option<String>, found: &str| {
        wanted.as_ref().is_none_or(|wanted| wanted.trim_end() == found.trim_end())
    };
    Ok(is(&uri.token, info.label()) && is(&uri.serial, info.serial_number()))
}

fn find(session: &Session, id: &TokenKeyId) -> Result<Vec<ObjectHandle>, TokenError> {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())];
    session.find_objects(&template).map_err(failed("look for a key"))
}

/// The point of a new key; an error if the private key could be had from the token.
fn checked_point(
    session: &Session,
    public: ObjectHandle,
    private: ObjectHandle,
) -> Result<Vec<u8>, TokenError> {
    let asked = [AttributeType::Sensitive, AttributeType::Extractable];
    let told = session.get_attributes(private, &asked).map_err(failed("describe a key"))?;
    let is_kept =
        told.contains(&Attribute::Sensitive(true)) && told.contains(&Attribute::Extractable(false));
    let told = session
        .get_attributes(public, &[AttributeType::EcPoint])
        .map_err(failed("tell a public key"))?;
    session.destroy_object(public).map_err(failed("forget a public key"))?;
    let point = told.into_iter().find_map(|attribute| {
        if let Attribute::EcPoint(value) = attribute { Some(value) } else { None }
    });
    // In an OCTET STRING (PKCS #11 section 6.3.3); some give it without.
    let point = point.map(|value| match value.strip_prefix(&POINT_HEAD) {
        Some(point) if point.len() == POINT_LEN => point.to_vec(),
        _ => value,
    });
    point.filter(|point| is_kept && point.len() == POINT_LEN).ok_or(TokenError::Weak)
}

const fn failed(what: &'static str) -> impl Fn(Error) -> TokenError {
    move |cause| TokenError::Failed { what, cause }
}

/// `id-ecPublicKey` parameters of P-256: the object identifier 1.2.840.10045.3.1.7 (RFC 5480 section 2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Tag and length of an OCTET STRING with a point.
const POINT_HEAD: [u8; 2] = [0x04, 0x41];
const POINT_LEN: usize = 65;

/// Length of an x coordinate.
const SECRET_LEN: c_ulong = 32;
const SECRET_BYTES: usize = 32;
