//! Secrets of programs that run already.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use endpoint::Remote;
use handover::Policy;
use probe::{KeyLogCounts, KeyLogProbes, Matches, Rules};

use super::hellos::{Hellos, KnownHellos};
use super::judge::{Allowed, Judge, asks_hellos};
use super::packets::Held;
use crate::cli::HandoverAgentArgs;
use crate::message;

/// A thread that takes secrets from probes to an agent.
pub(super) struct Attached(JoinHandle<Ended>);

/// How it ended.
struct Ended {
    counts: KeyLogCounts,
    /// Secrets that the agent had no room for.
    refused: u64,
    /// Secrets that no rule allows.
    denied: u64,
}

impl Attached {
    /// Puts probes into what may be attached to, if anything may; they are there when this returns. `held` is
    /// told of the secrets, if packets wait for them.
    ///
    /// # Errors
    /// A kernel or rights that do not suffice.
    pub(super) fn start(
        args: &HandoverAgentArgs,
        remote: Remote,
        held: Option<Held>,
        stop: Arc<AtomicBool>,
    ) -> Result<Option<Self>> {
        let rules = rules(args);
        let policy = args.policy.policy();
        if rules.allow_nothing() {
            if policy != Policy::default() {
                bail!(
                    "rules on whose secrets are taken are about --attach; `tlsight run` has its own"
                );
            }
            if held.is_some() {
                bail!(
                    "--hold-packets is about programs that are attached to: --attach, --attach-pid or --attach-all"
                );
            }
            return Ok(None);
        }
        let judge = judge(args, policy, held.as_ref().map(Held::hellos), &stop)?;
        let probes = KeyLogProbes::open(&rules).context("cannot attach to programs")?;
        let thread = thread::Builder::new().name("attached".to_owned());
        let thread = thread.spawn(move || run(probes, judge, &remote, held.as_ref(), &stop));
        Ok(Some(Self(thread.context("cannot start a thread")?)))
    }

    /// Waits for its end, and says what was lost.
    pub(super) fn finish(self) {
        let Ok(Ended { counts, refused, denied }) = self.0.join() else {
            return message::error("the thread that takes secrets from probes ended");
        };
        for (count, what) in [
            (counts.ring_full, "secrets were lost because a ring was full"),
            (counts.unreadable, "calls could not be read"),
            (counts.malformed, "records were no secrets"),
            (refused, "secrets were lost because the agent was too slow"),
            (denied, "secrets were held back: no rule allows them"),
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

/// What judges the secrets: with hellos if rules ask for what they say, or an escrow needs their randoms. Those
/// `in_queue` are known before their sessions have secrets.
fn judge(
    args: &HandoverAgentArgs,
    policy: Policy,
    in_queue: Option<KnownHellos>,
    stop: &Arc<AtomicBool>,
) -> Result<Judge> {
    let has_rules = asks_hellos(&policy);
    if !has_rules && args.escrow.escrow.is_none() {
        return Ok(Judge::new(policy, None));
    }
    let known = in_queue.clone().unwrap_or_default();
    let hellos = match (Hellos::start(known, Arc::clone(stop)), in_queue) {
        (Ok(hellos), _) => Some(hellos),
        (Err(error), Some(known)) => {
            message::error(&format!("hellos are seen only of packets that are held: {error:#}"));
            Some(Hellos::seen_elsewhere(known))
        }
        // Without them no rule would know a name, and nothing be taken.
        (Err(error), None) if has_rules => return Err(error),
        (Err(error), None) => {
            message::error(&format!("of TLS 1.2, secrets of one side are not told: {error:#}"));
            None
        }
    };
    Ok(Judge::new(policy, hellos))
}

fn run(
    mut probes: KeyLogProbes,
    mut judge: Judge,
    remote: &Remote,
    held: Option<&Held>,
    stop: &AtomicBool,
) -> Ended {
    let mut refused = 0_u64;
    let mut told = 0;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        told = say_refused(&probes, told);
        let wait = match (is_last, judge.is_waiting()) {
            (true, _) => Duration::ZERO,
            (false, true) => SHORT_WAIT,
            (false, false) => WAIT,
        };
        let taken = match probes.next(wait) {
            Ok(taken) => taken,
            Err(error) => {
                message::error(&error.to_string());
                break;
            }
        };
        let is_over = is_last && taken.is_none();
        if let Some(key) = taken {
            held.inspect(|held| held.take_note(&key));
            judge.take(key);
        }
        for Allowed { label, secrets } in judge.judged(is_over) {
            let has_room = match held {
                Some(held) => held.deliver(remote, label, secrets),
                None => remote.deliver(secrets),
            };
            refused = refused.saturating_add(u64::from(!has_room));
        }
        for random in judge.take_denied() {
            held.inspect(|held| held.deny(random));
        }
        if is_over {
            break;
        }
    }
    let denied = judge.denied();
    judge.finish();
    Ended { counts: probes.counts(), refused, denied }
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

/// How long a request to end may wait.
const WAIT: Duration = Duration::from_millis(50);

/// How often it is looked whether the hellos of sessions are there.
const SHORT_WAIT: Duration = Duration::from_millis(5);
