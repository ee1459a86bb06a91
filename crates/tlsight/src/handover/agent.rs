//! `tlsight escrow agent`: the secrets that programs of this host hand over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use endpoint::{Agent, AgentCounts, KeyLogFile};

use super::attached::Attached;
use super::say_missed;
use crate::cli::HandoverAgentArgs;
use crate::{Outcome, message, signals};

/// Takes secrets until it is asked to end.
///
/// # Errors
/// A file or a socket that cannot be made.
pub(crate) fn run(args: &HandoverAgentArgs) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let sink = KeyLogFile::open(&args.keylog, say_missed)?;
    let failures = sink.failures();
    if let Some(folder) = args.socket.parent().filter(|folder| *folder != Path::new("")) {
        let failed = || format!("cannot make {}", folder.display());
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut agent = Agent::bind(&args.socket, args.mode, sink)?;
    let remote = agent.remote();
    let thread = thread::Builder::new().name("agent".to_owned());
    let attached = Attached::start(args, remote.clone(), Arc::clone(&stop))?;
    let thread = thread.spawn(move || agent.run()).context("cannot start a thread")?;
    message::notice(&format!("listens on {}", args.socket.display()));
    while !stop.load(Ordering::Relaxed) && !thread.is_finished() {
        // A signal ends the sleep.
        thread::park_timeout(LOOK_EVERY);
    }
    stop.store(true, Ordering::Relaxed);
    if let Some(attached) = attached {
        attached.finish();
    }
    remote.stop();
    let ended = thread.join().map_err(|_panicked| anyhow::anyhow!("the agent ended"))?;
    say_totals(&remote.counts());
    let failures = failures.load(Ordering::Relaxed);
    if failures > 0 {
        message::error(&format!("{failures} messages could not be written to the key log"));
    }
    ended.context("the agent ended")?;
    Ok(if failures > 0 { Outcome::Incomplete } else { Outcome::Done })
}

fn say_totals(counts: &AgentCounts) {
    message::error(&format!("{} secrets in {} messages", counts.secrets, counts.messages));
    for (count, what) in [
        (counts.malformed, "connections sent what is no message"),
        (counts.connections_refused, "connections found no room"),
        (counts.deaf, "connections did not take their answers"),
    ] {
        if count > 0 {
            message::error(&format!("{count} {what}"));
        }
    }
}

/// How long a request to end may wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);
