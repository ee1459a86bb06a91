//! `tlsight watch` without an interface: sessions at the sockets of this host, with their processes.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use event::Losses;
use probe::{Batch, CommandLines, Options, ProbeError, SocketCapture};
use workload::{Meter, Workloads};

use crate::Outcome;
use crate::cli::WatchArgs;
use crate::kubernetes::WatchTrouble;
use crate::output::loss;
use crate::pipeline::{Counted, Worker};
use crate::setup::{Setup, Source, add_loss};
use crate::watch::{COUNT_EVERY, LONGEST_WAIT, report_losses, since, sum, wall_clock};
use crate::{allocator, message};

/// Shows sessions until it is told to end, or the cgroup is removed.
///
/// # Errors
/// Settings that make no sense, programs that the kernel does not take, or a standard output that
/// cannot be written to.
pub(crate) fn run(args: WatchArgs) -> Result<Outcome> {
    let setup = Setup::new(args.common, Source::Sockets, None)?;
    let command_lines = if args.place.no_command_line {
        CommandLines::Omitted
    } else {
        setup.command_lines().clone()
    };
    let options = Options { cgroup: args.place.cgroup, command_lines, ..Options::default() };
    let capture = open(&options)?;
    let workloads = args.place.kubernetes.settings().or(setup.kubernetes().clone()).start()?;
    let place = capture.cgroup().display().to_string();
    message::notice(&format!("watching the sockets of {place}; Ctrl-C ends it"));
    let known = [Mutex::new(Losses::new())];
    let (watched, told) = thread::scope(|scope| {
        let [losses] = &known;
        let thread = scope.spawn(|| {
            let result = watch(&setup, capture, workloads, losses);
            setup.run.stop();
            result
        });
        let told = report_losses(&setup, &known);
        let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, told)
    });
    let (counted, outcome) = watched?;
    let all = sum(&known);
    let untold = since(&all, &told?);
    setup.conclude(counted, &untold, all)?;
    Ok(outcome)
}

fn watch(
    setup: &Setup,
    mut capture: SocketCapture,
    workloads: Workloads,
    known: &Mutex<Losses>,
) -> Result<(Counted, Outcome)> {
    let meter = workloads.meter();
    let mut worker = setup.socket_worker().with_workloads(workloads);
    let mut trouble = WatchTrouble::default();
    let mut batch = Batch::default();
    let mut outcome = Outcome::Done;
    let mut counted_at = Instant::now();
    while !setup.run.is_stopped() {
        if !poll(&mut capture, LONGEST_WAIT, &mut batch)? {
            outcome = Outcome::Incomplete;
            break;
        }
        worker.handle_batch(&batch, &mut capture)?;
        worker.end_batch(wall_clock(), Some(&mut capture))?;
        if counted_at.elapsed() >= COUNT_EVERY {
            counted_at = Instant::now();
            note_losses(&worker, &capture, known);
            trouble.look(|| meter.kubernetes());
        }
    }
    take_rest(&mut worker, &mut capture, &mut batch)?;
    note_losses(&worker, &capture, known);
    let counted = worker.finish_batches(Some(&mut capture))?;
    Ok((counted, outcome))
}

/// Begins to capture, and says what is lost where `/proc` does not tell of all processes.
///
/// # Errors
/// What the kernel or the cgroup refuses.
pub(crate) fn open(options: &Options) -> Result<SocketCapture> {
    let capture = SocketCapture::open(options)?;
    // The types of a kernel, which the programs were fitted to, are some ten thousand pieces.
    allocator::give_back();
    if let Some(obstacle) = probe::proc_obstacle(Path::new("/proc")) {
        message::error(&format!(
            "{obstacle}: command lines that are swapped out stay unknown (command_lines_unknown)"
        ));
    }
    Ok(capture)
}

/// Waits at most `longest` for what the sockets tell; false, with a message, if their cgroup is gone.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn poll(
    capture: &mut SocketCapture,
    longest: Duration,
    batch: &mut Batch,
) -> Result<bool> {
    match capture.poll(longest, batch) {
        Ok(()) => Ok(true),
        Err(error @ ProbeError::CgroupRemoved { .. }) => {
            message::error(&error.to_string());
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Has a worker take what was told before the end was asked for.
pub(crate) fn take_rest(
    worker: &mut Worker<'_>,
    capture: &mut SocketCapture,
    batch: &mut Batch,
) -> Result<()> {
    let asked = wall_clock();
    while poll(capture, Duration::ZERO, batch)? {
        let latest = batch.packets().map(|(_, packet)| packet.timestamp_ns).max();
        worker.handle_batch(batch, capture)?;
        worker.end_batch(asked, Some(capture))?;
        if latest.is_none_or(|latest| latest > asked.as_nanos()) {
            break;
        }
    }
    Ok(())
}

/// What the worker and the programs have lost.
pub(crate) fn socket_losses(worker: &Worker<'_>, capture: &SocketCapture) -> Losses {
    let mut losses = worker.counters().losses();
    let probe = capture.losses();
    let meter = worker.meter();
    let of_ends = |count: fn(&Meter) -> u64| meter.as_ref().map_or(0, count);
    for (cause, count) in [
        (loss::RING_FULL, probe.ring_full),
        (loss::PACKETS_UNREADABLE, probe.packets_unreadable),
        (loss::RECORDS_UNREADABLE, probe.records_unreadable),
        (loss::BEGINNINGS_OVER_LIMIT, probe.beginnings_over_limit),
        (loss::FLOWS_CUT_SHORT, probe.flows_cut_short),
        (loss::CONNECTIONS_EVICTED, probe.connections_evicted),
        (loss::PROCESSES_UNKNOWN, probe.processes_unknown),
        (loss::COMMAND_LINES_UNKNOWN, probe.command_lines_unknown),
        (loss::CGROUPS_REMOVED, probe.cgroups_removed),
        (loss::PODS_UNKNOWN, of_ends(Meter::pods_unknown)),
        (loss::CONTAINER_FILES_UNREADABLE, of_ends(Meter::files_unreadable)),
    ] {
        add_loss(&mut losses, cause, count);
    }
    losses
}

fn note_losses(worker: &Worker<'_>, capture: &SocketCapture, known: &Mutex<Losses>) {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = socket_losses(worker, capture);
}
