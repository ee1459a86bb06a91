//! Which server an agent tells what it sees.

use std::path::PathBuf;

use clap::Args;

use crate::agent::server_settings::{Address, Enrol, Label, ServerLayer, labelled};
use crate::config::Size;

/// Which server an agent tells what it sees.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct UplinkArgs {
    /// Server that is told what is seen, in place of the output; of several the next one is used when one fails
    #[arg(long, value_name = "HOST[:PORT]", value_delimiter = ',', conflicts_with = "output")]
    server: Vec<Address>,

    /// What lets this agent in, once: a token of the server
    #[arg(long, value_name = "TOKEN")]
    enrol: Option<Enrol>,

    /// Folder for certificate and spool [default: /var/lib/tlsight/agent, or in the home]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Most that waits on the disk while the server is away [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    spool: Option<Size>,

    /// Send one session of so many with all details; 0 is none [default: 0]
    #[arg(long, value_name = "N")]
    sample: Option<u64>,

    /// What this agent is, such as zone=eu-1
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    label: Vec<Label>,
}

impl UplinkArgs {
    /// The settings that flags give.
    pub(crate) fn layer(&self) -> ServerLayer {
        ServerLayer {
            address: (!self.server.is_empty()).then(|| self.server.clone()),
            enrol: self.enrol.clone(),
            folder: self.folder.clone(),
            spool: self.spool,
            sample: self.sample,
            labels: (!self.label.is_empty()).then(|| labelled(self.label.clone())),
        }
    }
}
