//! The command line of `serve` and `up`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{AgentArgs, AnalysisArgs, FilterArgs, LinesArgs, PlaceArgs, UplinkArgs};
use crate::agent::settings::Listen;
use crate::serve::settings::{ServeLayer, StoreUrl};

#[derive(Debug, Args)]
#[command(after_help = UP_HELP)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Show samples in place of this machine, from a store that is gone at the end
    #[arg(long, conflicts_with_all = ["data", "interface", "cgroup"])]
    pub(crate) demo: bool,

    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Configuration file (TOML); `tlsight config default` prints one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Where the server listens, and where it keeps what it knows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Where to listen; a port alone is one of 127.0.0.1 [default: 127.0.0.1:9470]
    #[arg(short, long, value_name = "ADDR")]
    listen: Option<Listen>,

    /// Folder of the store [default: /var/lib/tlsight for root, else $XDG_STATE_HOME/tlsight]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// ClickHouse database for the sessions [default: a file in that folder]
    ///
    /// clickhouse://USER:PASSWORD@HOST:8123/DATABASE, or clickhouses:// for HTTPS. Others can see the
    /// arguments of a program: TLSIGHT_SERVE_STORE and a file of settings are better places for a password.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,

    /// Certificate with its chain, in PEM [default: the server makes one]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Names and addresses for the certificate that the server makes
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "tls_cert")]
    name: Vec<String>,
}

impl ServerArgs {
    /// The settings that flags give.
    pub(crate) fn layer(&self) -> ServeLayer {
        ServeLayer {
            listen: self.listen,
            data: self.data.clone(),
            store: self.store.clone(),
            tls_certificate: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            names: (!self.name.is_empty()).then(|| self.name.clone()),
            retention_days: None,
            max_store: None,
        }
    }
}

impl UpArgs {
    /// What the agent of the same process is to do.
    pub(crate) fn agent(self) -> AgentArgs {
        AgentArgs {
            place: self.place,
            lines: LinesArgs::default(),
            uplink: UplinkArgs::default(),
            filter: FilterArgs::default(),
            analysis: self.analysis,
        }
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.analysis.config.as_deref()
    }
}

const UP_HELP: &str = "\
Watches the sockets of this host as `tlsight agent` does and serves https://127.0.0.1:9470/, where the
first user is made with the token that it prints. What this machine does not let it watch is said, and
the rest goes on; `tlsight doctor` tells more. --demo needs no privileges.

It runs until SIGTERM or Ctrl-C. SIGHUP has it read its settings and its certificate anew.";

const SERVE_HELP: &str = "\
Takes what `tlsight read --json`, `watch` and `agent` write at /api/v1/import, with an API token of an
operator:

  tlsight read --json FILE | curl --data-binary @- -H 'Authorization: Bearer tlsight_...' \
    -H 'Content-Type: application/x-ndjson' https://HOST:9470/api/v1/import

The API describes itself at /openapi.json. Only this machine is let in unless --listen says otherwise.
Runs until SIGTERM or Ctrl-C; SIGHUP has it read its certificate anew.";
