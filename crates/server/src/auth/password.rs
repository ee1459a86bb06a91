//! Passwords, of which only hashes are kept.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

use crate::problem::Problem;
use crate::secret::Secret;

/// Hashes and verifies passwords, a few at a time.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Semaphore,
    /// What an unknown user's password is compared with, so that it takes as long as a known one's.
    decoy: String,
}

impl Passwords {
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new() -> Result<Self, NoHash> {
        let decoy = hash(&Secret::new("decoy".to_owned()))?;
        Ok(Self { turns: Semaphore::new(MAX_AT_ONCE), decoy })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// It is too short or too long, or the system has no randomness.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String, Problem> {
        let len = password.dangerous_text().chars().count();
        if !(SHORTEST..=LONGEST).contains(&len) {
            return Err(Problem::bad_request(format!(
                "a password has {SHORTEST} to {LONGEST} characters"
            )));
        }
        let _turn = self.turns.acquire().await;
        let hashed = tokio::task::spawn_blocking(move || hash(&password)).await;
        match hashed {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(_)) | Err(_) => Err(Problem::unavailable("the password cannot be hashed")),
        }
    }

    /// Whether it is the password with this hash. Without one it takes as long, and is not.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> bool {
        if password.dangerous_text().chars().count() > LONGEST {
            return false;
        }
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let _turn = self.turns.acquire().await;
        let same = tokio::task::spawn_blocking(move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            argon2().verify_password(password.dangerous_text().as_bytes(), &hash).is_ok()
        });
        same.await.unwrap_or(false) && is_known
    }
}

/// A password cannot be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be hashed: the system gives no randomness")]
pub struct NoHash;

fn hash(password: &Secret) -> Result<String, NoHash> {
    let mut salt = [0; SALT_LEN];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_unspecified| NoHash)?;
    let hash = argon2().hash_password_with_salt(password.dangerous_text().as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_error| NoHash)
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Each takes 19 MiB and a core for some 20 ms; more at once only wait for each other.
const MAX_AT_ONCE: usize = 2;

/// NIST SP 800-63B-4 section 3.1.1.2 asks for 15 where nothing but the password protects and for 8
/// beside a second factor. A server that slows guesses down asks for something between.
const SHORTEST: usize = 12;

/// Longer ones would only be work for the server.
const LONGEST: usize = 256;

/// The least that OWASP's cheat sheet on password storage names for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;

const PASSES: u32 = 2;

const LANES: u32 = 1;

const SALT_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_only_its_password_fits() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash(secret("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(secret("correct horse battery"), Some(hash.clone())).await);
        assert!(!passwords.verify(secret("correct horse batterz"), Some(hash.clone())).await);
        let again = passwords.hash(secret("correct horse battery")).await.unwrap();
        assert_ne!(hash, again, "each has its salt");
    }

    #[tokio::test]
    async fn nobody_has_the_password_of_the_decoy() {
        let passwords = Passwords::new().unwrap();
        assert!(!passwords.verify(secret("decoy"), None).await);
    }

    #[tokio::test]
    async fn short_and_long_passwords_are_refused() {
        let passwords = Passwords::new().unwrap();
        for text in ["", "elevenchars", &"x".repeat(LONGEST + 1)] {
            let problem = passwords.hash(secret(text)).await.unwrap_err();
            assert_eq!(problem.status(), 400, "{text}");
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }
}
