//! `tlsight mirror`: the clear text of TLS sessions, as TCP packets.

mod audit;
mod certificates;
mod coverage;
mod interface;
mod meters;
mod outputs;
mod packets;
mod pod_cgroups;
mod pods;
mod report;
mod rules;
mod sensor;
mod sensor_meters;
mod stages;
mod tunnel;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::tunnel::Sender;
use anyhow::{Result, bail};
use forge::Record;
use probe::{ClearText, ClearTextOptions};

pub(crate) use outputs::{Outputs, Pair, Target};
pub(crate) use packets::Packets;
pub(crate) use pods::{PodPattern, PodPatterns};
pub(crate) use stages::Stages;

use crate::Outcome;
use crate::cli::MirrorArgs;
use crate::config::environment;
use crate::kubernetes::KubernetesSettings;
use crate::message;
use crate::signals;
use crate::watch::wall_clock;
use audit::Audit;
use meters::Meters;
use pods::PodScope;
use rules::{RuleSource, Wanted};

/// Mirrors until it is told to end.
///
/// # Errors
/// Settings that make no sense, programs that the kernel does not take, or an output that cannot be
/// opened.
pub(crate) fn run(args: &MirrorArgs) -> Result<Outcome> {
    if let Some(folder) = &args.tunnel.make_certificates {
        return certificates::make(folder, &args.tunnel);
    }
    if args.tunnel.collect {
        return sensor::run(args);
    }
    let source = RuleSource::new(args);
    let wanted = source.read()?;
    if args.list {
        return coverage::list();
    }
    if args.output.is_none() && args.write.is_none() && args.tunnel.to.is_none() {
        bail!(
            "there is no output: give an interface with -o, a file with -w, a sensor with -t, or \
             --list"
        );
    }
    if wanted.allow_nothing() {
        bail!(
            "nothing may be mirrored: say what with --exe, --cgroup, --pod, --pid, --port, --net or --rules, \
             or allow everything with --all"
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let reload = signals::reload_on_request()?;
    let outputs = outputs(args)?;
    let rings_len = Some(args.ring_mib << 20);
    let settings = KubernetesSettings::from_environment(&environment)?;
    let mut pods = PodScope::new(args.kubernetes.settings().or(settings));
    let mut rules = wanted.rules.clone();
    rules.pods = pods.rules(&wanted.pods)?;
    pods.set(wanted.pods.clone());
    let options = ClearTextOptions { rules, rings_len, budget: args.budget };
    let capture = ClearText::open(&options)?;
    let tunnel = tunnel::open(&args.tunnel)?;
    let mut audit = Audit::open(args.audit.as_deref())?;
    audit.start(&wanted, args);
    let meters = Meters::serve(args.metrics)?;
    message::notice(&format!(
        "mirroring; {} libraries have probes; Ctrl-C ends it",
        capture.targets().len()
    ));
    let mut mirror = Mirror::new(args, (capture, pods), (outputs, tunnel), audit, meters);
    let mut wanted = wanted;
    while !stop.load(Ordering::Relaxed) {
        if reload.swap(false, Ordering::Relaxed) {
            mirror.change_rules(&source, &mut wanted);
        }
        mirror.step();
    }
    Ok(mirror.finish())
}

/// The outputs that were chosen.
fn outputs(args: &MirrorArgs) -> Result<Outputs> {
    Outputs::open(args.output.as_ref(), args.write.as_deref(), args.packets.mtu)
}

/// Everything between the programs in the kernel and the outputs.
struct Mirror {
    capture: ClearText,
    pods: PodScope,
    stages: Stages,
    packets: Packets,
    tunnel: Option<Sender>,
    audit: Audit,
    meters: Meters,
    looked_at: Instant,
}

impl Mirror {
    fn new(
        args: &MirrorArgs,
        (capture, pods): (ClearText, PodScope),
        (outputs, tunnel): (Outputs, Option<Sender>),
        audit: Audit,
        meters: Meters,
    ) -> Self {
        let stages = Stages::new(&args.packets, args.write.is_some());
        let packets = Packets::new(&args.packets, outputs);
        Self { capture, pods, stages, packets, tunnel, audit, meters, looked_at: Instant::now() }
    }

    fn step(&mut self) {
        self.take(|capture, sink| {
            capture.poll(LONGEST_WAIT, sink);
        });
        self.packets.pass_time(wall_clock());
        self.follow_pods();
        self.look_around();
    }

    /// Reads the rules anew. If they make no sense, those of before stay.
    fn change_rules(&mut self, source: &RuleSource<'_>, wanted: &mut Wanted) {
        let changed = source.read().and_then(|new| {
            if new != *wanted {
                let mut rules = new.rules.clone();
                rules.pods = self.pods.rules(&new.pods)?;
                self.capture.set_rules(&rules)?;
                self.pods.set(new.pods.clone());
            }
            Ok(new)
        });
        match changed {
            Ok(new) if new == *wanted => message::error("the rules are as they were"),
            Ok(new) => {
                self.audit.change(&new);
                *wanted = new;
            }
            Err(error) => self.refuse("the rules stay as they were", &error),
        }
    }

    /// Goes by the pods that there are, if there are rules on them.
    fn follow_pods(&mut self) {
        let changed = self.pods.changed().and_then(|changed| {
            let Some(cgroups) = changed else { return Ok(false) };
            self.capture.set_pods(cgroups)?;
            Ok(true)
        });
        match changed {
            Ok(true) => self.audit.change_pods(&self.pods.allowed()),
            Ok(false) => {}
            Err(error) => self.refuse("not all pods are mirrored that may be", &error),
        }
    }

    fn refuse(&mut self, what: &str, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        self.audit.refuse(&reason);
        message::error(&format!("{what}: {reason}"));
    }

    fn finish(mut self) -> Outcome {
        self.take(ClearText::finish);
        self.packets.finish(wall_clock());
        let is_all_told =
            self.tunnel.take().is_none_or(|sender| tunnel::finish(sender).dropped_bytes == 0);
        let report = self.report();
        self.audit.stop(&report);
        message::error(&report.to_string());
        if self.packets.has_failed() || !is_all_told { Outcome::Incomplete } else { Outcome::Done }
    }

    /// Has the capture tell something, and forges it.
    fn take(&mut self, tell: impl FnOnce(&mut ClearText, &mut probe::Sink<'_>)) {
        let Self { capture, stages, packets, tunnel, audit, .. } = self;
        let mut pass_on = |record: &Record<'_>| {
            if let Some(tunnel) = tunnel {
                tunnel.hand_in(record);
            }
            packets.take(record);
        };
        tell(capture, &mut |record| {
            audit.note(&record);
            stages.pass(&record, &mut pass_on);
        });
    }

    /// Once a second: what others see of it.
    fn look_around(&mut self) {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked_at = Instant::now();
        for change in self.capture.take_budget_changes() {
            self.audit.exceed(&change);
        }
        self.audit.flush();
        let report = self.report();
        self.meters.set(report);
    }

    fn report(&self) -> report::Report {
        report::Report {
            account: self.capture.account(),
            counts: self.capture.counts(),
            forged: *self.packets.forged(),
            translated: self.stages.translated(),
            sent: self.packets.sent(),
            overwritten: self.stages.overwritten(),
            processes: self.capture.processes(),
            uncovered: self.capture.uncovered(),
        }
    }
}

/// How long a request to end may be unheard.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

const LOOK_EVERY: Duration = Duration::from_secs(1);
