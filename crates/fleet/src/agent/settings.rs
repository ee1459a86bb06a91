//! How an agent finds its server, and what it says of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::token::JoinToken;
use crate::{DEFAULT_PORT, limits};

/// Settings of an [`Uplink`](super::Uplink).
#[derive(Clone)]
pub struct UplinkSettings {
    /// Servers of one fleet. The first one that works is used, and the next one when it does not any more.
    pub servers: Vec<ServerAddress>,
    /// Folder for the identity, the spool, and what the server has sent. It is made if it is not there.
    pub folder: PathBuf,
    /// Most bytes of the spool; at least [`UplinkSettings::LEAST_SPOOL`] count.
    pub spool_bytes: u64,
    /// What lets this agent in if it has no certificate, or one that the token before this one was for.
    pub token: Option<JoinToken>,
    /// What the agent says of itself.
    pub about: About,
    /// How many sessions a line stands for.
    pub weigh: fn(&[u8]) -> u64,
    /// How long lines wait for others to be sent with.
    pub flush_after: Duration,
    /// Shortest and longest wait between attempts to connect.
    pub retry: (Duration, Duration),
    /// How long it waits after the server has refused it.
    pub refused_retry: Duration,
    /// How long the server may leave something unanswered.
    pub patience: Duration,
    /// How often it tells its status.
    pub status_every: Duration,
    /// How often it asks whether the connection is there.
    pub ping_every: Duration,
}

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Name of its host.
    pub host: String,
    /// Version of its program.
    pub version: String,
    /// How much it can see, in a word.
    pub capability: String,
    /// What it lacks to see more.
    pub missing: Vec<String>,
    /// What it was told it is.
    pub labels: BTreeMap<String, String>,
}

/// Where a server is: `HOST`, `HOST:PORT`, or `[ADDRESS]:PORT` for one of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl UplinkSettings {
    /// The smallest spool: some batches of the longest kind in each of its files.
    pub const LEAST_SPOOL: u64 = 32 << 20;

    /// The spool that an agent has by default: an hour or more of a busy host's edges.
    pub const DEFAULT_SPOOL: u64 = 256 << 20;

    /// The default settings for these servers.
    #[must_use]
    pub fn new(servers: Vec<ServerAddress>, folder: PathBuf, weigh: fn(&[u8]) -> u64) -> Self {
        Self {
            servers,
            folder,
            spool_bytes: Self::DEFAULT_SPOOL,
            token: None,
            about: About::default(),
            weigh,
            flush_after: Duration::from_millis(500),
            retry: (Duration::from_millis(500), Duration::from_secs(60)),
            refused_retry: Duration::from_secs(600),
            patience: Duration::from_secs(60),
            status_every: limits::STATUS_EVERY,
            ping_every: limits::PING_EVERY,
        }
    }
}

impl fmt::Debug for UplinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, folder, .. } = self;
        let mut settings = f.debug_struct("UplinkSettings");
        settings.field("servers", servers).field("folder", folder).finish_non_exhaustive()
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let port = |port: &str| match port.parse() {
            Ok(0) | Err(_) => Err(format!("{port:?} is not a port")),
            Ok(port) => Ok(port),
        };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(|| format!("no `]` in {text:?}"))?;
            match rest.strip_prefix(':') {
                Some(told) => (host, port(told)?),
                None if rest.is_empty() => (host, DEFAULT_PORT),
                None => return Err(format!("{rest:?} behind the address is not a port")),
            }
        } else {
            match text.split_once(':') {
                // An address of IPv6 without brackets.
                Some((_, rest)) if rest.contains(':') => (text, DEFAULT_PORT),
                Some((host, told)) => (host, port(told)?),
                None => (text, DEFAULT_PORT),
            }
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
        if host.is_empty() || host.len() > MOST_HOST_LEN || !host.chars().all(is_plain) {
            return Err(format!("{host:?} is neither a name nor an address"));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Longest name in the DNS (RFC 1035 section 2.3.4).
const MOST_HOST_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_port_of_its_own_or_the_usual_one() {
        for (text, shown) in [
            ("central", "central:9471"),
            ("central.example:1", "central.example:1"),
            ("192.0.2.1:9000", "192.0.2.1:9000"),
            ("[2001:db8::1]:9000", "[2001:db8::1]:9000"),
            ("[2001:db8::1]", "[2001:db8::1]:9471"),
            ("2001:db8::1", "[2001:db8::1]:9471"),
        ] {
            let address = text.parse::<ServerAddress>().map(|address| address.to_string());
            assert_eq!(address.as_deref(), Ok(shown), "{text}");
        }
        for wrong in ["", ":1", "a:0", "a:b", "a:65536", "[::1", "[::1]x", "a b", "https://a"] {
            assert!(wrong.parse::<ServerAddress>().is_err(), "{wrong}");
        }
    }
}
