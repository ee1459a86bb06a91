//! Who may, and who did.

use std::fmt;

use event::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::page::{Page, Paged};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, and decide on policies and violations.
    Operator,
    /// Everything.
    Admin,
}

/// A text that must not be shown: the hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// SHA-256 of a secret that is random enough not to be guessed: of a token or a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretDigest(pub [u8; 32]);

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name; at most [`User::MAX_NAME_LEN`] bytes.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// Hash of the password, in the format of PHC strings.
    pub password: SecretText,
    /// When they were added.
    pub created: Timestamp,
    /// When they logged in last.
    pub last_login: Option<Timestamp>,
}

/// A token for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What its bearer may.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; never if absent.
    pub expires: Option<Timestamp>,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
}

/// A log-in that lasts: what a cookie stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Digest of the cookie.
    pub cookie: SecretDigest,
    /// Who.
    pub user: String,
    /// What a request that changes something must carry.
    pub csrf: SecretText,
    /// Since when.
    pub created: Timestamp,
    /// When it was used last.
    pub last_used: Timestamp,
}

/// Something that somebody did, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: Timestamp,
    /// Who: a user, a token, or nobody known.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// From where.
    pub address: String,
    /// Whether it was allowed.
    pub outcome: AuditOutcome,
}

/// Whether something was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// It was.
    Ok,
    /// It was not.
    Denied,
}

/// Users, tokens, log-ins and the audit log. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Accounts: Send + Sync {
    /// The digest of the token that the first user is made with, while there is none.
    fn setup_token(&self) -> Result<Option<SecretDigest>, StoreError>;

    /// Keeps the digest of such a token, for as long as there is no user.
    fn set_setup_token(&self, token: SecretDigest) -> Result<(), StoreError>;

    /// Makes the first user and forgets the token, if the token is this one and there is no user yet.
    /// Returns whether it was.
    fn set_up(&self, token: SecretDigest, user: &User) -> Result<bool, StoreError>;

    /// All users, by name.
    fn users(&self) -> Result<Vec<User>, StoreError>;

    /// One user.
    fn user(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; [`StoreError::LimitReached`] beyond [`User::MAX_COUNT`].
    fn add_user(&self, user: &User) -> Result<(), StoreError>;

    /// Changes role, password or both, and ends all log-ins of the user.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; [`StoreError::LastAdmin`] if nobody would be left who may everything.
    fn change_user(
        &self,
        name: &str,
        role: Option<Role>,
        password: Option<&SecretText>,
    ) -> Result<(), StoreError>;

    /// Removes a user with all log-ins.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; [`StoreError::LastAdmin`] if nobody would be left who may everything.
    fn remove_user(&self, name: &str) -> Result<(), StoreError>;

    /// All tokens, the oldest first.
    fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// The token of a digest, also if it has ended.
    fn token(&self, digest: SecretDigest) -> Result<Option<Token>, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; [`StoreError::LimitReached`] beyond [`Token::MAX_COUNT`].
    fn add_token(&self, token: &Token, digest: SecretDigest) -> Result<(), StoreError>;

    /// Notes that a token was used.
    fn touch_token(&self, id: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Removes a token; returns whether there was one.
    fn remove_token(&self, id: &str) -> Result<bool, StoreError>;

    /// Begins a log-in and notes it as the user's last. Beyond [`Login::MAX_COUNT_OF_USER`], the
    /// user's oldest ends.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such user.
    fn add_login(&self, login: &Login) -> Result<(), StoreError>;

    /// The log-in of a cookie with its user, also if it is too old.
    fn login(&self, cookie: SecretDigest) -> Result<Option<(Login, User)>, StoreError>;

    /// Notes that a log-in was used.
    fn touch_login(&self, cookie: SecretDigest, now: Timestamp) -> Result<(), StoreError>;

    /// Ends a log-in; returns whether there was one.
    fn remove_login(&self, cookie: SecretDigest) -> Result<bool, StoreError>;

    /// Ends the log-ins that began before one point or were last used before another; returns how many.
    fn remove_old_logins(
        &self,
        created_before: Timestamp,
        used_before: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Adds to the audit log. Nothing in it is ever changed; beyond [`AuditEntry::MAX_COUNT`] the
    /// oldest goes.
    fn append_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// The audit log, newest first.
    fn audit(&self, page: Page) -> Result<Paged<AuditEntry>, StoreError>;
}

impl SecretText {
    /// Takes a text that must not be shown.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text. Whoever calls this keeps it out of logs and answers.
    #[must_use]
    pub fn dangerous_text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

impl Role {
    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl User {
    /// Longest name in bytes.
    pub const MAX_NAME_LEN: usize = 128;
    /// Most users; whoever has more has a directory.
    pub const MAX_COUNT: usize = 10_000;
}

impl Token {
    /// Most tokens.
    pub const MAX_COUNT: usize = 10_000;
}

impl Login {
    /// Most log-ins of one user at a time.
    pub const MAX_COUNT_OF_USER: usize = 32;
}

impl AuditEntry {
    /// Most entries kept: a change a minute for two years.
    pub const MAX_COUNT: usize = 1_000_000;
    /// Longest text of an entry in bytes; the rest is cut off.
    pub const MAX_TEXT_LEN: usize = 1024;
}
