//! `tlsight watch`: sessions as they happen.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use capture::{Interface, LiveCapture, LiveError, LiveOptions, Reception};
use event::{Losses, Timestamp};
use probe::CutOff;
use session::Extent;

use crate::Outcome;
use crate::cli::WatchArgs;
use crate::escrow::watching::Watching;
use crate::message;
use crate::output::loss;
use crate::pipeline::{Counted, Worker};
use crate::setup::{Setup, Source, add_loss};
use crate::watch_packets::ClearPackets;
use crate::watch_sockets;

/// Analyses packets until it is told to end.
///
/// # Errors
/// Settings that make no sense, an interface that cannot be captured from, or a standard output that
/// cannot be written to.
pub(crate) fn run(args: WatchArgs) -> Result<Outcome> {
    let Some(interface) = args.place.interface.clone() else { return watch_sockets::run(args) };
    let packets = ClearPackets::open(&args)?;
    let extent = if packets.is_some() { Extent::Session } else { Extent::Handshake };
    let escrow = Watching::start(&args.monitor, extent)?;
    let setup = Setup::new(args.common, Source::Live, None)?;
    let setup = match &escrow {
        Some(escrow) => setup.decrypting(escrow.decryption.clone()),
        None => setup,
    };
    let mut options = LiveOptions::new(Interface::from_name(&interface));
    if args.place.no_promiscuous {
        options.reception = Reception::Own;
    }
    let captures = LiveCapture::open_group(&options, setup.workers())?;
    let cut_off = if args.place.no_cut_off { None } else { cut_off(&captures) };
    message::notice(&format!("watching {interface}; Ctrl-C ends it"));
    let known: Vec<_> = captures.iter().map(|_| Mutex::new(Losses::new())).collect();
    let (mut counted, told) = thread::scope(|scope| -> Result<(Counted, Losses)> {
        let threads: Vec<_> = captures
            .into_iter()
            .zip(&known)
            .zip(0..)
            .map(|((capture, losses), number)| {
                let (setup, cut_off, packets) = (&setup, cut_off.as_deref(), packets.as_ref());
                let datagrams = escrow.as_ref().and_then(Watching::datagram_sink);
                scope.spawn(move || {
                    let mut worker = setup.worker();
                    if let Some(packets) = packets {
                        worker.set_text_sink(packets.sink(number));
                    }
                    if let Some(datagrams) = datagrams {
                        worker.set_datagram_sink(datagrams);
                    }
                    let each = || {
                        if let Some(packets) = packets {
                            packets.pass_time();
                        }
                    };
                    let result = watch(setup, worker, capture, cut_off, losses, &each);
                    setup.run.stop();
                    result
                })
            })
            .collect();
        let told = report_losses(&setup, &known);
        let results = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let mut sum = Counted::default();
        for result in results {
            sum.merge(result?);
        }
        Ok((sum, told?))
    })?;
    if let Some(cut_off) = &cut_off {
        let cut_off = cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        counted.left_in_kernel = cut_off.left_in_kernel();
    }
    let all = sum(&known);
    let untold = since(&all, &told);
    setup.conclude(counted, &untold, all)?;
    if let Some(escrow) = escrow {
        escrow.finish();
    }
    let is_whole = packets.is_none_or(|packets| packets.finish());
    Ok(if is_whole { Outcome::Done } else { Outcome::Incomplete })
}

/// Has the kernel keep the packets of flows that nobody wants more of, if it can.
pub(crate) fn cut_off(captures: &[LiveCapture]) -> Option<Arc<Mutex<CutOff>>> {
    match CutOff::attach(captures, None) {
        Ok(cut_off) => Some(Arc::new(Mutex::new(cut_off))),
        Err(error) => {
            message::error(&format!("bulk data is not left in the kernel but read: {error}"));
            None
        }
    }
}

/// One worker: takes packets from its ring until the run ends. Each time that it has, `each` is called.
fn watch(
    setup: &Setup,
    mut worker: Worker<'_>,
    mut capture: LiveCapture,
    cut_off: Option<&Mutex<CutOff>>,
    known: &Mutex<Losses>,
    each: &dyn Fn(),
) -> Result<Counted> {
    if cut_off.is_some() {
        worker.want_bulk_flows();
    }
    let mut counted_at = Instant::now();
    while !setup.run.is_stopped() {
        match capture.poll(LONGEST_WAIT) {
            Ok(Some(block)) => {
                worker.handle_packets(block.packets())?;
                worker.end_block(wall_clock())?;
                if let Some(cut_off) = cut_off {
                    worker.cut_off(cut_off, wall_clock());
                }
            }
            Ok(None) => worker.end_block(wall_clock())?,
            Err(error @ LiveError::Down { .. }) => message::error(&error.to_string()),
            Err(error) => return Err(error.into()),
        }
        each();
        if counted_at.elapsed() >= COUNT_EVERY {
            counted_at = Instant::now();
            note_losses(&worker, &mut capture, known);
        }
    }
    take_rest(&mut worker, &mut capture)?;
    note_losses(&worker, &mut capture, known);
    Ok(worker.finish()?)
}

/// Has a worker take what was captured before the end was asked for.
pub(crate) fn take_rest(worker: &mut Worker<'_>, capture: &mut LiveCapture) -> Result<()> {
    let asked = wall_clock();
    loop {
        // The kernel hands over what it has within that time.
        let block = match capture.poll(LONGEST_WAIT) {
            Ok(Some(block)) => block,
            Ok(None) | Err(LiveError::Down { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let latest = block.packets().map(|packet| packet.timestamp_ns).max();
        worker.handle_packets(block.packets())?;
        worker.end_block(asked)?;
        if latest.is_some_and(|latest| latest > asked.as_nanos()) {
            return Ok(());
        }
    }
}

/// What a worker and its ring have lost.
pub(crate) fn interface_losses(worker: &Worker<'_>, capture: &mut LiveCapture) -> Losses {
    let mut losses = worker.counters().losses();
    // A kernel that does not say is asked again the next time.
    if let Ok(statistics) = capture.statistics() {
        add_loss(&mut losses, loss::KERNEL_DROPS, statistics.dropped);
        add_loss(&mut losses, loss::LINK_TYPE_UNKNOWN, statistics.unknown_link);
        add_loss(&mut losses, loss::FRAMES_UNREADABLE, statistics.unreadable);
    }
    losses
}

fn note_losses(worker: &Worker<'_>, capture: &mut LiveCapture, known: &Mutex<Losses>) {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = interface_losses(worker, capture);
}

/// Writes a line whenever more was lost, until the run ends; gives what it has told.
pub(crate) fn report_losses(setup: &Setup, known: &[Mutex<Losses>]) -> io::Result<Losses> {
    let mut told = Losses::new();
    let mut told_at = Instant::now();
    while !setup.run.is_stopped() {
        thread::sleep(LONGEST_WAIT);
        if told_at.elapsed() < TELL_EVERY {
            continue;
        }
        told_at = Instant::now();
        let all = sum(known);
        let untold = since(&all, &told);
        if !untold.is_empty() {
            if let Err(error) = setup.run.printer.loss(wall_clock(), &untold) {
                setup.run.stop();
                return Err(error);
            }
            told = all;
        }
    }
    Ok(told)
}

pub(crate) fn sum(known: &[Mutex<Losses>]) -> Losses {
    let mut sum = Losses::new();
    for losses in known {
        for (cause, count) in losses.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            add_loss(&mut sum, cause, *count);
        }
    }
    sum
}

pub(crate) fn since(all: &Losses, told: &Losses) -> Losses {
    let mut untold = Losses::new();
    for (cause, count) in all {
        let before = told.get(cause).copied().unwrap_or(0);
        add_loss(&mut untold, cause, count.saturating_sub(before));
    }
    untold
}

pub(crate) fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Bounds how late a session, a time-out or Ctrl-C is noticed on an idle interface.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Asking the kernel for its counts is a system call.
pub(crate) const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A line for losses every ten seconds is seen in time and drowns nothing.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told() {
        let known = [Mutex::new([("gaps", 2)].into()), Mutex::new([("gaps", 3)].into())];
        let all = sum(&known);
        assert_eq!(all, Losses::from([("gaps", 5)]));
        assert_eq!(since(&all, &Losses::from([("gaps", 4)])), Losses::from([("gaps", 1)]));
        assert!(since(&all, &all).is_empty());
    }
}
