//! Private keys of servers with static RSA.

use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The private key of a server, to which clients encrypted premaster secrets.
pub struct RsaKey(Pkcs1PrivateDecryptingKey);

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// There is no PEM block with a private key.
    #[error("no private key in PEM")]
    NotPem,
    /// The private key is none of RSA, or of a length that is not supported.
    #[error("no RSA key of 2048 to 8192 bits")]
    NotRsa,
}

impl RsaKey {
    /// Reads the first private key of a PEM file (PKCS #8 or PKCS #1), not encrypted.
    ///
    /// # Errors
    /// [`RsaKeyError`] says what it is instead.
    pub fn from_pem(pem: &[u8]) -> Result<Self, RsaKeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem).ok().ok_or(RsaKeyError::NotPem)?;
        Self::from_der(&key).ok_or(RsaKeyError::NotRsa)
    }

    fn from_der(key: &PrivateKeyDer<'_>) -> Option<Self> {
        let wrapped;
        let der = if let PrivateKeyDer::Pkcs1(der) = key {
            wrapped = pkcs8(der.secret_pkcs1_der())?;
            &wrapped
        } else {
            key.secret_der()
        };
        let key = PrivateDecryptingKey::from_pkcs8(der).ok()?;
        Pkcs1PrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// Opens an encrypted premaster secret (RFC 5246 section 7.4.7.1).
    pub(crate) fn open(&self, encrypted: &[u8]) -> Option<Secret> {
        if encrypted.len() != self.0.key_size_bytes() {
            return None;
        }
        let mut out = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let premaster = self.0.decrypt(encrypted, &mut out).ok()?;
        (premaster.len() == PREMASTER_LEN).then(|| Secret::new(premaster))
    }
}

/// Wraps an `RSAPrivateKey` into a `PrivateKeyInfo` (RFC 5208 section 5).
fn pkcs8(pkcs1: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const VERSION_AND_RSA: [u8; 18] =
        [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let len =
        |len: usize| Some([0x82, u8::try_from(len >> 8).ok()?, u8::try_from(len & 0xff).ok()?]);
    let mut out = Zeroizing::new(Vec::with_capacity(pkcs1.len().checked_add(32)?));
    out.push(0x30);
    out.extend(len(pkcs1.len().checked_add(VERSION_AND_RSA.len() + 4)?)?);
    out.extend(VERSION_AND_RSA);
    out.push(0x04);
    out.extend(len(pkcs1.len())?);
    out.extend_from_slice(pkcs1);
    Some(out)
}

/// Length of the premaster secret of RSA in bytes.
const PREMASTER_LEN: usize = 48;
