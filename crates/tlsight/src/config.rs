//! Settings from flags, the environment and a file, in this order.

use std::env;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use probe::CommandLines;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use session::Settings;

use crate::agent::server_settings;
use crate::agent::settings::{AgentLayer, AgentSettings, DEFAULT_TABLE};
use crate::kubernetes::{self, KubernetesSettings};
use crate::outlets;
use crate::outlets::settings::SinkTable;
use crate::serve::settings::{self as serve_settings, ServeLayer};

/// Settings that one source gives; those that it leaves out are left to the next source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    /// Whether events describe the certificates.
    pub(crate) send_certificates: Option<bool>,
    /// Whether events carry the certificates in PEM.
    pub(crate) include_raw_certificates: Option<bool>,
    /// Whether events have `tls.detailed`, and `x509` of the leaf.
    pub(crate) include_detailed_fields: Option<bool>,
    /// Digests of certificates.
    pub(crate) fingerprints: Option<Vec<Fingerprint>>,
    /// Bound of the memory for flows and sessions of all workers.
    pub(crate) memory: Option<Size>,
    /// Number of workers.
    pub(crate) workers: Option<NonZeroUsize>,
    /// Whether events have the command lines of processes.
    pub(crate) command_line: Option<bool>,
    /// Words in the names of arguments whose values are left out.
    pub(crate) redact: Option<Vec<String>>,
    /// Settings of the agent.
    #[serde(default)]
    pub(crate) agent: AgentLayer,
    /// Settings for Kubernetes.
    #[serde(default)]
    pub(crate) kubernetes: KubernetesSettings,
    /// Settings of the server.
    #[serde(default)]
    pub(crate) serve: ServeLayer,
    /// Where lines go besides.
    #[serde(default)]
    pub(crate) sinks: Vec<SinkTable>,
}

/// A digest of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fingerprint {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// An amount of bytes, written like `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// Settings with nothing left out.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Settings of the analysis; the memory is that of all workers.
    pub(crate) settings: Settings,
    /// Number of workers.
    pub(crate) workers: NonZeroUsize,
    /// What becomes of the command lines of processes.
    pub(crate) command_lines: CommandLines,
    /// Settings of the agent.
    pub(crate) agent: AgentSettings,
    /// Settings for Kubernetes.
    pub(crate) kubernetes: KubernetesSettings,
    /// Settings of the server.
    pub(crate) serve: ServeLayer,
    /// Where lines go besides.
    pub(crate) sinks: Vec<SinkTable>,
}

impl Config {
    /// Resolves the settings: flags, then `TLSIGHT_*`, then the file, then the defaults.
    ///
    /// # Errors
    /// The file cannot be read, or a source gives a key or value that makes no sense.
    pub(crate) fn resolve(flags: Layer, file: Option<&Path>) -> Result<Self> {
        let from_environment = Layer::from_environment(environment)?;
        let path = match file {
            Some(path) => Some(path.to_owned()),
            None => environment("TLSIGHT_CONFIG")?.map(PathBuf::from),
        };
        let file = path.as_deref().map(Layer::from_file).transpose()?.unwrap_or_default();
        Ok(flags.or(from_environment).or(file).with_defaults())
    }

    /// The settings of one of the workers: each has its part of the memory.
    pub(crate) fn settings_of_worker(&self) -> Settings {
        let memory_bytes = self.settings.memory_bytes / self.workers;
        Settings { memory_bytes, ..self.settings.clone() }
    }
}

impl Layer {
    fn or(self, next: Self) -> Self {
        Self {
            send_certificates: self.send_certificates.or(next.send_certificates),
            include_raw_certificates: self
                .include_raw_certificates
                .or(next.include_raw_certificates),
            include_detailed_fields: self.include_detailed_fields.or(next.include_detailed_fields),
            fingerprints: self.fingerprints.or(next.fingerprints),
            memory: self.memory.or(next.memory),
            workers: self.workers.or(next.workers),
            command_line: self.command_line.or(next.command_line),
            redact: self.redact.or(next.redact),
            agent: self.agent.or(next.agent),
            kubernetes: self.kubernetes.or(next.kubernetes),
            serve: self.serve.or(next.serve),
            sinks: if self.sinks.is_empty() { next.sinks } else { self.sinks },
        }
    }

    fn with_defaults(self) -> Config {
        let mut settings = Settings::default();
        let set = |field: &mut bool, value: Option<bool>| *field = value.unwrap_or(*field);
        set(&mut settings.send_certificates, self.send_certificates);
        set(&mut settings.include_raw_certificates, self.include_raw_certificates);
        set(&mut settings.include_detailed_fields, self.include_detailed_fields);
        if let Some(wanted) = self.fingerprints {
            settings.fingerprints.md5 = wanted.contains(&Fingerprint::Md5);
            settings.fingerprints.sha1 = wanted.contains(&Fingerprint::Sha1);
            settings.fingerprints.sha256 = wanted.contains(&Fingerprint::Sha256);
        }
        if let Some(Size(bytes)) = self.memory {
            settings.memory_bytes = bytes;
        }
        let command_lines = match (self.command_line, self.redact) {
            (Some(false), _) => CommandLines::Omitted,
            (_, Some(words)) => CommandLines::redacted(&words),
            (_, None) => CommandLines::default(),
        };
        let workers = self.workers.unwrap_or(NonZeroUsize::MIN);
        let (agent, kubernetes) = (self.agent.with_defaults(), self.kubernetes);
        let serve = self.serve.or(ServeLayer::usual());
        let sinks = self.sinks;
        Config { settings, workers, command_lines, agent, kubernetes, serve, sinks }
    }

    fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        toml::from_str(&text).with_context(|| {
            format!(
                "{} is not a valid configuration file; `tlsight config default` prints one",
                path.display()
            )
        })
    }

    /// Variables with other names are none of our business: Kubernetes sets `TLSIGHT_PORT` and
    /// the like for a service called `tlsight`.
    fn from_environment(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        Ok(Self {
            send_certificates: parsed(&variable, "TLSIGHT_SEND_CERTIFICATES")?,
            include_raw_certificates: parsed(&variable, "TLSIGHT_INCLUDE_RAW_CERTIFICATES")?,
            include_detailed_fields: parsed(&variable, "TLSIGHT_INCLUDE_DETAILED_FIELDS")?,
            fingerprints: variable("TLSIGHT_FINGERPRINTS")?
                .map(|text| fingerprints(&text))
                .transpose()
                .context("TLSIGHT_FINGERPRINTS")?,
            memory: parsed(&variable, "TLSIGHT_MEMORY")?,
            workers: parsed(&variable, "TLSIGHT_WORKERS")?,
            command_line: parsed(&variable, "TLSIGHT_COMMAND_LINE")?,
            redact: variable("TLSIGHT_REDACT")?
                .map(|text| text.split(',').map(|word| word.trim().to_owned()).collect()),
            agent: AgentLayer::from_environment(&variable)?,
            kubernetes: KubernetesSettings::from_environment(&variable)?,
            serve: ServeLayer::from_environment(&variable)?,
            // Tables of the file: too much for variables.
            sinks: Vec::new(),
        })
    }
}

/// A variable of the environment; one that is empty is as good as none, so that a file of a unit can take back
/// what the unit says.
///
/// # Errors
/// A value that is not UTF-8.
pub(crate) fn environment(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{name} is not UTF-8"),
    }
}

/// The value of a variable, if it is set.
///
/// # Errors
/// A value that makes no sense.
pub(crate) fn parsed<T: FromStr>(
    variable: impl Fn(&str) -> Result<Option<String>>,
    name: &str,
) -> Result<Option<T>>
where
    T::Err: fmt::Display,
{
    match variable(name)? {
        None => Ok(None),
        Some(text) => match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => bail!("{name}={text}: {error}"),
        },
    }
}

fn fingerprints(text: &str) -> Result<Vec<Fingerprint>> {
    text.split(',')
        .map(|name| match name.trim() {
            "md5" => Ok(Fingerprint::Md5),
            "sha1" => Ok(Fingerprint::Sha1),
            "sha256" => Ok(Fingerprint::Sha256),
            other => bail!("unknown digest {other:?}: md5, sha1 and sha256 are known"),
        })
        .collect()
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kib" => 10,
            "m" | "mib" => 20,
            "g" | "gib" => 30,
            _ => return Err(format!("unknown unit {unit:?}: KiB, MiB and GiB are known")),
        };
        let bytes = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_mul(1 << shift))
            .ok_or_else(|| format!("not an amount of bytes: {text:?}"))?;
        if bytes < LEAST_MEMORY {
            return Err(format!("{text} is too little: at least 1MiB is needed"));
        }
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The configuration file with its defaults, as `tlsight config default` prints it.
pub(crate) fn default_file() -> String {
    let tables = [
        DEFAULT_TABLE,
        server_settings::DEFAULT_TABLE,
        kubernetes::DEFAULT_TABLE,
        serve_settings::DEFAULT_TABLE,
        outlets::settings::DEFAULT_TABLE,
    ];
    format!("{DEFAULT_FILE}{}", tables.concat())
}

const DEFAULT_FILE: &str = r#"# Settings of tlsight. Flags win over TLSIGHT_* variables (TLSIGHT_SEND_CERTIFICATES and so on),
# and those win over this file. Every value here is the default.

# Whether events describe the certificates: tls.server.x509, tls.detailed.server_certificate_chain
# and the same of the client.
send_certificates = true

# Whether events carry the certificates themselves, in PEM: tls.server.certificate_chain and
# tls.client.certificate_chain.
include_raw_certificates = false

# Whether events have tls.detailed (the hellos with their extensions, the chains and the alerts)
# and x509 of the leaf.
include_detailed_fields = true

# Digests of the certificates, in tls.server.hash and tls.client.hash: any of "md5", "sha1" and
# "sha256".
fingerprints = ["sha1"]

# Most memory for flows and sessions, of all workers together. What has to be dropped to stay below
# it is counted and reported.
memory = "512MiB"

# Number of workers. With one, sessions come in the order of their last packet; with more, in no
# certain order.
workers = 1

# Whether events of sockets have the command lines of processes (process.command_line).
command_line = true

# In command lines, the values of arguments whose name has one of these words in it are replaced by
# ***, and so are user and password of URLs.
redact = [
    "password", "passwd", "passphrase", "secret", "token", "api-key", "apikey", "access-key",
    "private-key", "credential", "authorization", "cookie",
]
"#;

/// Less would not hold one flow with a long certificate chain for each of a few clients.
const LEAST_MEMORY: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: Layer, environment: &[(&str, &str)], file: &str) -> Result<Config> {
        let environment = Layer::from_environment(|name| {
            Ok(environment.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
        })?;
        Ok(flags.or(environment).or(toml::from_str(file)?).with_defaults())
    }

    #[test]
    fn the_default_file_holds_the_defaults() {
        let file: Layer = toml::from_str(&default_file()).unwrap();
        assert!(file.send_certificates.is_some() && file.workers.is_some());
        let (from_file, defaults) = (file.with_defaults(), Layer::default().with_defaults());
        assert_eq!(format!("{from_file:?}"), format!("{defaults:?}"));
        assert_eq!(defaults.settings.memory_bytes, 512 << 20);
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let flags = Layer { send_certificates: Some(true), ..Layer::default() };
        let environment = [
            ("TLSIGHT_SEND_CERTIFICATES", "false"),
            ("TLSIGHT_INCLUDE_RAW_CERTIFICATES", "true"),
            ("TLSIGHT_MEMORY", "2GiB"),
        ];
        let file = "send_certificates = false\ninclude_raw_certificates = false\n\
            include_detailed_fields = false\nfingerprints = [\"sha256\", \"md5\"]\nworkers = 3";
        let config = resolve(flags, &environment, file).unwrap();
        assert!(config.settings.send_certificates);
        assert!(config.settings.include_raw_certificates);
        assert!(!config.settings.include_detailed_fields);
        let digests = &config.settings.fingerprints;
        assert!(digests.sha256 && digests.md5 && !digests.sha1);
        assert_eq!(config.settings.memory_bytes, 2 << 30);
        assert_eq!(config.workers.get(), 3);
    }

    #[test]
    fn unknown_keys_and_values_are_refused_by_name() {
        for (environment, file, named) in [
            (&[][..], "send_certificate = true", "send_certificate"),
            (&[], "fingerprints = [\"sha512\"]", "sha512"),
            (&[], "workers = 0", "workers"),
            (&[("TLSIGHT_FINGERPRINTS", "sha1,crc32")], "", "crc32"),
            (&[("TLSIGHT_SEND_CERTIFICATES", "yes")], "", "TLSIGHT_SEND_CERTIFICATES=yes"),
        ] {
            let error = format!("{:#}", resolve(Layer::default(), environment, file).unwrap_err());
            assert!(error.contains(named), "{named} in {error}");
        }
    }

    #[test]
    fn other_variables_are_left_alone() {
        assert!(resolve(Layer::default(), &[("TLSIGHT_PORT", "tcp://10.0.0.1:80")], "").is_ok());
    }

    #[test]
    fn amounts_of_memory_have_units() {
        let size = |text: &str| text.parse::<Size>().map(|Size(bytes)| bytes);
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("2 g"), Ok(2 << 30));
        assert_eq!(size("1048576"), Ok(1 << 20));
        for wrong in ["", "MiB", "1TB", "-1M", "1KiB", "99999999999999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn workers_share_the_memory() {
        let layer = Layer { workers: NonZeroUsize::new(4), ..Layer::default() };
        assert_eq!(layer.with_defaults().settings_of_worker().memory_bytes, 128 << 20);
    }
}
