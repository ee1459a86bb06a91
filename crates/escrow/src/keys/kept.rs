//! The file of an epoch's private keys: a line for each part.

use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use super::identity::{kem_name, kem_named};
use super::token::TokenKeyId;
use crate::hpke::{HpkeError, Kem, PrivateKey};
use crate::tier::Part;

/// A private key, and where its half on the curve is if that is in a token.
pub(super) struct KeptKey {
    pub(super) part: Part,
    pub(super) private: PrivateKey,
    pub(super) token_id: Option<TokenKeyId>,
}

/// What a line says.
pub(super) struct KeptLine {
    pub(super) part: Part,
    pub(super) kem: Kem,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) token_id: Option<TokenKeyId>,
}

impl KeptKey {
    /// Appends the line.
    pub(super) fn put(&self, text: &mut String) -> Result<(), HpkeError> {
        text.push_str(self.part.name());
        text.push(' ');
        text.push_str(kem_name(self.private.kem()));
        text.push(' ');
        BASE64.encode_append(&self.private.dangerous_bytes()?, text);
        if let Some(id) = &self.token_id {
            text.push(' ');
            HEXLOWER.encode_append(id, text);
        }
        text.push('\n');
        Ok(())
    }
}

impl KeptLine {
    /// Reads a line; nothing if it is none.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let part = Part::named(words.next()?)?;
        let kem = kem_named(words.next()?)?;
        let bytes = Zeroizing::new(BASE64.decode(words.next()?.as_bytes()).ok()?);
        let token_id = match words.next() {
            None => None,
            Some(id) => Some(*HEXLOWER.decode(id.as_bytes()).ok()?.as_array()?),
        };
        let is_right = words.next().is_none() && (token_id.is_none() || kem == Kem::MlKem768P256);
        is_right.then_some(Self { part, kem, bytes, token_id })
    }
}

/// A key of MLKEM768-P256 with its public one, 3,681 bytes in Base64, and names.
pub(super) const MAX_LINE_LEN: usize = 6 << 10;
