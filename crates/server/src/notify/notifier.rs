//! Where violations are told, as administrators set it.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::Uri;
use policy::Severity;
use serde::{Deserialize, Serialize};

/// A notifier as it is kept, with its secret. It has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Notifier {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    pub(crate) min_severity: Severity,
}

/// What a notifier speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// JSON to an address.
    Webhook,
    /// Alertmanager's API, version 2.
    Alertmanager,
    /// RFC 5424.
    Syslog,
    /// A webhook of Slack, Mattermost and the like.
    Slack,
    /// E-mail.
    Email,
}

impl Kind {
    /// Each of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Webhook, Self::Alertmanager, Self::Syslog, Self::Slack, Self::Email];
}

/// Where and how something is sent.
pub(crate) enum Target {
    Webhook { url: Url, format: WebhookFormat },
    Alertmanager { url: Url, token: Option<String> },
    Syslog { address: Address, transport: SyslogTransport, format: SyslogFormat },
    Slack { url: Url },
    Email(Mailbox),
}

/// The body of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookFormat {
    Json,
    StackRox,
}

/// How syslog is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyslogTransport {
    Udp,
    Tcp,
}

/// The message of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyslogFormat {
    Json,
    Cef,
}

/// Where mail goes.
pub(crate) struct Mailbox {
    pub(crate) server: Address,
    pub(crate) tls: MailTls,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) login: Option<(String, String)>,
}

/// How mail is protected on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailTls {
    StartTls,
    Implicit,
    None,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// An address of HTTP. What follows the host may be a secret.
#[derive(Clone)]
pub(crate) struct Url {
    pub(crate) address: Address,
    pub(crate) is_tls: bool,
    pub(crate) path: String,
}

/// A setting that makes no sense. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {wanted}")]
pub(crate) struct WrongSetting {
    setting: &'static str,
    wanted: &'static str,
}

impl Notifier {
    /// Where and how it sends.
    ///
    /// # Errors
    /// A setting is missing, unknown, or makes no sense.
    pub(crate) fn target(&self) -> Result<Target, WrongSetting> {
        let known: &[&str] = match self.kind {
            Kind::Webhook => &["format", "ca"],
            Kind::Alertmanager => &["url", "ca"],
            Kind::Syslog => &["address", "transport", "format"],
            Kind::Slack => &["ca"],
            Kind::Email => &["server", "from", "to", "user", "tls", "ca"],
        };
        if self.settings.keys().any(|key| !known.contains(&key.as_str())) {
            return Err(wrong("settings", "there is one that this kind does not have"));
        }
        Ok(match self.kind {
            Kind::Webhook => Target::Webhook {
                url: Url::parse("secret", self.secret.as_deref())?,
                format: match self.setting("format") {
                    None | Some("json") => WebhookFormat::Json,
                    Some("stackrox") => WebhookFormat::StackRox,
                    Some(_) => return Err(wrong("format", "json or stackrox")),
                },
            },
            Kind::Alertmanager => Target::Alertmanager {
                url: Url::parse("url", self.setting("url"))?.of_alertmanager(),
                token: self.secret.clone(),
            },
            Kind::Syslog => Target::Syslog {
                address: Address::parse("address", self.setting("address"))?,
                transport: match self.setting("transport") {
                    None | Some("udp") => SyslogTransport::Udp,
                    Some("tcp") => SyslogTransport::Tcp,
                    Some(_) => return Err(wrong("transport", "udp or tcp")),
                },
                format: match self.setting("format") {
                    None | Some("json") => SyslogFormat::Json,
                    Some("cef") => SyslogFormat::Cef,
                    Some(_) => return Err(wrong("format", "json or cef")),
                },
            },
            Kind::Slack => Target::Slack { url: Url::parse("secret", self.secret.as_deref())? },
            Kind::Email => Target::Email(self.mailbox()?),
        })
    }

    fn mailbox(&self) -> Result<Mailbox, WrongSetting> {
        let to: Vec<_> = self.setting("to").unwrap_or_default().split(',').map(str::trim).collect();
        let from = self.setting("from").unwrap_or_default();
        if to.len() > MAX_RECIPIENTS || !to.iter().chain([&from]).all(|it| is_mail_address(it)) {
            return Err(wrong(
                "from, to",
                "addresses such as ann@example.org; up to 32, with commas",
            ));
        }
        let tls = match self.setting("tls") {
            None | Some("starttls") => MailTls::StartTls,
            Some("implicit") => MailTls::Implicit,
            Some("none") => MailTls::None,
            Some(_) => return Err(wrong("tls", "starttls, implicit or none")),
        };
        let login = match (self.setting("user"), &self.secret) {
            (Some(user), Some(password)) => Some((user.to_owned(), password.clone())),
            (None, None) => None,
            _ => return Err(wrong("user", "with a password as the secret, or neither")),
        };
        if login.is_some() && tls == MailTls::None {
            return Err(wrong("tls", "a password is not sent in clear"));
        }
        Ok(Mailbox {
            server: Address::parse("server", self.setting("server"))?,
            tls,
            from: from.to_owned(),
            to: to.into_iter().map(ToOwned::to_owned).collect(),
            login,
        })
    }

    /// The settings that say where it sends.
    pub(crate) fn settings_of_place(&self) -> Vec<&String> {
        PLACE.iter().filter_map(|key| self.settings.get(*key)).collect()
    }

    /// A certificate to trust beside those of the system.
    pub(crate) fn ca(&self) -> Option<&str> {
        self.setting("ca")
    }

    fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Url {
    fn parse(setting: &'static str, text: Option<&str>) -> Result<Self, WrongSetting> {
        let wanted = "an address such as https://host:port/path, without user and password";
        let parsed = || {
            let uri: Uri = text?.parse().ok()?;
            let authority = uri.authority()?;
            let is_tls = match uri.scheme_str()? {
                "https" => true,
                "http" => false,
                _ => return None,
            };
            if authority.as_str().contains('@') {
                return None;
            }
            let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
            let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            (!host.is_empty()).then_some(Self { address: Address { host, port }, is_tls, path })
        };
        parsed().ok_or_else(|| wrong(setting, wanted))
    }

    /// The address at which Alertmanager takes alerts.
    fn of_alertmanager(self) -> Self {
        let path = self.path.trim_end_matches('/');
        let path = if path.ends_with(ALERTS) { path.to_owned() } else { format!("{path}{ALERTS}") };
        Self { path, ..self }
    }
}

impl Address {
    fn parse(setting: &'static str, text: Option<&str>) -> Result<Self, WrongSetting> {
        let parsed = || {
            let (host, port) = text?.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_name = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
            let is_host = (1..=253).contains(&host.len()) && host.chars().all(is_name);
            is_host.then_some(Self { host: host.to_owned(), port: port.parse().ok()? })
        };
        parsed().ok_or_else(|| wrong(setting, "an address such as host:514"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn wrong(setting: &'static str, wanted: &'static str) -> WrongSetting {
    WrongSetting { setting, wanted }
}

/// Whether it can be put into a command of SMTP as it is.
fn is_mail_address(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c);
    let parts = text.split_once('@');
    text.len() <= 254
        && text.chars().all(is_plain)
        && parts
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Settings that say where a notifier sends, and whom it believes.
pub(crate) const PLACE: &[&str] = &["url", "server", "tls", "ca", "user"];

/// Path of Alertmanager's API, version 2.
const ALERTS: &str = "/api/v2/alerts";

const MAX_RECIPIENTS: usize = 32;
