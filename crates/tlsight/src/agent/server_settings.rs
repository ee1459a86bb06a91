//! The settings of `[agent.server]`: which server is told what is seen, and how much singly.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use fleet::agent::{ServerAddress, UplinkSettings};
use fleet::{JoinToken, NotAToken, limits};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::config::{Size, parsed};

/// What one source of settings gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerLayer {
    /// Where servers are.
    pub(crate) address: Option<Vec<Address>>,
    /// What lets this agent in.
    pub(crate) enrol: Option<Enrol>,
    /// Folder for identity and spool.
    pub(crate) folder: Option<PathBuf>,
    /// Most bytes of the spool.
    pub(crate) spool: Option<Size>,
    /// One session of so many is sent singly; none if 0.
    pub(crate) sample: Option<u64>,
    /// What this agent is, such as its zone.
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// Settings with nothing left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    /// Where servers are; [`check`](Self::check) asks for one.
    pub(crate) addresses: Vec<ServerAddress>,
    /// What lets this agent in.
    pub(crate) enrol: Option<Enrol>,
    /// Folder for identity and spool, if it is not the usual one.
    pub(crate) folder: Option<PathBuf>,
    /// Most bytes of the spool.
    pub(crate) spool_bytes: u64,
    /// One session of so many is sent singly; none if 0.
    pub(crate) sample: u64,
    /// What this agent is, such as its zone.
    pub(crate) labels: BTreeMap<String, String>,
}

/// Where a server is: `HOST` or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) ServerAddress);

/// A token to join with, which is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Enrol(pub(crate) JoinToken);

/// `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label(pub(crate) String, pub(crate) String);

impl ServerLayer {
    /// This layer, and where it says nothing, `next`.
    pub(crate) fn or(self, next: Self) -> Self {
        Self {
            address: self.address.or(next.address),
            enrol: self.enrol.or(next.enrol),
            folder: self.folder.or(next.folder),
            spool: self.spool.or(next.spool),
            sample: self.sample.or(next.sample),
            labels: self.labels.or(next.labels),
        }
    }

    /// What the variables `TLSIGHT_AGENT_SERVER` and the like say.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(crate) fn from_environment(
        variable: &impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<Self> {
        let address = variable("TLSIGHT_AGENT_SERVER")?
            .map(|text| text.split(',').map(str::parse).collect::<Result<_, String>>())
            .transpose()
            .map_err(|error| anyhow::anyhow!("TLSIGHT_AGENT_SERVER: {error}"))?;
        // The token itself is not to be shown.
        let enrol = variable("TLSIGHT_AGENT_ENROL")?.map(|text| text.parse()).transpose();
        let labels = variable("TLSIGHT_AGENT_LABELS")?
            .map(|text| text.split(',').map(str::parse::<Label>).collect::<Result<Vec<_>, _>>())
            .transpose()
            .map_err(|error| anyhow::anyhow!("TLSIGHT_AGENT_LABELS: {error}"))?;
        Ok(Self {
            address,
            enrol: enrol.context("TLSIGHT_AGENT_ENROL")?,
            folder: variable("TLSIGHT_AGENT_FOLDER")?.map(PathBuf::from),
            spool: parsed(variable, "TLSIGHT_AGENT_SPOOL")?,
            sample: parsed(variable, "TLSIGHT_AGENT_SAMPLE")?,
            labels: labels.map(labelled),
        })
    }

    /// The settings, with the defaults where nothing was said; none if neither a server nor a token was named.
    pub(crate) fn with_defaults(self) -> Option<ServerSettings> {
        let addresses = self.address.unwrap_or_default();
        if addresses.is_empty() && self.enrol.is_none() {
            return None;
        }
        Some(ServerSettings {
            addresses: addresses.into_iter().map(|Address(address)| address).collect(),
            enrol: self.enrol,
            folder: self.folder,
            spool_bytes: self
                .spool
                .map_or(UplinkSettings::DEFAULT_SPOOL, |Size(bytes)| bytes as u64),
            sample: self.sample.unwrap_or(0),
            labels: self.labels.unwrap_or_default(),
        })
    }
}

impl ServerSettings {
    /// The folder that was named, or the usual one of who runs the program.
    ///
    /// # Errors
    /// None was named, and who runs the program has no home.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let absolute =
            |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        // The folder that systemd makes (StateDirectory=).
        if let Some(state) = absolute("STATE_DIRECTORY") {
            return Ok(state.join("agent"));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from(FOLDER_OF_ROOT));
        }
        match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
            (Some(state), _) => Ok(state.join("tlsight/agent")),
            (None, Some(home)) => Ok(home.join(".local/state/tlsight/agent")),
            (None, None) => bail!("say where to keep identity and spool: --folder DIR"),
        }
    }

    /// Refuses a token without a server, and labels that no server takes.
    ///
    /// # Errors
    /// There is no server, there are too many labels, or one is too long.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(!self.addresses.is_empty(), "a token (enrol) needs a server (address, --server)");
        let most = limits::MOST_LABELS;
        ensure!(self.labels.len() <= most, "at most {most} labels, not {}", self.labels.len());
        for text in self.labels.iter().flat_map(|(key, value)| [key, value]) {
            ensure!(text.len() <= limits::MOST_LABEL_LEN, "a label is too long: {text}");
        }
        Ok(())
    }
}

/// Labels by their keys.
pub(crate) fn labelled(labels: Vec<Label>) -> BTreeMap<String, String> {
    labels.into_iter().map(|Label(key, value)| (key, value)).collect()
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl FromStr for Enrol {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        text.parse().map(Self)
    }
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self(key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("{text:?} is not KEY=VALUE")),
        }
    }
}

impl fmt::Debug for Enrol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrol")
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Enrol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The part of the configuration file for the server of an agent.
pub(crate) const DEFAULT_TABLE: &str = r#"
[agent.server]
# Where the server is. With one, the agent writes no lines: it sends edges (group is 60s if nothing else is
# said) and, as sessions of their own, first sightings, failures and what breaks a policy of the server. Of
# several servers the next one is used when one fails.
# address = ["central.example:9471"]

# What lets this agent in, once: `tlsight serve` prints it. TLSIGHT_AGENT_ENROL can give it as well.
# enrol = "tlj1-..."

# The folder for its certificate, and for what waits until the server has it: $STATE_DIRECTORY/agent under
# systemd, /var/lib/tlsight/agent for root, else $XDG_STATE_HOME/tlsight/agent. When more waits than has room,
# the oldest goes and is counted.
# folder = "/var/lib/tlsight/agent"
spool = "256MiB"

# One session of so many is sent with all of its details as well; 0 is none.
sample = 0

# What this agent is, such as { zone = "eu-1" }.
labels = {}
"#;

/// As the Filesystem Hierarchy Standard (section 5.8) has it for the state of programs.
const FOLDER_OF_ROOT: &str = "/var/lib/tlsight/agent";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_there_is_no_server() {
        assert_eq!(ServerLayer::default().with_defaults(), None);
        let layer: ServerLayer = toml::from_str("spool = \"1GiB\"\naddress = []").unwrap();
        assert_eq!(layer.with_defaults(), None);
        let layer: ServerLayer = toml::from_str("address = [\"a\", \"b:1\"]\nsample = 10").unwrap();
        let settings = layer.with_defaults().unwrap();
        let addresses: Vec<_> = settings.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["a:9471", "b:1"]);
        assert_eq!((settings.spool_bytes, settings.sample), (256 << 20, 10));
    }

    #[test]
    fn the_environment_gives_lists_too_and_a_token_is_not_shown() {
        let of = |name: &'static str, value: &'static str| {
            ServerLayer::from_environment(&move |asked: &str| {
                Ok((asked == name).then(|| value.to_owned()))
            })
        };
        let layer = of("TLSIGHT_AGENT_SERVER", "a,b:2").unwrap();
        assert_eq!(layer.address.unwrap().len(), 2);
        let layer = of("TLSIGHT_AGENT_LABELS", "zone=eu-1, team = web").unwrap();
        assert_eq!(layer.labels.unwrap().get("team").map(String::as_str), Some("web"));
        assert!(of("TLSIGHT_AGENT_LABELS", "zone").is_err());
        let error = of("TLSIGHT_AGENT_ENROL", "tlj1-secret").unwrap_err();
        assert!(!format!("{error:#}").contains("secret"), "{error:#}");
    }

    #[test]
    fn a_token_needs_a_server() {
        let token = JoinToken::generate(fleet::Fingerprint([0; 32])).unwrap();
        let layer = ServerLayer { enrol: Some(Enrol(token)), ..ServerLayer::default() };
        let error = layer.with_defaults().unwrap().check().unwrap_err();
        assert!(error.to_string().contains("needs a server"), "{error}");
    }

    #[test]
    fn labels_have_bounds() {
        let mut settings =
            ServerLayer { address: Some(vec!["a".parse().unwrap()]), ..ServerLayer::default() }
                .with_defaults()
                .unwrap();
        assert!(settings.check().is_ok());
        settings.labels = (0..33).map(|number| (number.to_string(), String::new())).collect();
        assert!(settings.check().is_err());
        settings.labels = [("a".to_owned(), "x".repeat(257))].into();
        assert!(settings.check().is_err());
    }
}
