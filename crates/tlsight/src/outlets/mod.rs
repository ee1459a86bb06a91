//! Where lines go besides files and the store: the sinks of `[[sinks]]`.

pub(crate) mod settings;

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use prometheus_client::encoding::DescriptorEncoder;
use server::Outlet;
use sinks::{Log, SinkSettings, Sinks};

use crate::config::Config;
use crate::message;
use crate::serve::running::host_name;

/// The sinks of this process.
#[derive(Clone, Debug)]
pub(crate) struct Outlets {
    sinks: Arc<Sinks>,
    host: String,
}

/// The folder of the queues, below that of what the program keeps.
pub(crate) const FOLDER: &str = "sinks";

/// Where an agent without a server has the queues of its sinks.
///
/// # Errors
/// None was named, and who runs the program has no home; only if there are sinks.
pub(crate) fn folder(config: &Config) -> Result<PathBuf> {
    // The folder that systemd makes (StateDirectory=).
    let given = env::var_os("STATE_DIRECTORY").map(PathBuf::from).filter(|it| it.is_absolute());
    match given {
        Some(folder) => Ok(folder.join(FOLDER)),
        None if config.sinks.is_empty() => Ok(PathBuf::new()),
        None => Ok(config.serve.clone().with_defaults()?.folder()?.join(FOLDER)),
    }
}

/// The sinks that the settings name, with their credentials. Their queues are in `folder` unless they say otherwise.
///
/// # Errors
/// Settings that make no sense, and credentials that cannot be read.
pub(crate) fn resolve(config: &Config, folder: &Path) -> Result<Vec<SinkSettings>> {
    let mut names = HashSet::new();
    let mut sinks = Vec::new();
    for table in &config.sinks {
        if !names.insert(table.name.as_str()) {
            bail!("two sinks are called {:?}", table.name);
        }
        let name = &table.name;
        sinks.push(table.resolve(folder).with_context(|| format!("sink {name}"))?);
    }
    Ok(sinks)
}

/// Opens the queues and begins to empty them.
///
/// # Errors
/// Settings that make no sense, or a queue that cannot be opened.
pub(crate) fn start(settings: Vec<SinkSettings>) -> Result<Outlets> {
    let log: Log = Arc::new(|text: &str| message::error(text));
    let sinks = Arc::new(Sinks::start(settings, &log)?);
    Ok(Outlets { sinks, host: host_name() })
}

impl Outlets {
    /// Gives lines to the sinks; those of this host, if `host` is empty.
    pub(crate) fn put(&self, host: &str, lines: &[u8]) {
        self.sinks.put(self.host_or_own(host), lines);
    }

    fn host_or_own<'a>(&'a self, host: &'a str) -> &'a str {
        if host.is_empty() { &self.host } else { host }
    }

    /// Counts lines that the sinks were not given, because they came too fast.
    pub(crate) fn missed(&self, lines: u64) {
        self.sinks.missed(lines);
    }

    /// Writes the metrics.
    ///
    /// # Errors
    /// The encoder's.
    pub(crate) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        self.sinks.encode(encoder)
    }

    /// Ends the sinks. What they have not handed over waits for the next run.
    pub(crate) fn stop(&self, patience: Duration) {
        // What is still on its way comes again: a sink that hangs is nothing to wait for.
        self.sinks.stop(patience);
    }
}

impl Outlet for Outlets {
    fn keep(&self, host: &str, lines: &[u8]) {
        self.sinks.keep(self.host_or_own(host), lines);
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Self::encode(self, encoder)
    }
}
