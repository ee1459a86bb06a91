//! Several servers that decide together.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::accounts::SecretText;
use super::replica::Decided;
use crate::error::StoreError;

/// The authority of the fleet in PEM, which issues and verifies certificates of agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityPem {
    /// Its certificate.
    pub certificate: String,
    /// Its private key.
    pub key: SecretText,
}

/// What a server that shares what people decide has to do besides. All calls block, and do nothing where
/// there is one server alone.
///
/// # Errors
/// All calls: [`StoreError::Unreachable`], [`StoreError::NotShared`], [`StoreError::Full`].
pub trait Replication: Send + Sync {
    /// How many decisions this server has applied; nothing if it is alone.
    fn position(&self) -> Option<u64>;

    /// Applies what other servers decided, and returns what kinds of things that were since the last time.
    fn follow(&self) -> Result<BTreeSet<Decided>, StoreError>;

    /// Has one of the servers have the duties: to be called every few seconds. `now` is of a clock that
    /// only goes forward.
    fn look_after_duties(&self, now: Duration) -> Result<(), StoreError>;

    /// Whether this server has the duties, which no two have at the same time.
    fn has_duties(&self, now: Duration) -> Result<bool, StoreError>;

    /// Gives the duties up, so that another server takes them at once.
    fn give_up_duties(&self) -> Result<(), StoreError>;

    /// A secret for a purpose that all of the servers know and nobody else; nothing if this one is alone.
    fn derived_secret(&self, purpose: &str) -> Option<SecretText>;

    /// The authority that the servers share, if they have one.
    fn authority(&self) -> Result<Option<AuthorityPem>, StoreError>;

    /// Has the servers share an authority, unless they do already; returns the one that they share.
    fn share_authority(&self, authority: &AuthorityPem) -> Result<AuthorityPem, StoreError>;
}

/// The authority of a file.
pub(super) fn read_authority(connection: &Connection) -> rusqlite::Result<Option<AuthorityPem>> {
    connection
        .prepare_cached("SELECT certificate, key FROM authority")?
        .query_row([], |row| {
            Ok(AuthorityPem { certificate: row.get(0)?, key: SecretText::new(row.get(1)?) })
        })
        .optional()
}

/// Puts an authority into a file that has none.
pub(super) fn put_authority(
    connection: &Connection,
    authority: &AuthorityPem,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO authority VALUES (1, ?, ?)",
            params![authority.certificate, authority.key.dangerous_text()],
        )
        .map(drop)
}
