//! Secrets that were taken, on their way to an escrow.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use endpoint::{Peer, Receipt, Sink};
use escrow::beacon::BeaconTarget;
use escrow::keys::Trust;
use escrow::{Client, ClientSettings, IncidentKind, Outcome, Wait};
use handover::{Reached, Tallies};
use secrets::SessionSecrets;
use tunnel::Credentials;

use super::missed::Missed;
use crate::cli::{EscrowServiceArgs, ServiceAddress};
use crate::escrow::{beacon_key, statement, verifying_key};
use crate::message;

/// Delivers to an escrow.
pub(super) struct EscrowSink {
    client: Arc<Client>,
    /// Those whose processes wait: each is in the hands of one thread meanwhile. None at the end.
    waited_for: Option<SyncSender<Job>>,
    /// The other end of it.
    jobs: Arc<Mutex<Receiver<Job>>>,
    missed: Missed,
    _threads: Vec<JoinHandle<()>>,
}

type Job = (SessionSecrets, Receipt, Wait);

impl EscrowSink {
    /// Connects; a service that is not there is waited for a little, and tried again in the background.
    ///
    /// # Errors
    /// Files that cannot be read, and what the client says.
    pub(super) fn start(service: &ServiceAddress, args: &EscrowServiceArgs) -> Result<Self> {
        let given = "--escrow-authority, --cert, --key and --ca are needed";
        let authority = verifying_key(args.escrow_authority.as_ref().context(given)?)?;
        let [cert, key, ca] =
            [&args.cert, &args.key, &args.ca].map(|it| it.as_ref().context(given));
        let credentials = Credentials::read(cert?, key?, ca?)?;
        let settings = ClientSettings {
            with_master: args.with_master,
            beacons: beacons(args)?,
            ..ClientSettings::new(&service.host, service.port, Trust::new(authority))
        };
        let tell = Box::new(|text: &str| message::error(text));
        let client = Client::start(settings, credentials.client(escrow::wire::ALPN)?, tell)?;
        let began = Instant::now();
        // Before that there is no key to seal to.
        while !client.is_ready() && began.elapsed() < LONGEST_WAIT {
            thread::sleep(LOOK_EVERY);
        }
        if !client.is_ready() {
            message::error("the escrow does not answer: what is handed over until it does is lost");
        }
        let client = Arc::new(client);
        let (waited_for, jobs) = mpsc::sync_channel(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let (client, jobs) = (Arc::clone(&client), Arc::clone(&jobs));
            let thread = thread::Builder::new().name("escrow-wait".to_owned());
            let thread = thread.spawn(move || work(&client, &jobs));
            threads.push(thread.context("cannot start a thread")?);
        }
        let waited_for = Some(waited_for);
        Ok(Self { client, waited_for, jobs, missed: Missed::new(), _threads: threads })
    }

    /// The client, to wait for its end.
    pub(super) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }
}

impl Sink for EscrowSink {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        let (Some(wait), Some(waited_for)) = (receipt.wait().map(wait), &self.waited_for) else {
            // What it refuses it counts, and tells the service as a gap.
            self.client.deliver(secrets, Wait::None, Instant::now());
            return;
        };
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) =
            waited_for.try_send((secrets, receipt, wait))
        {
            // Its process waits in vain, and does what it is to do then.
            let (secrets, ..) = job;
            self.client.deliver(secrets, Wait::None, Instant::now());
        }
    }

    fn miss(&mut self, peer: &Peer, client_random: Option<&[u8; 32]>, tallies: &Tallies) {
        self.missed.say(peer, tallies);
        let name = &peer.command;
        for (count, kind, what) in [
            (tallies.lost, IncidentKind::Gap, "could not be handed over"),
            (tallies.opened, IncidentKind::FailOpen, "went on without an answer"),
            (tallies.aborted, IncidentKind::Abort, "was aborted without an answer"),
            (tallies.refused, IncidentKind::Abort, "was refused after others had no answer"),
        ] {
            if count > 0 {
                let reason = format!("a session of {name} {what}");
                self.client.report(kind, count, client_random, &reason);
            }
        }
    }
}

impl Drop for EscrowSink {
    /// Delivers what no thread has come to: all of them may wait for a service that does not answer.
    fn drop(&mut self) {
        self.waited_for = None;
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for (secrets, ..) in jobs.iter() {
            self.client.deliver(secrets, Wait::None, Instant::now());
        }
    }
}

/// Where beacons go, if any do.
fn beacons(args: &EscrowServiceArgs) -> Result<Vec<BeaconTarget>> {
    let Some(destination) = args.beacon else { return Ok(Vec::new()) };
    let path = args.beacon_key.as_ref().context("--beacon-key is needed")?;
    let key = Arc::new(beacon_key(path)?);
    let target = |path: &PathBuf| {
        Ok(BeaconTarget { destination, grant: statement(path)?, key: Arc::clone(&key) })
    };
    args.beacon_grant.iter().map(target).collect()
}

fn work(client: &Client, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((secrets, receipt, wait)) = job else { return };
        let deadline = Instant::now() + LONGEST_WAIT;
        if let Outcome::Acknowledged(reached) = client.deliver(secrets, wait, deadline)
            && let Some(reached) = reached_by(reached)
        {
            receipt.reach(reached);
        }
    }
}

const fn wait(reached: Reached) -> Wait {
    match reached {
        Reached::Received => Wait::Received,
        Reached::Live => Wait::Live,
        Reached::Durable => Wait::Durable,
    }
}

const fn reached_by(wait: Wait) -> Option<Reached> {
    match wait {
        Wait::None => None,
        Wait::Received => Some(Reached::Received),
        Wait::Live => Some(Reached::Live),
        Wait::Durable => Some(Reached::Durable),
    }
}

/// Sessions that wait at the same time: each for one way to the service and back.
const THREADS: usize = 16;

/// Those that wait for a thread.
const MAX_WAITING: usize = 1024;

/// After that nobody waits any longer, whatever its deadline was.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

const LOOK_EVERY: Duration = Duration::from_millis(10);
