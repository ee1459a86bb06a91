//! Where violations are told.

use std::collections::BTreeMap;

use event::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::violation::SeverityName;
use crate::notify::notifier::Kind;
use crate::secret::Secret;

/// A notifier, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifier {
    /// What tells it from others.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What it speaks.
    pub(crate) kind: Kind,
    /// Its settings, which are no secrets.
    pub(crate) settings: BTreeMap<String, String>,
    /// Whether it has a secret: the address of a webhook, or a password.
    pub(crate) has_secret: bool,
    /// The least severity that it is told.
    #[schema(value_type = SeverityName)]
    pub(crate) min_severity: policy::Severity,
    /// What waits to be sent.
    pub(crate) queued: u64,
    /// What was dropped because too much waited, or after too many tries.
    pub(crate) dropped: u64,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// When something was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) last_sent: Option<Timestamp>,
}

/// A notifier to add, or what it is to become.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewNotifier {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub(crate) name: String,
    /// What it speaks.
    pub(crate) kind: Kind,
    /// Its settings. `webhook`: `format` (`json`, `stackrox`); `alertmanager`: `url`; `syslog`:
    /// `address`, `transport` (`udp`, `tcp`), `format` (`json`, `cef`); `email`: `server`, `from`, `to`,
    /// `user`, `tls` (`starttls`, `implicit`, `none`). All but `syslog`: `ca`, a certificate in PEM.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// The address of a webhook, a bearer token, or a password. Without one, the old one stays.
    #[schema(value_type = Option<String>, format = Password)]
    pub(crate) secret: Option<Secret>,
    /// The least severity that it is told.
    #[schema(value_type = SeverityName)]
    pub(crate) min_severity: policy::Severity,
}
