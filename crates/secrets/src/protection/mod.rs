//! Records and what protects them: keys in, clear text out.

mod aead;
mod block;
mod legacy;
mod mac;

pub(crate) use aead::{AeadKey, NONCE_LEN};
pub(crate) use legacy::{Framing, LegacyKeys, LegacyProtection, xor_sequence};
pub(crate) use mac::Covered;
