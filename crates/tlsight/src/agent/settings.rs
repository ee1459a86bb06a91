//! The settings of `[agent]`: where lines go and what becomes of old ones.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use sinks::Rotation;

use super::server_settings::{ServerLayer, ServerSettings};
use crate::config::{Size, parsed};

/// What one source of settings gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentLayer {
    /// The file that lines go to.
    pub(crate) output: Option<PathBuf>,
    /// Size with which a file is full.
    pub(crate) rotate_size: Option<Size>,
    /// Age with which a file is old.
    pub(crate) rotate_age: Option<Interval>,
    /// How many old files are kept.
    pub(crate) keep: Option<usize>,
    /// Whether old files are compressed.
    pub(crate) compress: Option<bool>,
    /// Interval of the lines of edges.
    pub(crate) group: Option<Interval>,
    /// Where metrics are served.
    pub(crate) metrics: Option<Listen>,
    /// The server that is told what is seen.
    #[serde(default)]
    pub(crate) server: ServerLayer,
}

/// Settings with nothing left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentSettings {
    /// Where lines go.
    pub(crate) output: OutputSettings,
    /// Interval of the lines of edges; none if each session has a line of its own.
    pub(crate) group: Option<Interval>,
    /// Where metrics are served, if they are.
    pub(crate) metrics: Option<Listen>,
    /// The server that is told what is seen, in place of the output.
    pub(crate) server: Option<ServerSettings>,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputSettings {
    /// A file, or standard output.
    pub(crate) path: Option<PathBuf>,
    /// What becomes of files that are full or old.
    pub(crate) rotation: Rotation,
}

/// A span of time in seconds, written like `60s`, `5m`, `1h` or `1d`; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Interval(u64);

/// An address and port to listen at: `9469` and `:9469` are ports of 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

impl AgentLayer {
    /// This layer, and where it says nothing, `next`.
    pub(crate) fn or(self, next: Self) -> Self {
        Self {
            output: self.output.or(next.output),
            rotate_size: self.rotate_size.or(next.rotate_size),
            rotate_age: self.rotate_age.or(next.rotate_age),
            keep: self.keep.or(next.keep),
            compress: self.compress.or(next.compress),
            group: self.group.or(next.group),
            metrics: self.metrics.or(next.metrics),
            server: self.server.or(next.server),
        }
    }

    /// What the variables `TLSIGHT_AGENT_*` say.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(crate) fn from_environment(
        variable: &impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<Self> {
        Ok(Self {
            output: variable("TLSIGHT_AGENT_OUTPUT")?.map(PathBuf::from),
            rotate_size: parsed(variable, "TLSIGHT_AGENT_ROTATE_SIZE")?,
            rotate_age: parsed(variable, "TLSIGHT_AGENT_ROTATE_AGE")?,
            keep: parsed(variable, "TLSIGHT_AGENT_KEEP")?,
            compress: parsed(variable, "TLSIGHT_AGENT_COMPRESS")?,
            group: parsed(variable, "TLSIGHT_AGENT_GROUP")?,
            metrics: parsed(variable, "TLSIGHT_AGENT_METRICS")?,
            server: ServerLayer::from_environment(variable)?,
        })
    }

    /// The settings, with the defaults where nothing was said.
    pub(crate) fn with_defaults(self) -> AgentSettings {
        let rotation = rotation(self.rotate_size, self.rotate_age, self.keep, self.compress);
        let server = self.server.with_defaults();
        AgentSettings {
            output: OutputSettings { path: self.output, rotation },
            group: self.group.or(server.is_some().then_some(DEFAULT_GROUP)),
            metrics: self.metrics,
            server,
        }
    }
}

/// What becomes of files, with the defaults where nothing was said.
pub(crate) fn rotation(
    size: Option<Size>,
    age: Option<Interval>,
    keep: Option<usize>,
    compress: Option<bool>,
) -> Rotation {
    Rotation {
        size: size.map_or(DEFAULT_SIZE, |Size(bytes)| bytes as u64),
        age: age.unwrap_or(DEFAULT_AGE).duration(),
        keep: keep.unwrap_or(DEFAULT_KEEP).min(MAX_KEEP),
        compress: compress.unwrap_or(false),
    }
}

impl Interval {
    /// A minute.
    pub(crate) const MINUTE: Self = Self(60);

    /// In seconds.
    pub(crate) const fn seconds(self) -> u64 {
        self.0
    }

    /// As a duration.
    pub(crate) const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let seconds = match unit.trim() {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(format!("unknown unit {unit:?}: s, m, h and d are known")),
        };
        let product = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
        match product {
            Some(1..=LONGEST_SECONDS) => Ok(Self(product.unwrap_or(1))),
            _ => Err(format!("not a span of time from 1s to 365d: {text:?}")),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse() {
            return Ok(Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        let address = text.strip_prefix("localhost").map(|port| format!("127.0.0.1{port}"));
        address.as_deref().unwrap_or(text).parse().map(Self).map_err(|error| {
            format!("{text:?} is neither a port nor an address with a port, such as 9469: {error}")
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The part of the configuration file for the agent.
pub(crate) const DEFAULT_TABLE: &str = r#"
[agent]
# The file that lines go to; without it, standard output.
# output = "/var/log/tlsight/sessions.ndjson"

# A file that is as large or as old as this is renamed, with the time behind its name, and a new one
# begun. So many old files are kept, and compressed by gzip if that is wanted.
rotate_size = "100MiB"
rotate_age = "1d"
keep = 7
compress = false

# Without it each session has a line. With it, alike sessions are counted and have one line in each
# interval: those with the same client, server, port and posture.
# group = "60s"

# Where metrics (/metrics) and health (/healthz) are served; a port alone is one of 127.0.0.1.
# metrics = "9469"
"#;

/// About a day of a busy host.
const DEFAULT_SIZE: u64 = 100 << 20;

const DEFAULT_AGE: Interval = Interval(86_400);

/// Of an agent with a server.
const DEFAULT_GROUP: Interval = Interval(60);

/// A week.
const DEFAULT_KEEP: usize = 7;

/// All of them are listed with each rotation.
const MAX_KEEP: usize = 10_000;

const LONGEST_SECONDS: u64 = 365 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_units() {
        let seconds = |text: &str| text.parse().map(Interval::seconds);
        for (text, expected) in
            [("60s", 60), ("60", 60), ("5 m", 300), ("2h", 7200), ("1d", 86_400)]
        {
            assert_eq!(seconds(text), Ok(expected));
        }
        for wrong in ["", "0", "0s", "-1s", "1w", "366d", "99999999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_are_for_this_host_unless_an_address_is_given() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| listen.to_string());
        assert_eq!(listen("9469").as_deref(), Ok("127.0.0.1:9469"));
        assert_eq!(listen(":9469").as_deref(), Ok("127.0.0.1:9469"));
        assert_eq!(listen("localhost:1").as_deref(), Ok("127.0.0.1:1"));
        assert_eq!(listen("0.0.0.0:9469").as_deref(), Ok("0.0.0.0:9469"));
        assert_eq!(listen("[::1]:9469").as_deref(), Ok("[::1]:9469"));
        assert!(listen("example.com").is_err() && listen("70000").is_err());
    }

    #[test]
    fn for_a_server_sessions_are_grouped_unless_said_otherwise() {
        let server = ServerLayer {
            address: Some(vec!["central".parse().unwrap()]),
            ..ServerLayer::default()
        };
        let layer = AgentLayer { server, ..AgentLayer::default() };
        assert_eq!(layer.clone().with_defaults().group.map(Interval::seconds), Some(60));
        let layer = AgentLayer { group: Some(Interval(10)), ..layer };
        assert_eq!(layer.with_defaults().group.map(Interval::seconds), Some(10));
    }

    #[test]
    fn the_first_source_that_says_something_counts() {
        let first = AgentLayer { keep: Some(1), ..AgentLayer::default() };
        let next = AgentLayer { keep: Some(2), compress: Some(true), ..AgentLayer::default() };
        let settings = first.or(next).with_defaults();
        let rotation = settings.output.rotation;
        assert_eq!((rotation.keep, rotation.compress), (1, true));
        assert_eq!((rotation.size, settings.group), (100 << 20, None));
    }
}
