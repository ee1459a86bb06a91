//! `tlsight read`: sessions of capture files.

use std::io;
use std::path::Path;

use anyhow::Result;
use capture::Block;

use crate::Outcome;
use crate::captures::{Captures, Failures, listed};
use crate::cli::ReadArgs;
use crate::keys::Keys;
use crate::message;
use crate::output::loss;
use crate::pipeline::{self, Counted, Run, Worker};
use crate::progress::Progress;
use crate::setup::{Setup, Source, add_loss};
use event::Timestamp;
use session::Patience;

/// Analyses the captures.
///
/// # Errors
/// Settings that make no sense, or a standard output that cannot be written to. Captures that cannot
/// be read are an [`Outcome::Incomplete`].
pub(crate) fn run(args: ReadArgs) -> Result<Outcome> {
    let total_bytes = Captures::total_bytes(&args.files);
    let progress =
        if args.no_progress || total_bytes == 0 { None } else { Progress::new(total_bytes) };
    let bar = progress.as_ref().map(Progress::bar);
    // A pipe may be live: `tcpdump -w - | tlsight read -`.
    let has_pipe = args.files.iter().any(|path| path == Path::new("-"));
    let source = if has_pipe { Source::Live } else { Source::Files };
    let files = args.files.len() as u64;
    let keys = Keys::load(&args.keys, &format!("sessions of {}", listed(&args.files)))?;
    let patience = (has_pipe && keys.may_grow()).then(Patience::default);
    let setup = Setup::new(args.common, source, bar)?.decrypting(keys.decryption(patience));
    let mut captures = Captures::new(args.files, progress).with_keys(keys);
    let result = analyse(&setup, &mut captures);
    captures.finish();
    let counted = result?;
    let failures = captures.failures();
    if failures.unopened < files {
        let mut losses = counted.counters.losses();
        add_failures(&mut losses, failures);
        setup.conclude(counted, &losses.clone(), losses)?;
    }
    let is_interrupted = setup.run.is_interrupted();
    if is_interrupted {
        message::error("interrupted; the rest was not read");
    }
    let is_complete = failures.unopened == 0 && failures.damaged == 0 && !is_interrupted;
    Ok(if is_complete { Outcome::Done } else { Outcome::Incomplete })
}

/// Analyses captures to their end.
///
/// # Errors
/// The output cannot be written to.
pub(crate) fn analyse(setup: &Setup, captures: &mut Captures) -> io::Result<Counted> {
    let workers = setup.workers().get();
    if workers == 1 {
        read_alone(&setup.run, captures, setup.worker())
    } else {
        let workers = (0..workers).map(|_| setup.worker()).collect();
        pipeline::read_with_workers(&setup.run, captures, workers)
    }
}

fn read_alone(run: &Run, captures: &mut Captures, mut worker: Worker<'_>) -> io::Result<Counted> {
    let mut block = Block::new();
    while !run.is_stopped() && captures.read_block(&mut block) {
        worker.handle_packets(block.packets())?;
        let end = block.packets().last().map_or(0, |packet| packet.timestamp_ns);
        worker.end_block(Timestamp::from_nanos(end))?;
    }
    worker.finish()
}

/// Adds what could not be read to losses.
pub(crate) fn add_failures(losses: &mut event::Losses, failures: Failures) {
    let unread = failures.damaged.saturating_add(failures.unopened);
    for (cause, count) in [
        (loss::FILES_DAMAGED, unread),
        (loss::TIMESTAMPS_CLAMPED, failures.clamped_timestamps),
        (loss::PACKETS_UNTIMED, failures.untimed_packets),
    ] {
        add_loss(losses, cause, count);
    }
}
