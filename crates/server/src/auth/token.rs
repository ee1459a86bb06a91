//! Random texts that let somebody in, of which only digests are kept.

use aws_lc_rs::{digest, rand};
use data_encoding::BASE32_NOPAD;
use store::SecretDigest;

use crate::problem::Problem;
use crate::secret::Secret;

/// A new API token: `tlsight_` and 256 random bits.
///
/// # Errors
/// The system has no randomness.
pub(crate) fn api_token() -> Result<Secret, Problem> {
    random().map(|text| Secret::new(format!("{PREFIX}{text}")))
}

/// A new text of 256 random bits in letters and digits.
///
/// # Errors
/// The system has no randomness.
pub(crate) fn random() -> Result<String, Problem> {
    let mut bytes = [0; RANDOM_LEN];
    rand::fill(&mut bytes)
        .map_err(|_unspecified| Problem::unavailable("the system gives no randomness"))?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// The digest that is kept of a token. It needs no salt: a token cannot be guessed.
pub(crate) fn digest(token: &str) -> SecretDigest {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    SecretDigest(digest.as_ref().first_chunk().copied().unwrap_or_default())
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// By which scanners for leaked secrets know a token.
pub(crate) const PREFIX: &str = "tlsight_";

const RANDOM_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_known_by_their_prefix() {
        let (one, other) = (api_token().unwrap(), api_token().unwrap());
        assert!(one.dangerous_text().starts_with(PREFIX));
        assert_eq!(one.dangerous_text().len(), PREFIX.len() + 52);
        assert!(!same(one.dangerous_text(), other.dangerous_text()));
        assert!(digest(one.dangerous_text()) != digest(other.dangerous_text()));
    }

    #[test]
    fn a_digest_is_sha_256() {
        let SecretDigest(bytes) = digest("");
        assert_eq!(bytes[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }
}
