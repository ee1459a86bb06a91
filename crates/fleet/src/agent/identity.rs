//! Who an agent is: its key, its certificates, and whom it takes for its server, in one file.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use event::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

use super::files;
use crate::authority::{Peer, SECOND, pem};
use crate::tls::{Trust, client_config};
use crate::v1::Issued;

/// A key, the certificates that were issued for it, and authorities.
pub(super) struct Identity {
    /// PKCS #8, DER.
    key: Vec<u8>,
    chain: Vec<Vec<u8>>,
    authorities: Vec<Vec<u8>>,
    pub(super) renew_at: Timestamp,
    pub(super) not_after: Timestamp,
    /// SHA-256 of the token that it was issued for.
    pub(super) token: [u8; 32],
}

/// A key that has no certificate yet.
pub(super) struct NewKey {
    key: KeyPair,
    /// PKCS #10, DER.
    pub(super) request: Vec<u8>,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoIdentity {
    /// The file's.
    #[error("{}: {cause}", .path.display())]
    File { path: PathBuf, cause: io::Error },
    /// What is in the file is not what was written.
    #[error("{} is damaged: remove it and join anew", .0.display())]
    Damaged(PathBuf),
    /// What the server issued is of no use.
    #[error("the server issued a certificate that is of no use: {0}")]
    Issued(String),
    /// There is no key.
    #[error("cannot make a key: {0}")]
    Key(#[from] rcgen::Error),
}

impl NewKey {
    pub(super) fn generate() -> Result<Self, NoIdentity> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let request = CertificateParams::default().serialize_request(&key)?.der().to_vec();
        Ok(Self { key, request })
    }

    /// The identity that the server made of it, if that is of use.
    pub(super) fn with(self, issued: Issued, token: [u8; 32]) -> Result<Identity, NoIdentity> {
        let useless = |why: &dyn std::fmt::Display| NoIdentity::Issued(why.to_string());
        let Issued { chain, authorities, renew_at } = issued;
        if chain.len() > MOST_CERTIFICATES || !(1..=MOST_CERTIFICATES).contains(&authorities.len())
        {
            return Err(useless(&"too many certificates, or no authority"));
        }
        let peer = chain.first().and_then(|own| Peer::of(own));
        let peer = peer.ok_or_else(|| useless(&"it names no agent"))?;
        let renew_at = Timestamp::from_nanos(renew_at.saturating_mul(SECOND));
        let identity = Identity {
            key: self.key.serialize_der(),
            chain,
            authorities,
            renew_at: renew_at.min(peer.not_after),
            not_after: peer.not_after,
            token,
        };
        // That key, certificates and authorities fit together is seen when they are put to use.
        identity.tls().map_err(|error| useless(&error))?;
        Ok(identity)
    }
}

impl Identity {
    /// The file of an identity in a folder.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join("identity.pem")
    }

    /// Reads the file, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, NoIdentity> {
        let path = Self::path(folder);
        let Some(bytes) = files::read(&path, MOST_FILE_LEN)
            .map_err(|cause| NoIdentity::File { path: path.clone(), cause })?
        else {
            return Ok(None);
        };
        let identity = String::from_utf8(bytes).ok().and_then(|text| Self::parse(&text));
        let is_sound = |identity: &Self| identity.tls().is_ok();
        identity.filter(is_sound).map(Some).ok_or(NoIdentity::Damaged(path))
    }

    /// Writes the file.
    pub(super) fn write(&self, folder: &Path) -> Result<(), NoIdentity> {
        let path = Self::path(folder);
        files::write(&path, self.text().as_bytes())
            .map_err(|cause| NoIdentity::File { path, cause })
    }

    /// How it connects.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, crate::NotUsable> {
        let trust = Trust::Authorities(self.authorities.clone());
        client_config(trust, Some((&self.chain, &self.key)))
    }

    /// What the server calls it.
    pub(super) fn agent(&self) -> String {
        let peer = self.chain.first().and_then(|own| Peer::of(own));
        peer.map(|peer| peer.agent.to_string()).unwrap_or_default()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        write!(
            text,
            "{HEAD}\ntoken: {}\nrenew at: {}\nchain: {}\n",
            data_encoding::HEXLOWER.encode(&self.token),
            self.renew_at.as_nanos() / SECOND,
            self.chain.len()
        )
        .ok();
        text.push_str(&pem("PRIVATE KEY", &self.key));
        for certificate in self.chain.iter().chain(&self.authorities) {
            text.push_str(&pem("CERTIFICATE", certificate));
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(HEAD)?;
        let value = |key: &str| {
            let line = rest.lines().find_map(|line| line.strip_prefix(key))?;
            line.strip_prefix(": ")
        };
        let token = data_encoding::HEXLOWER.decode(value("token")?.as_bytes()).ok()?;
        let renew_at: i64 = value("renew at")?.parse().ok()?;
        let own: usize = value("chain")?.parse().ok()?;
        let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_slice(rest.as_bytes()).ok()? else {
            return None;
        };
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(rest.as_bytes()).collect();
        let mut chain: Vec<Vec<u8>> =
            certificates.ok()?.into_iter().map(|certificate| certificate.to_vec()).collect();
        if own == 0 || own >= chain.len() {
            return None;
        }
        let authorities = chain.split_off(own);
        let not_after = Peer::of(chain.first()?)?.not_after;
        Some(Self {
            key: key.secret_pkcs8_der().to_vec(),
            chain,
            authorities,
            renew_at: Timestamp::from_nanos(renew_at.saturating_mul(SECOND)),
            not_after,
            token: token.try_into().ok()?,
        })
    }
}

const HEAD: &str = "identity of a tlsight agent: whoever has this file is this agent";

/// Of a chain, and of authorities. A fleet has one authority, and two while it changes it.
const MOST_CERTIFICATES: usize = 8;

const MOST_FILE_LEN: u64 = 1 << 20;
