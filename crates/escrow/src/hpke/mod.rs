//! Hybrid Public Key Encryption in base mode (RFC 9180), of which only what is needed here: three KEMs,
//! HKDF-SHA256, and AES-256-GCM.
//!
//! A [`Context`] seals any number of messages after one encapsulation, and says the number of each: they
//! may be lost or come in another order, which RFC 9180 section 9.7.1 leaves to whoever uses it.

mod kem;
mod private;
mod schedule;
#[cfg(test)]
mod vectors;

pub use kem::{Kem, PublicKey};
pub use private::{KeyAgreement, PrivateKey};
pub use schedule::Context;

/// Why nothing was sealed or opened. It does not say more: whoever tries is not to learn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be sealed or opened with this key")]
pub struct HpkeError;

/// Makes a context for messages to whoever has the private key of `recipient`, and what that one needs to
/// make the same.
///
/// # Errors
/// The key is none.
pub fn sender(recipient: &PublicKey, info: &[u8]) -> Result<(Vec<u8>, Context), HpkeError> {
    let (encapsulated, shared) = recipient.encapsulate()?;
    Ok((encapsulated, Context::new(recipient.kem(), &shared, info)?))
}

/// Makes the context that [`sender`] made.
///
/// # Errors
/// What was encapsulated is not for this key.
pub fn receiver(
    recipient: &PrivateKey,
    encapsulated: &[u8],
    info: &[u8],
) -> Result<Context, HpkeError> {
    let shared = recipient.decapsulate(encapsulated)?;
    Context::new(recipient.kem(), &shared, info)
}
