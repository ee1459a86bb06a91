//! `tlsight mirror`: the clear text of TLS sessions, as TCP packets.

mod audit;
mod certificates;
mod coverage;
mod interface;
mod meters;
mod outputs;
mod packets;
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
use probe::{ClearText, ClearTextOptions, Rules};

pub(crate) use outputs::{Outputs, Pair, Target};
pub(crate) use packets::Packets;
pub(crate) use stages::Stages;

use crate::Outcome;
use crate::cli::MirrorArgs;
use crate::message;
use crate::signals;
use crate::watch::wall_clock;
use audit::Audit;
use meters::Meters;
use rules::RuleSource;

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
    let rules = source.read()?;
    if args.list {
        return coverage::list();
    }
    if args.output.is_none() && args.write.is_none() && args.tunnel.to.is_none() {
        bail!(
            "there is no output: give an interface with -o, a file with -w, a sensor with -t, or \
             --list"
        );
    }
    if rules.allow_nothing() {
        bail!(
            "nothing may be mirrored: say what with --exe, --cgroup, --pid, --port, --net or --rules, or \
             allow everything with --all"
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let reload = signals::reload_on_request()?;
    let outputs = outputs(args)?;
    let rings_len = Some(args.ring_mib << 20);
    let options = ClearTextOptions { rules: rules.clone(), rings_len, budget: args.budget };
    let capture = ClearText::open(&options)?;
    let tunnel = tunnel::open(&args.tunnel)?;
    let mut audit = Audit::open(args.audit.as_deref())?;
    audit.start(&rules, args);
    let meters = Meters::serve(args.metrics)?;
    message::notice(&format!(
        "mirroring; {} libraries have probes; Ctrl-C ends it",
        capture.targets().len()
    ));
    let mut mirror = Mirror::new(args, capture, (outputs, tunnel), audit, meters);
    let mut rules = rules;
    while !stop.load(Ordering::Relaxed) {
        if reload.swap(false, Ordering::Relaxed) {
            mirror.change_rules(&source, &mut rules);
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
        capture: ClearText,
        (outputs, tunnel): (Outputs, Option<Sender>),
        audit: Audit,
        meters: Meters,
    ) -> Self {
        let stages = Stages::new(&args.packets, args.write.is_some());
        let packets = Packets::new(&args.packets, outputs);
        Self { capture, stages, packets, tunnel, audit, meters, looked_at: Instant::now() }
    }

    fn step(&mut self) {
        self.take(|capture, sink| {
            capture.poll(LONGEST_WAIT, sink);
        });
        self.packets.pass_time(wall_clock());
        self.look_around();
    }

    /// Reads the rules anew. If they make no sense, those of before stay.
    fn change_rules(&mut self, source: &RuleSource<'_>, rules: &mut Rules) {
        let changed = source.read().and_then(|new| {
            if new != *rules {
                self.capture.set_rules(&new)?;
            }
            Ok(new)
        });
        match changed {
            Ok(new) if new == *rules => message::error("the rules are as they were"),
            Ok(new) => {
                self.audit.change(&new);
                *rules = new;
            }
            Err(error) => {
                let reason = format!("{error:#}");
                self.audit.refuse(&reason);
                message::error(&format!("the rules stay as they were: {reason}"));
            }
        }
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
