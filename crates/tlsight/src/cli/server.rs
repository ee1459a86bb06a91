//! The command line of `serve` and `up`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{AgentArgs, AnalysisArgs, FilterArgs, LinesArgs, PlaceArgs, UplinkArgs};
use crate::agent::settings::{Interval, Listen};
use crate::serve::settings::{AgentsListen, ServeLayer, StoreUrl};

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
#[command(after_help = SERVE_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ServeCommand>,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Configuration file (TOML); `tlsight config default` prints one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// Print the line by which machines join, with a new token; the server may run meanwhile
    Token(ServeTokenArgs),
}

/// What a token is to be good for.
#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct ServeTokenArgs {
    /// Labels of the agents that join by it, such as cluster=prod,tenant=blue
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,

    /// How many machines may join by it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) uses: u32,

    /// After which time nobody may
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) expires: Interval,

    /// How the machines reach the server, if not by the name of this one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,

    /// Print only the token
    #[arg(long)]
    pub(crate) bare: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Configuration file (TOML) of the server
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

fn label(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("a label is NAME=VALUE"),
    }
}

/// Where the server listens, and where it keeps what it knows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Where to listen; a port alone is one of 127.0.0.1 [default: 127.0.0.1:9470]
    #[arg(short, long, value_name = "ADDR")]
    listen: Option<Listen>,

    /// Where to listen for agents of other machines, or `off` [default: for `serve` that address and the
    /// port behind it, for `up` off]
    #[arg(long, value_name = "ADDR")]
    agents: Option<AgentsListen>,

    /// Folder of the store [default: /var/lib/tlsight for root, else $XDG_STATE_HOME/tlsight]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// ClickHouse database for the sessions [default: a file in that folder]
    ///
    /// Servers over one database share what people decide as well, under one key (--control-key).
    ///
    /// clickhouse://USER:PASSWORD@HOST:8123/DATABASE, or clickhouses:// for HTTPS. Others can see the
    /// arguments of a program: TLSIGHT_SERVE_STORE and a file of settings are better places for a password.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,

    /// Key of the servers that share the database [default: control.key in the folder, which the first one makes]
    #[arg(long, value_name = "FILE")]
    control_key: Option<PathBuf>,

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
            agents: self.agents,
            data: self.data.clone(),
            store: self.store.clone(),
            control_key: self.control_key.clone(),
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

Agents of other machines connect to the port behind it, by a certificate that they get for a token:
`tlsight serve token` prints the line by which they join.

The API describes itself at /openapi.json. Only this machine is let in unless --listen says otherwise.
Runs until SIGTERM or Ctrl-C; SIGHUP has it read its certificate anew.";

const TOKEN_HELP: &str = "\
Run it as the user of the server and with its settings (--data, --config): what is left in the folder of
the server is taken up by it. The token is shown only here. Whoever has it can have a machine join until
it has ended or is used up, and agents that joined can be thrown out (Agents, in the web UI).";
