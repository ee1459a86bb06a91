//! The settings of `[serve]`: where the server listens, and where it keeps what it knows.

use std::convert::Infallible;
use std::env;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use store::ClickHouseUrl;

use crate::agent::settings::Listen;
use crate::config::{Size, parsed};

/// What one source of settings gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServeLayer {
    /// Where the server listens.
    pub(crate) listen: Option<Listen>,
    /// Where it listens for agents.
    pub(crate) agents: Option<AgentsListen>,
    /// The folder of the store.
    pub(crate) data: Option<PathBuf>,
    /// The database of sessions.
    pub(crate) store: Option<StoreUrl>,
    /// The key of servers that share the database.
    pub(crate) control_key: Option<PathBuf>,
    /// Chain of the certificate.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Its private key.
    pub(crate) tls_key: Option<PathBuf>,
    /// Names for the certificate that is made.
    pub(crate) names: Option<Vec<String>>,
    /// Days that sessions are kept for.
    pub(crate) retention_days: Option<u32>,
    /// Most that the store may take.
    pub(crate) max_store: Option<Size>,
}

/// Settings with nothing left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServeSettings {
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// Where it listens for agents, if that was said.
    pub(crate) agents: Option<AgentsListen>,
    /// The folder of the store, if one was named.
    pub(crate) data: Option<PathBuf>,
    /// The database of sessions; a file in the folder if absent.
    pub(crate) store: Option<ClickHouseUrl>,
    /// The key of servers that share the database, if it was named.
    pub(crate) control_key: Option<PathBuf>,
    /// Files of the certificate and its key, if they were named.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Names for the certificate that is made, beside those of this machine.
    pub(crate) names: Vec<String>,
    /// Days that sessions are kept for, if that was said.
    pub(crate) retention_days: Option<u32>,
    /// Most that the store may take in bytes, if that was said.
    pub(crate) max_store: Option<u64>,
}

/// Where a server listens for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum AgentsListen {
    /// Nowhere.
    Off,
    /// At this address.
    At(SocketAddr),
}

impl FromStr for AgentsListen {
    type Err = <Listen as FromStr>::Err;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(|Listen(address)| Self::At(address))
    }
}

impl TryFrom<String> for AgentsListen {
    type Error = <Listen as FromStr>::Err;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        text.parse()
    }
}

/// The URL of a database as it was given: with a password, and therefore in no message.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoreUrl(String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl")
    }
}

impl StoreUrl {
    /// The database that it names.
    ///
    /// # Errors
    /// It names none.
    pub(crate) fn url(&self) -> std::result::Result<ClickHouseUrl, store::NotAClickHouseUrl> {
        self.0.parse()
    }
}

impl FromStr for StoreUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl ServeLayer {
    /// This layer, and where it says nothing, `next`.
    pub(crate) fn or(self, next: Self) -> Self {
        Self {
            listen: self.listen.or(next.listen),
            agents: self.agents.or(next.agents),
            data: self.data.or(next.data),
            store: self.store.or(next.store),
            control_key: self.control_key.or(next.control_key),
            tls_certificate: self.tls_certificate.or(next.tls_certificate),
            tls_key: self.tls_key.or(next.tls_key),
            names: self.names.or(next.names),
            retention_days: self.retention_days.or(next.retention_days),
            max_store: self.max_store.or(next.max_store),
        }
    }

    /// What is so if nothing is said.
    pub(crate) fn usual() -> Self {
        let listen = Some(Listen(DEFAULT_LISTEN));
        Self { listen, names: Some(Vec::new()), ..Self::default() }
    }

    /// What the variables `TLSIGHT_SERVE_*` say.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(crate) fn from_environment(
        variable: &impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<Self> {
        let names = variable("TLSIGHT_SERVE_NAMES")?;
        Ok(Self {
            listen: parsed(variable, "TLSIGHT_SERVE_LISTEN")?,
            agents: parsed(variable, "TLSIGHT_SERVE_AGENTS")?,
            data: variable("TLSIGHT_SERVE_DATA")?.map(PathBuf::from),
            store: variable("TLSIGHT_SERVE_STORE")?.map(StoreUrl),
            control_key: variable("TLSIGHT_SERVE_CONTROL_KEY")?.map(PathBuf::from),
            tls_certificate: variable("TLSIGHT_SERVE_TLS_CERTIFICATE")?.map(PathBuf::from),
            tls_key: variable("TLSIGHT_SERVE_TLS_KEY")?.map(PathBuf::from),
            names: names.map(|names| names.split(',').map(|it| it.trim().to_owned()).collect()),
            retention_days: parsed(variable, "TLSIGHT_SERVE_RETENTION_DAYS")?,
            max_store: parsed(variable, "TLSIGHT_SERVE_MAX_STORE")?,
        })
    }

    /// The settings, with the defaults where nothing was said.
    ///
    /// # Errors
    /// A certificate without its key, or a key without its certificate; a store that is none.
    pub(crate) fn with_defaults(self) -> Result<ServeSettings> {
        let certificate = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => bail!("the certificate (tls_certificate) needs its key (tls_key)"),
            (None, Some(_)) => bail!("the key (tls_key) needs its certificate (tls_certificate)"),
        };
        let store = self.store.as_ref().map(StoreUrl::url).transpose();
        let store = store.context("store")?;
        if self.retention_days == Some(0) {
            bail!("retention_days: at least 1");
        }
        Ok(ServeSettings {
            listen: self.listen.map_or(DEFAULT_LISTEN, |Listen(address)| address),
            agents: self.agents,
            data: self.data,
            store,
            control_key: self.control_key,
            certificate,
            names: self.names.unwrap_or_default(),
            retention_days: self.retention_days,
            max_store: self.max_store.map(|Size(bytes)| bytes as u64),
        })
    }
}

impl ServeSettings {
    /// Where agents connect: as was said, or else at the address of the pages and the port behind theirs.
    pub(crate) const fn agents_or_usual(&self) -> Option<SocketAddr> {
        match self.agents {
            Some(AgentsListen::At(address)) => Some(address),
            Some(AgentsListen::Off) => None,
            None => {
                let (ip, port) = (self.listen.ip(), self.listen.port());
                // Port 0 is any that is free.
                let port = if port == 0 { 0 } else { port.wrapping_add(1) };
                Some(SocketAddr::new(ip, port))
            }
        }
    }

    /// The part of the folder that is of the fleet.
    ///
    /// # Errors
    /// See [`ServeSettings::folder`].
    pub(crate) fn fleet_folder(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join(FLEET_FOLDER))
    }

    /// The folder of the store: the one that was named, or the usual one of who runs the program.
    ///
    /// # Errors
    /// None was named, and who runs the program has no home.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.data {
            return Ok(folder.clone());
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from(FOLDER_OF_ROOT));
        }
        let absolute =
            |name: &str| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
        match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
            (Some(state), _) => Ok(state.join("tlsight")),
            (None, Some(home)) => Ok(home.join(".local/state/tlsight")),
            (None, None) => bail!("say where to keep the store: --data DIR"),
        }
    }
}

/// The settings of `[serve]` with their defaults, as `tlsight config default` prints them.
pub(crate) const DEFAULT_TABLE: &str = r#"
[serve]
# Where the server listens; a port alone is one of 127.0.0.1. Say 0.0.0.0:9470 to let other machines in.
listen = "127.0.0.1:9470"

# Where it listens for agents of other machines: that address and the port behind it (9471) for
# `tlsight serve`, nowhere for `tlsight up`. "off" is nowhere.
# agents = "0.0.0.0:9471"

# The folder of the store: /var/lib/tlsight for root, else $XDG_STATE_HOME/tlsight.
# data = "/var/lib/tlsight"

# A ClickHouse database for the sessions, instead of a file in that folder. Servers over one database share
# what people decide as well. It may have a password, which TLSIGHT_SERVE_STORE can give as well.
# store = "clickhouse://user:password@clickhouse.example:8123/tlsight"

# The key under which what people decide is sealed there, the same for all servers: control.key in the
# folder of the data, which the first server makes.
# control_key = "/etc/tlsight/control.key"

# Certificate (with its chain) and key in PEM. Without them the server makes a certificate of its own.
# tls_certificate = "/etc/tlsight/server.pem"
# tls_key = "/etc/tlsight/server.key"

# Names and addresses for the certificate that it makes, beside those of this machine.
names = []

# Days that sessions are kept for, and the most that the store may take: these two are for the first
# start, and then set in the web UI. A database has no limit of its own.
# retention_days = 30
# max_store = "10GiB"
"#;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9470);

/// The folder of the authority and of tokens, within that of the store.
pub(crate) const FLEET_FOLDER: &str = "fleet";

/// As the Filesystem Hierarchy Standard (section 5.8) has it for the state of programs.
const FOLDER_OF_ROOT: &str = "/var/lib/tlsight";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_let_in_unless_said_otherwise() {
        let settings = ServeLayer::default().with_defaults().unwrap();
        assert!(settings.listen.ip().is_loopback());
        let listen = Some("0.0.0.0:443".parse().unwrap());
        let settings = ServeLayer { listen, ..ServeLayer::default() }.with_defaults().unwrap();
        assert!(settings.listen.ip().is_unspecified());
    }

    #[test]
    fn agents_connect_beside_the_pages_unless_said_otherwise() {
        let settings = |listen: &str, agents: Option<&str>| {
            let listen = Some(listen.parse().unwrap());
            let agents = agents.map(|agents| agents.parse().unwrap());
            let layer = ServeLayer { listen, agents, ..ServeLayer::default() };
            layer.with_defaults().unwrap().agents_or_usual().map(|it| it.to_string())
        };
        assert_eq!(settings("0.0.0.0:443", None).as_deref(), Some("0.0.0.0:444"));
        assert_eq!(settings("127.0.0.1:0", None).as_deref(), Some("127.0.0.1:0"));
        assert_eq!(settings("0.0.0.0:443", Some("off")), None);
        assert_eq!(settings("443", Some("[::]:7")).as_deref(), Some("[::]:7"));
    }

    #[test]
    fn a_store_that_is_none_is_told_without_its_password() {
        let layer = |url: &str| ServeLayer { store: url.parse().ok(), ..ServeLayer::default() };
        let settings = layer("clickhouse://me:secret@h/d").with_defaults().unwrap();
        assert_eq!(settings.store.as_ref().unwrap().to_string(), "clickhouse://h:8123/d");
        let wrong = layer("postgres://me:secret@h/d");
        let error = wrong.clone().with_defaults().unwrap_err();
        let told = format!("{error:#} {error:?} {settings:?} {wrong:?}");
        assert!(told.contains("clickhouse://[USER[:PASSWORD]@]HOST") && !told.contains("secret"));
    }

    #[test]
    fn a_certificate_needs_its_key() {
        for (certificate, key) in [(Some("a"), None), (None, Some("b"))] {
            let layer = ServeLayer {
                tls_certificate: certificate.map(PathBuf::from),
                tls_key: key.map(PathBuf::from),
                ..ServeLayer::default()
            };
            assert!(layer.with_defaults().unwrap_err().to_string().contains("needs its"));
        }
    }
}
