//! `tlsight up`: agent and server in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use event::Timestamp;
use server::{DataKind, Ingest};
use store::Source;

use crate::agent::Resolved;
use crate::cli::UpArgs;
use crate::config::{Config, Layer};
use crate::serve::running::{Place, Running, ToServer, own_agent};
use crate::serve::settings::AgentsListen;
use crate::serve::wait;
use crate::watch::wall_clock;
use crate::{Outcome, demo, message, signals};

/// Watches this machine and serves what it sees until it is told to end.
///
/// # Errors
/// Settings that make no sense, an address that cannot be listened at, a store or a certificate that
/// cannot be used. A capture that cannot be opened is no error: what is kept can be looked at.
pub(crate) fn run(args: UpArgs) -> Result<Outcome> {
    let flags = Layer { serve: args.server.layer(), ..Layer::default() };
    let config = Config::resolve(flags, args.config())?;
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    if args.demo {
        return run_demo(Place::open(&config, None, DataKind::Demo)?, &stop);
    }
    let agent = Resolved::new(args.agent())?;
    ensure!(
        !agent.has_server(),
        "`tlsight up` is its own server: `tlsight agent` tells another one"
    );
    let agents = match config.serve.clone().with_defaults()?.agents {
        Some(AgentsListen::At(address)) => Some(address),
        Some(AgentsListen::Off) | None => None,
    };
    let place = Place::open(&config, agents, DataKind::Real)?;
    let opened = match agent.open() {
        Ok(opened) => {
            opened.drop_privileges()?;
            Some(opened)
        }
        Err(error) => {
            message::error(&format!(
                "this machine is not watched: {error:#}; `tlsight doctor` says what is missing. What \
                 is kept, and what other agents tell, is served nevertheless"
            ));
            None
        }
    };
    let running = Running::start(place)?;
    running.tell()?;
    let outcome = match opened {
        Some(opened) => {
            let source = own_agent();
            running.beat(source.clone());
            opened.watch_for(Box::new(ToServer::new(running.ingest().clone(), source)))
        }
        None => {
            wait(&stop);
            Ok(Outcome::Done)
        }
    };
    running.stop();
    outcome
}

/// Serves samples: those of a day at once, and then some more as if they happened.
fn run_demo(place: Place, stop: &Arc<AtomicBool>) -> Result<Outcome> {
    let running = Running::start(place)?;
    let source = Source { id: "agent:demo".to_owned(), host: "node-1".to_owned(), ..own_agent() };
    let begin = wall_clock();
    let lines = demo::day(begin)?;
    for (number, part) in lines.chunks(LINES_AT_ONCE).enumerate() {
        running.ingest().take(source.clone(), format!("day:{number}"), &part.concat())?;
    }
    running.tell()?;
    message::error("these are samples, and gone at the end: `tlsight up` shows this machine");
    let follower = {
        let (ingest, stop) = (running.ingest().clone(), Arc::clone(stop));
        thread::spawn(move || follow(&ingest, &source, begin, &stop))
    };
    wait(stop);
    // Panics were printed.
    follower.join().ok();
    running.stop();
    Ok(Outcome::Done)
}

/// Has a session happen every few seconds.
fn follow(ingest: &Ingest, source: &Source, begin: Timestamp, stop: &AtomicBool) {
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(STEP);
        number = number.saturating_add(1);
        if !number.is_multiple_of(STEPS_A_SESSION) {
            continue;
        }
        let Ok(Some(line)) = demo::now(wall_clock(), begin, number) else { return };
        if let Err(error) = ingest.take(source.clone(), format!("live:{number}"), &line) {
            message::error(&format!("a sample is not kept: {error}"));
        }
    }
}

/// One batch of the store.
const LINES_AT_ONCE: usize = 1000;

const STEP: Duration = Duration::from_millis(200);

const STEPS_A_SESSION: u64 = 10;
