//! What a sink is to do. Where these settings come from is not known here.

use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::BASE64;
use spool::SpoolSettings;
use zeroize::Zeroizing;

use crate::dataset::Datasets;
use crate::elastic::ElasticSettings;
use crate::file::FileSettings;
use crate::kafka::KafkaSettings;
use crate::otlp::OtlpSettings;
use crate::secret::Secret;
use crate::syslog::SyslogSettings;

/// Whom to tell what an operator should know: one sentence.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// A sink with nothing left out.
#[derive(Clone)]
pub struct SinkSettings {
    /// What it is called in messages and metrics.
    pub name: String,
    /// The lines that it is for.
    pub datasets: Datasets,
    /// Its queue.
    pub queue: SpoolSettings,
    /// Where its lines go.
    pub kind: Kind,
}

/// Where lines go.
#[derive(Clone)]
pub enum Kind {
    /// A collector of OpenTelemetry.
    Otlp(OtlpSettings),
    /// Brokers of Kafka.
    Kafka(KafkaSettings),
    /// A syslog server.
    Syslog(SyslogSettings),
    /// Elasticsearch, or what takes its bulk requests.
    Elastic(ElasticSettings),
    /// A file.
    File(FileSettings),
}

/// How an HTTP server is reached.
#[derive(Clone)]
pub struct HttpSettings {
    /// `http://` or `https://`, host, port and path.
    pub url: String,
    /// How the sink authenticates itself.
    pub auth: Auth,
    /// Certificates in PEM that are trusted; those of the system if absent.
    pub ca: Option<PathBuf>,
}

/// How a sink authenticates itself to an HTTP server.
#[derive(Clone)]
pub enum Auth {
    /// Not at all.
    None,
    /// By name and password (RFC 7617).
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// By a token (RFC 6750).
    Bearer(Secret),
    /// By an API key of Elasticsearch, as it is told: `id:key` in base64.
    ApiKey(Secret),
}

/// Settings that make no sense. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongSetting(pub String);

impl Kind {
    /// What it is called in settings and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Otlp(_) => "otlp",
            Self::Kafka(_) => "kafka",
            Self::Syslog(_) => "syslog",
            Self::Elastic(_) => "elasticsearch",
            Self::File(_) => "file",
        }
    }
}

impl HttpSettings {
    /// Says what is wrong with the URL, if something is.
    ///
    /// # Errors
    /// It is none of HTTP, or has a name and password in it: those would end up in messages.
    pub fn verify(&self) -> Result<(), WrongSetting> {
        let rest = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let wrong = |text: &str| Err(WrongSetting(text.to_owned()));
        match host {
            Some(host) if host.contains('@') => {
                wrong("url: name and password have settings of their own")
            }
            None | Some("") => wrong("url: it begins with http:// or https:// and has a host"),
            Some(_) if self.url.contains(['?', '#']) => wrong("url: it ends with a path"),
            Some(_) if self.url.chars().any(|it| it.is_control() || it == ' ') => {
                wrong("url: there is a space or control character in it")
            }
            Some(_) => Ok(()),
        }
    }
}

impl Auth {
    /// The value of the header `Authorization`.
    pub(crate) fn header(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::None => None,
            Self::Basic { username, password } => {
                let pair = Zeroizing::new(format!("{username}:{}", password.dangerous_text()));
                let encoded = Zeroizing::new(BASE64.encode(pair.as_bytes()));
                Some(Zeroizing::new(format!("Basic {}", *encoded)))
            }
            Self::Bearer(token) => {
                Some(Zeroizing::new(format!("Bearer {}", token.dangerous_text())))
            }
            Self::ApiKey(key) => Some(Zeroizing::new(format!("ApiKey {}", key.dangerous_text()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_no_password() {
        let verify =
            |url: &str| HttpSettings { url: url.to_owned(), auth: Auth::None, ca: None }.verify();
        for right in ["http://h", "https://h:4318/", "https://[::1]:9200/prefix"] {
            assert_eq!(verify(right), Ok(()), "{right}");
        }
        for wrong in ["", "h:1", "ftp://h", "http://", "http:///p", "https://h/?a", "http://h/a b"]
        {
            assert!(verify(wrong).is_err(), "{wrong}");
        }
        let error = verify("https://me:hunter2@h/").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn credentials_are_headers() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let basic = Auth::Basic { username: "Aladdin".to_owned(), password: secret("open sesame") };
        // The example of RFC 7617 section 2.
        assert_eq!(*basic.header().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(*Auth::Bearer(secret("t")).header().unwrap(), "Bearer t");
        assert_eq!(*Auth::ApiKey(secret("k")).header().unwrap(), "ApiKey k");
        assert!(Auth::None.header().is_none());
    }
}
