//! The settings of `[[sinks]]`: one table a sink.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use sinks::{
    Auth, Dataset, Datasets, ElasticSettings, FileSettings, HttpSettings, KafkaSettings, Kind,
    OtlpSettings, QueueSettings, Secret, SinkSettings, SyslogSettings,
};

use crate::agent::settings::{Interval, rotation};
use crate::config::Size;

/// One sink, as the file has it. It holds no secret, but says where each is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkTable {
    /// What it is called in messages and metrics, and its folder.
    pub(crate) name: String,
    #[serde(rename = "type")]
    kind: KindName,
    datasets: Option<Vec<String>>,
    queue: Option<PathBuf>,
    queue_limit: Option<Size>,
    url: Option<String>,
    ca: Option<PathBuf>,
    username: Option<String>,
    password: Option<SecretPlace>,
    token: Option<SecretPlace>,
    api_key: Option<SecretPlace>,
    signals: Option<Vec<Signal>>,
    metrics_every: Option<Interval>,
    brokers: Option<Vec<String>>,
    topic: Option<String>,
    tls: Option<bool>,
    facility: Option<String>,
    sd_id: Option<String>,
    max_message: Option<usize>,
    index: Option<String>,
    path: Option<PathBuf>,
    rotate_size: Option<Size>,
    rotate_age: Option<Interval>,
    keep: Option<usize>,
    compress: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Otlp,
    Kafka,
    Syslog,
    Elasticsearch,
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Signal {
    Logs,
    Metrics,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SecretPlace {
    /// In this file, whose last line break does not count.
    File(PathBuf),
    /// In this variable of the environment.
    Variable(String),
    /// Elsewhere, perhaps in the settings themselves: then it was not kept.
    Wrong,
}

impl SinkTable {
    /// The sink. Its queue is in a folder of its name in `folder`, unless it names another.
    ///
    /// # Errors
    /// Keys that are missing or make no sense for a sink of this kind, and secrets that cannot be read.
    pub(crate) fn resolve(&self, folder: &Path) -> Result<SinkSettings> {
        let is_name =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
        ensure!(
            (1..=MAX_NAME).contains(&self.name.len()) && self.name.bytes().all(is_name),
            "name: at most {MAX_NAME} lower-case letters, digits, '-' and '_'"
        );
        self.refuse_keys_of_others()?;
        let datasets = match &self.datasets {
            None => Datasets::ALL,
            Some(names) => names
                .iter()
                .map(|name| name.parse::<Dataset>())
                .collect::<Result<_, _>>()
                .map_err(anyhow::Error::msg)
                .context("datasets")?,
        };
        let queue = QueueSettings {
            folder: self.queue.clone().unwrap_or_else(|| folder.join(&self.name)),
            limit_bytes: self.queue_limit.map_or(DEFAULT_QUEUE, |Size(bytes)| bytes as u64),
        };
        ensure!(queue.limit_bytes >= LEAST_QUEUE, "queue_limit: at least 4MiB");
        let kind = match self.kind {
            KindName::Otlp => Kind::Otlp(self.otlp()?),
            KindName::Kafka => Kind::Kafka(self.kafka()?),
            KindName::Syslog => Kind::Syslog(self.syslog()?),
            KindName::Elasticsearch => Kind::Elastic(self.elastic()?),
            KindName::File => Kind::File(self.file()?),
        };
        Ok(SinkSettings { name: self.name.clone(), datasets, queue, kind })
    }

    /// A key that a sink of this kind has no use for is a mistake.
    fn refuse_keys_of_others(&self) -> Result<()> {
        let allowed: &[&str] = match self.kind {
            KindName::Otlp => {
                &["url", "ca", "username", "password", "token", "signals", "metrics_every"]
            }
            KindName::Kafka => &["brokers", "topic", "tls", "ca", "username", "password"],
            KindName::Syslog => &["url", "ca", "facility", "sd_id", "max_message"],
            KindName::Elasticsearch => &["url", "ca", "username", "password", "api_key", "index"],
            KindName::File => &["path", "rotate_size", "rotate_age", "keep", "compress"],
        };
        for (key, is_there) in [
            ("url", self.url.is_some()),
            ("ca", self.ca.is_some()),
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("token", self.token.is_some()),
            ("api_key", self.api_key.is_some()),
            ("signals", self.signals.is_some()),
            ("metrics_every", self.metrics_every.is_some()),
            ("brokers", self.brokers.is_some()),
            ("topic", self.topic.is_some()),
            ("tls", self.tls.is_some()),
            ("facility", self.facility.is_some()),
            ("sd_id", self.sd_id.is_some()),
            ("max_message", self.max_message.is_some()),
            ("index", self.index.is_some()),
            ("path", self.path.is_some()),
            ("rotate_size", self.rotate_size.is_some()),
            ("rotate_age", self.rotate_age.is_some()),
            ("keep", self.keep.is_some()),
            ("compress", self.compress.is_some()),
        ] {
            if is_there && !allowed.contains(&key) {
                bail!(
                    "{key}: sinks of this type have no such setting; they have {}",
                    allowed.join(", ")
                );
            }
        }
        Ok(())
    }

    fn otlp(&self) -> Result<OtlpSettings> {
        let signals = self.signals.as_deref().unwrap_or(&[Signal::Logs, Signal::Metrics]);
        ensure!(!signals.is_empty(), "signals: at least one of \"logs\" and \"metrics\"");
        Ok(OtlpSettings {
            http: self.http()?,
            logs: signals.contains(&Signal::Logs),
            metrics: signals.contains(&Signal::Metrics),
            metrics_every: self.metrics_every.unwrap_or(Interval::MINUTE).duration(),
        })
    }

    fn kafka(&self) -> Result<KafkaSettings> {
        let brokers = self.brokers.clone().context("brokers: a list of HOST:PORT is missing")?;
        let tls = self.tls.unwrap_or(false);
        ensure!(tls || self.ca.is_none(), "ca: only with tls = true");
        let login = self.login()?;
        // SASL PLAIN sends the password as it is.
        ensure!(tls || login.is_none(), "password: only with tls = true");
        Ok(KafkaSettings {
            brokers,
            topic: self.topic.clone().unwrap_or_else(|| "tlsight".to_owned()),
            tls,
            ca: self.ca.clone(),
            login,
        })
    }

    fn syslog(&self) -> Result<SyslogSettings> {
        let url = self.url.as_deref().context("url: missing, such as tls://syslog.example:6514")?;
        Ok(SyslogSettings {
            address: url.parse()?,
            ca: self.ca.clone(),
            facility: self.facility.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            sd_id: self.sd_id.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
            max_bytes: self.max_message.unwrap_or(SyslogSettings::USUAL_BYTES),
        })
    }

    fn elastic(&self) -> Result<ElasticSettings> {
        let index = self.index.clone();
        let index = index.unwrap_or_else(|| ElasticSettings::USUAL_INDEX.to_owned());
        Ok(ElasticSettings { http: self.http()?, index })
    }

    fn file(&self) -> Result<FileSettings> {
        let path = self.path.clone().context("path: missing")?;
        let rotation = rotation(self.rotate_size, self.rotate_age, self.keep, self.compress);
        Ok(FileSettings { path, rotation })
    }

    fn http(&self) -> Result<HttpSettings> {
        let url = self.url.clone().context("url: missing")?;
        let auth = match (self.login()?, &self.token, &self.api_key) {
            (None, None, None) => Auth::None,
            (Some((username, password)), None, None) => Auth::Basic { username, password },
            (None, Some(token), None) => Auth::Bearer(token.read("token")?),
            (None, None, Some(key)) => Auth::ApiKey(key.read("api_key")?),
            _ => bail!("one way to authenticate is enough: password, token or api_key"),
        };
        let http = HttpSettings { url, auth, ca: self.ca.clone() };
        http.verify()?;
        Ok(http)
    }

    fn login(&self) -> Result<Option<(String, Secret)>> {
        match (&self.username, &self.password) {
            (None, None) => Ok(None),
            (Some(name), Some(password)) => Ok(Some((name.clone(), password.read("password")?))),
            _ => bail!("username and password belong together"),
        }
    }
}

impl SecretPlace {
    fn read(&self, key: &str) -> Result<Secret> {
        let text = match self {
            Self::File(path) => fs::read_to_string(path)
                .with_context(|| format!("{key}: cannot read {}", path.display()))?,
            Self::Variable(name) => {
                env::var(name).ok().with_context(|| format!("{key}: {name} is not set"))?
            }
            Self::Wrong => {
                bail!("{key}: say where it is, as {{ file = \"PATH\" }} or {{ env = \"NAME\" }}")
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        ensure!(!text.is_empty(), "{key}: it is empty");
        // It becomes a header: an error of who builds that would show it.
        ensure!(!text.chars().any(char::is_control), "{key}: there are control characters in it");
        Ok(Secret::new(text.to_owned()))
    }
}

/// Whatever else is there may be the secret: no error repeats it.
impl<'de> Deserialize<'de> for SecretPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = SecretPlace;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{ file = \"PATH\" } or { env = \"NAME\" }")
    }

    fn visit_str<E>(self, _text: &str) -> Result<SecretPlace, E> {
        Ok(SecretPlace::Wrong)
    }

    fn visit_i64<E>(self, _number: i64) -> Result<SecretPlace, E> {
        Ok(SecretPlace::Wrong)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretPlace, A::Error> {
        let mut place = None;
        while let Some(key) = map.next_key::<String>()? {
            let found = match key.as_str() {
                "file" => SecretPlace::File(map.next_value()?),
                "env" => SecretPlace::Variable(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    SecretPlace::Wrong
                }
            };
            place = Some(if place.is_none() { found } else { SecretPlace::Wrong });
        }
        Ok(place.unwrap_or(SecretPlace::Wrong))
    }
}

/// The part of the configuration file for sinks.
pub(crate) const DEFAULT_TABLE: &str = r#"
# Where lines go besides: a table for each sink, of the agent or, with `serve` and `up`, of the server. There
# is none by default; docs/sinks.md has all settings of each type.
# [[sinks]]
# name = "siem"                        # in messages and metrics
# type = "syslog"                      # or "otlp", "kafka", "elasticsearch", "file"
# url = "tls://syslog.example:6514"
# datasets = ["sessions", "edges", "loss", "violations"]
# queue = "/var/lib/tlsight/sinks/siem"
# queue_limit = "256MiB"
"#;

/// Some hours of a busy host.
const DEFAULT_QUEUE: u64 = 256 << 20;

/// So that the longest line there is has room.
const LEAST_QUEUE: u64 = 4 << 20;

const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> SinkTable {
        toml::from_str(text).unwrap()
    }

    fn refused(text: &str) -> String {
        let table = toml::from_str::<SinkTable>(text);
        let resolved =
            table.map_err(anyhow::Error::from).and_then(|it| it.resolve(Path::new("/q")));
        match resolved {
            Ok(_) => panic!("{text}"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_sink_has_a_queue_of_its_name_and_takes_all_lines() {
        let sink = table("name = \"a-1\"\ntype = \"syslog\"\nurl = \"udp://h\"");
        let sink = sink.resolve(Path::new("/q")).unwrap();
        assert_eq!((sink.queue.folder, sink.queue.limit_bytes), ("/q/a-1".into(), 256 << 20));
        assert_eq!((sink.datasets, sink.kind.name()), (Datasets::ALL, "syslog"));
        let sink = table(
            "name = \"b\"\ntype = \"file\"\npath = \"/f\"\nqueue = \"/x\"\nqueue_limit = \"4MiB\"\n\
             datasets = [\"violations\"]",
        );
        let sink = sink.resolve(Path::new("/q")).unwrap();
        assert_eq!((sink.queue.folder, sink.queue.limit_bytes), ("/x".into(), 4 << 20));
        assert!(!sink.datasets.contains(Dataset::Session));
    }

    #[test]
    fn keys_that_make_no_sense_are_refused_by_name() {
        for (text, named) in [
            ("name = \"a\"\ntype = \"sql\"", "sql"),
            ("name = \"A b\"\ntype = \"file\"\npath = \"/f\"", "name"),
            ("name = \"a\"\ntype = \"file\"\npath = \"/f\"\nurl = \"x\"", "url"),
            ("name = \"a\"\ntype = \"file\"\npath = \"/f\"\npaht = \"x\"", "paht"),
            ("name = \"a\"\ntype = \"file\"", "path"),
            ("name = \"a\"\ntype = \"syslog\"\nurl = \"h:1\"", "url"),
            ("name = \"a\"\ntype = \"syslog\"\nurl = \"udp://h\"\nfacility = \"x\"", "facility"),
            ("name = \"a\"\ntype = \"otlp\"\nurl = \"ftp://h\"", "url"),
            ("name = \"a\"\ntype = \"otlp\"\nurl = \"http://h\"\nsignals = []", "signals"),
            ("name = \"a\"\ntype = \"otlp\"\nurl = \"http://h\"\ndatasets = [\"x\"]", "datasets"),
            ("name = \"a\"\ntype = \"kafka\"\ntopic = \"t\"", "brokers"),
            ("name = \"a\"\ntype = \"otlp\"\nurl = \"http://h\"\nusername = \"u\"", "password"),
            (
                "name = \"a\"\ntype = \"otlp\"\nurl = \"http://h\"\nqueue_limit = \"1MiB\"",
                "queue_limit",
            ),
            (
                "name = \"a\"\ntype = \"otlp\"\nurl = \"http://h\"\ntoken = { env = \"NOT_SET_3\" }",
                "NOT_SET_3",
            ),
        ] {
            let error = refused(text);
            assert!(error.contains(named), "{named} in {error}");
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_and_is_in_no_message() {
        let path = env::temp_dir().join(format!("tlsight-secret-{}", std::process::id()));
        fs::write(&path, "hunter2\n").unwrap();
        let head = "name = \"a\"\ntype = \"elasticsearch\"\nurl = \"http://h\"\nusername = \"u\"\n";
        let table = table(&format!("{head}password = {{ file = {path:?} }}"));
        let sink = table.resolve(Path::new("/q")).unwrap();
        let Kind::Elastic(ElasticSettings { http, .. }) = sink.kind else { panic!() };
        let Auth::Basic { password, .. } = http.auth else { panic!() };
        assert_eq!(password.dangerous_text(), "hunter2");
        fs::write(&path, "hunter2\nhunter3\n").unwrap();
        let error = table.resolve(Path::new("/q")).err().unwrap();
        assert!(format!("{error:#} {error:?} {table:?}").contains("control"));
        assert!(!format!("{error:#} {error:?} {table:?}").contains("hunter"));
        fs::remove_file(path).unwrap();
        for wrong in
            ["\"hunter2\"", "{ value = \"hunter2\" }", "{ file = \"a\", env = \"hunter2\" }"]
        {
            let error = refused(&format!("{head}password = {wrong}"));
            assert!(error.contains("password: say where it is") && !error.contains("hunter2"));
        }
    }
}
