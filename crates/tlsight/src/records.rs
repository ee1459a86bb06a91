//! Observations from captures and from files of records, for commands that look at all of them.

mod file;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use clap::Args;
use policy::{NotAnObservation, Observation};
use serde_json::Value;

use crate::captures::Captures;
use crate::cli::AnalysisArgs;
use crate::message;
use crate::output::loss;
use crate::progress::Progress;
use crate::read::{add_failures, analyse};
use crate::setup::{Setup, add_loss};

/// What is looked at.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Captures, or records of tlsight (.ndjson, .jsonl or .json, also with .gz); `-` is records from
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Do not show progress on standard error
    #[arg(long)]
    no_progress: bool,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// Whoever looks at observations.
pub(crate) trait Taker: Send + 'static {
    /// Takes one.
    fn take(&mut self, seen: Observation);
}

/// What a look at all records gave.
pub(crate) struct Looked<T> {
    /// Whoever looked.
    pub(crate) taker: T,
    /// What could not be seen.
    pub(crate) losses: event::Losses,
    /// Whether all files were read to their end.
    pub(crate) is_complete: bool,
}

/// Reads all of it, captures first.
///
/// # Errors
/// Settings that make no sense.
pub(crate) fn read<T: Taker>(args: RecordArgs, taker: T) -> Result<Looked<T>> {
    let (records, captures): (Vec<PathBuf>, Vec<PathBuf>) =
        args.files.into_iter().partition(|path| file::is_of_records(path));
    let intake = Arc::new(Mutex::new(Some(Intake { taker, losses: BTreeMap::new(), refused: 0 })));
    let mut losses = event::Losses::new();
    let mut is_complete = true;
    if !captures.is_empty() {
        let progress =
            if args.no_progress { None } else { Progress::new(Captures::total_bytes(&captures)) };
        let bar = progress.as_ref().map(Progress::bar);
        let out = Box::new(Lines(Arc::clone(&intake)));
        let setup = Setup::internal(&args.analysis, out, bar)?;
        let mut captures = Captures::new(captures, progress);
        let counted = analyse(&setup, &mut captures);
        captures.finish();
        losses = counted?.counters.losses();
        let failures = captures.failures();
        add_failures(&mut losses, failures);
        is_complete = failures.unopened == 0 && failures.damaged == 0;
        if setup.run.is_interrupted() {
            message::error("interrupted; the rest was not read");
            is_complete = false;
        }
    }
    for path in &records {
        is_complete &= read_file(path, &intake);
    }
    let intake = intake.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Intake { taker, losses: told, refused }) = intake else {
        anyhow::bail!("the records are gone");
    };
    for (cause, count) in told {
        let cause = loss::known(&cause).unwrap_or(loss::TOLD_BY_OTHERS);
        add_loss(&mut losses, cause, count);
    }
    add_loss(&mut losses, loss::RECORDS_REFUSED, refused);
    Ok(Looked { taker, losses, is_complete: is_complete && refused == 0 })
}

fn read_file<T: Taker>(path: &Path, intake: &Shared<T>) -> bool {
    let result = file::lines(path, |line, number| {
        let mut intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(intake) = intake.as_mut() else { return };
        if let Err(error) = intake.line(line) {
            if intake.refused < MAX_COMPLAINTS {
                message::error(&format!("{}: line {number}: {error}", path.display()));
            }
            intake.refused = intake.refused.saturating_add(1);
        }
    });
    if let Err(error) = &result {
        message::error(&format!("{}: {error}; what comes before that was read", path.display()));
    }
    result.is_ok()
}

type Shared<T> = Arc<Mutex<Option<Intake<T>>>>;

/// Lines on their way to whoever looks at them.
struct Intake<T> {
    taker: T,
    losses: BTreeMap<String, u64>,
    /// Lines that are no records.
    refused: u64,
}

impl<T: Taker> Intake<T> {
    fn line(&mut self, line: &[u8]) -> Result<(), NotAnObservation> {
        match Observation::parse(line) {
            Ok(seen) => {
                self.taker.take(seen);
                Ok(())
            }
            Err(NotAnObservation::OtherDataset(dataset)) => {
                if dataset == "tlsight.loss" {
                    self.add_losses(line);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Adds what a line says that was lost: whoever wrote the records did not see it.
    fn add_losses(&mut self, line: &[u8]) {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let counts = line.pointer("/tlsight/loss").and_then(Value::as_object);
        for (cause, count) in counts.into_iter().flatten() {
            let is_new = !self.losses.contains_key(cause);
            if is_new && self.losses.len() >= MAX_CAUSES {
                continue;
            }
            let sum = self.losses.entry(cause.clone()).or_default();
            *sum = sum.saturating_add(count.as_u64().unwrap_or(0));
        }
    }
}

/// What the pipeline writes its lines to.
struct Lines<T>(Shared<T>);

impl<T: Taker> Write for Lines<T> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut intake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(intake) = intake.as_mut() {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if intake.line(line).is_err() {
                    intake.refused = intake.refused.saturating_add(1);
                }
            }
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As many lines that are no records are told one by one.
const MAX_COMPLAINTS: u64 = 5;

/// There are some dozens of causes.
const MAX_CAUSES: usize = 256;
