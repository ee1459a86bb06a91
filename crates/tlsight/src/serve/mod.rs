//! `tlsight serve`: the server alone, for what agents tell.

pub(crate) mod running;
pub(crate) mod settings;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::cli::{ServeArgs, ServeCommand};
use crate::config::{Config, Layer};
use crate::{Outcome, signals};
use running::{Place, Running};

/// Serves until it is told to end.
///
/// # Errors
/// Settings that make no sense, an address that cannot be listened at, a store or a certificate that
/// cannot be used.
pub(crate) fn run(args: &ServeArgs) -> Result<Outcome> {
    if let Some(ServeCommand::Token(asked)) = &args.command {
        return token::run(asked);
    }
    let flags = Layer { serve: args.server.layer(), ..Layer::default() };
    let config = Config::resolve(flags, args.config.as_deref())?;
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let agents = config.serve.clone().with_defaults()?.agents_or_usual();
    let running = Running::start(Place::open(&config, agents, server::DataKind::Real)?)?;
    running.tell()?;
    wait(&stop);
    running.stop();
    Ok(Outcome::Done)
}

/// Waits until the program is told to end.
pub(crate) fn wait(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(LONGEST_WAIT);
    }
}

/// An end is noticed soon enough.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
