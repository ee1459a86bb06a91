//! What is where in the folder of an escrow.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use escrow::audit::{AuditEvent, AuditLog};
use escrow::beacon::BeaconKey;
use escrow::keys::{Custody, Identity, SigningKey, Token, TokenUri, Trust, VerifyingKey};
use zeroize::Zeroizing;

use crate::cli::TokenArgs;
use crate::watch::wall_clock;

/// The folder.
pub(super) struct Folder<'a>(pub(super) &'a Path);

impl Folder<'_> {
    /// Signs epochs and grants.
    pub(super) fn authority_key(&self) -> PathBuf {
        self.0.join("authority.key")
    }

    /// Verifies them.
    pub(super) fn authority_public(&self) -> PathBuf {
        self.0.join("authority.pub")
    }

    /// Private keys of epochs.
    pub(super) fn custody_folder(&self) -> PathBuf {
        self.0.join("custody")
    }

    /// What is public of epochs.
    pub(super) fn epochs(&self) -> PathBuf {
        self.0.join("epochs")
    }

    /// Who may do what.
    pub(super) fn grants(&self) -> PathBuf {
        self.0.join("grants")
    }

    /// The archive.
    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// Key of its index.
    pub(super) fn index_key(&self) -> PathBuf {
        self.0.join("index.key")
    }

    /// Certificates.
    pub(super) fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// The audit log.
    pub(super) fn audit_log(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    /// Signs it.
    pub(super) fn audit_key(&self) -> PathBuf {
        self.0.join("audit.key")
    }

    /// Verifies it.
    pub(super) fn audit_public(&self) -> PathBuf {
        self.0.join("audit.pub")
    }

    pub(super) fn custody(&self, token: &TokenArgs) -> Result<Custody> {
        let custody = Custody::new(self.custody_folder(), self.epochs());
        let Some(uri) = &token.token else { return Ok(custody) };
        Ok(custody.with_token(Token::open(uri, &pin(uri)?)?))
    }

    pub(super) fn trust(&self) -> Result<Trust> {
        Ok(Trust::new(verifying_key(&self.authority_public())?))
    }

    pub(super) fn authority(&self) -> Result<SigningKey> {
        signing_key(&self.authority_key())
    }

    pub(super) fn audit(&self) -> Result<AuditLog> {
        Ok(AuditLog::open(&self.audit_log(), signing_key(&self.audit_key())?)?)
    }

    /// Writes what happened into the audit log.
    pub(super) fn note(&self, events: &[AuditEvent]) -> Result<()> {
        if !events.is_empty() {
            self.audit()?.append(wall_clock(), events)?;
        }
        Ok(())
    }
}

/// The key that signs, in a file.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey> {
    let text = secret_text(path)?;
    SigningKey::parse(&text).with_context(|| path.display().to_string())
}

/// The key that verifies, in a file.
pub(crate) fn verifying_key(path: &Path) -> Result<VerifyingKey> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    VerifyingKey::parse(&text).with_context(|| path.display().to_string())
}

/// The keys of somebody, in a file.
pub(super) fn identity(path: &Path) -> Result<Identity> {
    let text = secret_text(path)?;
    Identity::parse(&text).with_context(|| path.display().to_string())
}

/// The key that beacons are authenticated by, in a file.
pub(crate) fn beacon_key(path: &Path) -> Result<BeaconKey> {
    let text = secret_text(path)?;
    BeaconKey::parse(&text).with_context(|| path.display().to_string())
}

/// The PIN of a token. It is never on a command line, which others see.
fn pin(uri: &TokenUri) -> Result<Zeroizing<String>> {
    let Some(path) = &uri.pin_source else {
        let pin = std::env::var(PIN_VARIABLE).map(Zeroizing::new);
        return pin.with_context(|| format!("no PIN: pin-source of the URI, or {PIN_VARIABLE}"));
    };
    let text = secret_text(path)?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn secret_text(path: &Path) -> Result<Zeroizing<String>> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    text.with_context(|| format!("cannot read {}", path.display()))
}

const PIN_VARIABLE: &str = "TLSIGHT_TOKEN_PIN";
