//! Secrets of programs that run already.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use endpoint::Remote;
use event::Timestamp;
use probe::{KeyLogCounts, KeyLogProbes, Matches, Rules, TakenKey};
use secrets::{Origin, Secret, SessionSecrets, SessionStage, ShortText};

use crate::cli::HandoverAgentArgs;
use crate::message;

/// A thread that takes secrets from probes to an agent.
pub(super) struct Attached(JoinHandle<Ended>);

/// How it ended.
struct Ended {
    counts: KeyLogCounts,
    /// Secrets that the agent had no room for.
    refused: u64,
}

impl Attached {
    /// Puts probes into what may be attached to, if anything may; they are there when this returns.
    ///
    /// # Errors
    /// A kernel or rights that do not suffice.
    pub(super) fn start(
        args: &HandoverAgentArgs,
        remote: Remote,
        stop: Arc<AtomicBool>,
    ) -> Result<Option<Self>> {
        let rules = rules(args);
        if rules.allow_nothing() {
            return Ok(None);
        }
        let probes = KeyLogProbes::open(&rules).context("cannot attach to programs")?;
        let thread = thread::Builder::new().name("attached".to_owned());
        let thread = thread.spawn(move || run(probes, &remote, &stop));
        Ok(Some(Self(thread.context("cannot start a thread")?)))
    }

    /// Waits for its end, and says what was lost.
    pub(super) fn finish(self) {
        let Ok(Ended { counts, refused }) = self.0.join() else {
            return message::error("the thread that takes secrets from probes ended");
        };
        for (count, what) in [
            (counts.ring_full, "secrets were lost because a ring was full"),
            (counts.unreadable, "calls could not be read"),
            (counts.malformed, "records were no secrets"),
            (refused, "secrets were lost because the agent was too slow"),
        ] {
            if count > 0 {
                message::error(&format!("{count} {what}"));
            }
        }
    }
}

fn rules(args: &HandoverAgentArgs) -> Rules {
    let allow = Matches {
        pids: args.attach_pid.clone(),
        executables: args.attach.clone(),
        ..Matches::default()
    };
    let deny = Matches { executables: args.not_attach.clone(), ..Matches::default() };
    Rules { is_open: args.attach_all, allow, deny, pods: None }
}

fn run(mut probes: KeyLogProbes, remote: &Remote, stop: &AtomicBool) -> Ended {
    let mut refused = 0_u64;
    let mut executables = HashMap::new();
    let mut told = 0;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        told = say_refused(&probes, told);
        match probes.next(if is_last { Duration::ZERO } else { WAIT }) {
            Ok(Some(key)) => {
                let secrets = session_secrets(&key, &mut executables);
                refused = refused.saturating_add(u64::from(!remote.deliver(secrets)));
            }
            Ok(None) if is_last => break,
            Ok(None) => {}
            Err(error) => {
                message::error(&error.to_string());
                break;
            }
        }
    }
    Ended { counts: probes.counts(), refused }
}

/// Says into which files no probe could be put, from the one with a number on.
fn say_refused(probes: &KeyLogProbes, from: usize) -> usize {
    for target in probes.targets().get(from..).unwrap_or_default() {
        match &target.refused {
            Some(refused) => {
                message::error(&format!("cannot attach to {}: {refused}", target.path))
            }
            None => message::notice(&format!("attached to {} ({})", target.path, target.source)),
        }
    }
    probes.targets().len()
}

fn session_secrets(key: &TakenKey, executables: &mut HashMap<u32, ShortText>) -> SessionSecrets {
    if executables.len() >= MAX_EXECUTABLES {
        executables.clear();
    }
    let executable = executables.entry(key.pid).or_insert_with(|| {
        let path = fs::read_link(Path::new("/proc").join(key.pid.to_string()).join("exe"));
        ShortText::new(&path.unwrap_or_default().to_string_lossy())
    });
    let label = endpoint::label(key.secret.label());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    SessionSecrets {
        stage: match key.secret.label() {
            handover::Label::ClientEarly
            | handover::Label::ClientHandshake
            | handover::Label::ServerHandshake => SessionStage::Hello,
            handover::Label::Master
            | handover::Label::ClientApplication
            | handover::Label::ServerApplication => SessionStage::Application,
        },
        version: 0,
        cipher_suite: 0,
        client_random: key.random,
        server_random: None,
        secrets: vec![(label, Secret::new(key.secret.dangerous_bytes()))],
        origin: Origin {
            pid: Some(key.pid),
            uid: Some(key.uid),
            executable: executable.clone(),
            command: ShortText::new(&key.command),
            ..Origin::unknown(time)
        },
    }
}

/// How long a request to end may wait.
const WAIT: Duration = Duration::from_millis(50);

/// Processes whose executable is remembered.
const MAX_EXECUTABLES: usize = 4096;
