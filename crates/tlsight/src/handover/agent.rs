//! `tlsight escrow agent`: the secrets that programs of this host hand over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use endpoint::{Agent, AgentCounts, KeyLogFile, Sink};
use escrow::Client;

use super::attached::Attached;
use super::escrow_sink::EscrowSink;
use super::missed::Missed;
use super::packets::{Held, PacketHold};
use crate::cli::HandoverAgentArgs;
use crate::{Outcome, message, signals};

/// Takes secrets until it is asked to end.
///
/// # Errors
/// A file or a socket that cannot be made.
pub(crate) fn run(args: &HandoverAgentArgs) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let (sink, end) = sink(args)?;
    if let Some(folder) = args.socket.parent().filter(|folder| *folder != Path::new("")) {
        let failed = || format!("cannot make {}", folder.display());
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut agent = Agent::bind(&args.socket, args.mode, sink)?;
    let remote = agent.remote();
    let thread = thread::Builder::new().name("agent".to_owned());
    let held = Held::new(args)?;
    let attached = Attached::start(args, remote.clone(), held.clone(), Arc::clone(&stop))?;
    // Before the probes are there, packets would wait in vain.
    let packets = held.map(|held| PacketHold::start(args, held, &remote, &stop)).transpose()?;
    let thread = thread.spawn(move || agent.run()).context("cannot start a thread")?;
    message::notice(&format!("listens on {}", args.socket.display()));
    while !stop.load(Ordering::Relaxed) && !thread.is_finished() {
        // A signal ends the sleep.
        thread::park_timeout(LOOK_EVERY);
    }
    stop.store(true, Ordering::Relaxed);
    if let Some(packets) = packets {
        packets.finish();
    }
    if let Some(attached) = attached {
        attached.finish();
    }
    remote.stop();
    let ended = thread.join().map_err(|_panicked| anyhow::anyhow!("the agent ended"))?;
    say_totals(&remote.counts());
    ended.context("the agent ended")?;
    Ok(if end.is_whole() { Outcome::Done } else { Outcome::Incomplete })
}

/// Where secrets go, and how it is told that they have come there.
fn sink(args: &HandoverAgentArgs) -> Result<(Box<dyn Sink + Send>, End)> {
    if let Some(service) = &args.escrow.escrow {
        let sink = EscrowSink::start(service, &args.escrow)?;
        let client = sink.client();
        return Ok((Box::new(sink), End::Escrow(client)));
    }
    let keylog = args.keylog.as_deref().context("--keylog or --escrow is needed")?;
    let mut missed = Missed::new();
    let sink = KeyLogFile::open(keylog, move |peer, tallies| missed.say(peer, tallies))?;
    let failures = sink.failures();
    Ok((Box::new(sink), End::KeyLog(failures)))
}

/// What is asked when all is told.
enum End {
    KeyLog(Arc<AtomicU64>),
    Escrow(Arc<Client>),
}

impl End {
    /// Whether all has come to where it was to go; says what has not.
    fn is_whole(&self) -> bool {
        match self {
            Self::KeyLog(failures) => {
                let failures = failures.load(Ordering::Relaxed);
                if failures > 0 {
                    message::error(&format!(
                        "{failures} messages could not be written to the key log"
                    ));
                }
                failures == 0
            }
            Self::Escrow(client) => {
                let is_drained = client.drain(Instant::now() + DRAINING);
                let counters = client.counters();
                message::error(&format!(
                    "escrow: {} deliveries, {} of them on its disk, {} lost",
                    counters.delivered, counters.durable, counters.lost
                ));
                let (sent, lost) = client.beacons();
                if sent > 0 || lost > 0 {
                    message::error(&format!("beacons: {sent} sent, {lost} could not be"));
                }
                is_drained && counters.lost == 0
            }
        }
    }
}

fn say_totals(counts: &AgentCounts) {
    message::error(&format!("{} secrets in {} messages", counts.secrets, counts.messages));
    for (count, what) in [
        (counts.malformed, "connections sent what is no message"),
        (counts.connections_refused, "connections found no room"),
        (counts.deaf, "connections did not take their answers"),
        (counts.lost, "messages could not be sent by their processes"),
        (counts.opened, "messages were not answered in time, and their sessions went on"),
        (counts.aborted, "messages were not answered in time, and their sessions were aborted"),
        (counts.refused, "sessions were aborted without a wait"),
        (counts.denied, "messages were held back by rules"),
    ] {
        if count > 0 {
            message::error(&format!("{count} {what}"));
        }
    }
}

/// How long a request to end may wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long an escrow that is away is waited for at the end.
const DRAINING: Duration = Duration::from_secs(5);
