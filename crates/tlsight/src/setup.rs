//! What `read` and `watch` do before and after the work.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use event::{Evidence, Losses};
use flow::Limits;
use indicatif::ProgressBar;
use probe::CommandLines;
use session::{Decryption, Settings};

use crate::cli::{AnalysisArgs, CommonArgs, OutputArgs};
use crate::config::Config;
use crate::filter::Filter;
use crate::kubernetes::KubernetesSettings;
use crate::output::{Format, NARROWEST, Page, Palette, Printer, Table, Traffic};
use crate::pipeline::{Counted, Observer, Run, Worker};
use crate::signals;

/// Where the packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Capture files.
    Files,
    /// An interface or a pipe, as they come.
    Live,
    /// The sockets of this host, as they come.
    Sockets,
}

/// A run that is about to begin.
pub(crate) struct Setup {
    /// What the workers share.
    pub(crate) run: Run,
    config: Config,
    limits: Limits,
    socket_limits: Limits,
    has_summary: bool,
}

impl Setup {
    /// Resolves settings and output.
    ///
    /// # Errors
    /// Settings that make no sense, or signals that cannot be handled.
    pub(crate) fn new(
        args: CommonArgs,
        source: Source,
        progress: Option<ProgressBar>,
    ) -> Result<Self> {
        let config = Config::resolve(args.analysis.layer(), args.analysis.config.as_deref())?;
        let is_terminal = io::stdout().is_terminal();
        let palette = Palette::choose(args.output.color, is_terminal);
        let columns = line_columns(is_terminal);
        let format = format(&args.output, source, is_terminal, Page { columns, palette });
        let is_prompt = source != Source::Files || is_terminal || !matches!(format, Format::Json);
        let printer = Printer::new(format, Page { columns, palette }, progress);
        let has_summary = args.output.summary || !(args.output.no_summary || printer.is_json());
        let stop = Arc::new(AtomicBool::new(false));
        signals::stop_on_request(&stop)?;
        let run = Run::new(args.filter.into_filter(), printer, is_prompt, stop, args.output.limit);
        Ok(Self::with(config, run, has_summary))
    }

    fn with(config: Config, run: Run, has_summary: bool) -> Self {
        let mut socket_limits = Limits::for_memory(config.settings.memory_bytes);
        socket_limits.hash_seed = RandomState::new().build_hasher().finish();
        let limits = socket_limits.divided(config.workers.get());
        Self { run, config, limits, socket_limits, has_summary }
    }

    /// The same, which opens the records of sessions whose secrets are known.
    pub(crate) fn decrypting(mut self, decryption: Decryption) -> Self {
        self.config.settings.decryption = Some(decryption);
        self
    }

    /// A run that nobody looks at: whole lines of NDJSON go to `out`, and each session to `observer`.
    ///
    /// # Errors
    /// Signals that cannot be handled.
    pub(crate) fn unattended(
        config: Config,
        filter: Filter,
        out: Box<dyn io::Write + Send>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self> {
        let run = Self::lines(filter, out, None, true)?.observed(observer);
        Ok(Self::with(config, run, false))
    }

    /// A run whose lines of NDJSON another part of the program reads.
    ///
    /// # Errors
    /// Settings that make no sense, or signals that cannot be handled.
    pub(crate) fn internal(
        args: &AnalysisArgs,
        out: Box<dyn io::Write + Send>,
        progress: Option<ProgressBar>,
    ) -> Result<Self> {
        let config = Config::resolve(args.layer(), args.config.as_deref())?;
        let run = Self::lines(Filter::default(), out, progress, false)?;
        Ok(Self::with(config, run, false))
    }

    fn lines(
        filter: Filter,
        out: Box<dyn io::Write + Send>,
        progress: Option<ProgressBar>,
        is_prompt: bool,
    ) -> Result<Run> {
        let page = Page { columns: FILE_COLUMNS, palette: Palette::Mono };
        let printer = Printer::to(out, Format::Json, page, progress);
        let stop = Arc::new(AtomicBool::new(false));
        signals::stop_on_request(&stop)?;
        Ok(Run::new(filter, printer, is_prompt, stop, None))
    }

    /// Number of workers.
    pub(crate) const fn workers(&self) -> std::num::NonZeroUsize {
        self.config.workers
    }

    /// A new worker.
    pub(crate) fn worker(&self) -> Worker<'_> {
        Worker::new(&self.run, self.config.settings_of_worker(), self.limits)
    }

    /// The one worker for packets of sockets.
    pub(crate) fn socket_worker(&self) -> Worker<'_> {
        let settings = Settings { evidence: Evidence::Socket, ..self.config.settings.clone() };
        Worker::new(&self.run, settings, self.socket_limits)
    }

    /// What becomes of the command lines of processes.
    pub(crate) const fn command_lines(&self) -> &CommandLines {
        &self.config.command_lines
    }

    /// How Kubernetes is asked.
    pub(crate) const fn kubernetes(&self) -> &KubernetesSettings {
        &self.config.kubernetes
    }

    /// Writes what follows the sessions: losses that no line has told yet, and the totals.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn conclude(
        &self,
        counted: Counted,
        untold: &Losses,
        all: Losses,
    ) -> io::Result<()> {
        let span = counted.tally.span();
        let printer = &self.run.printer;
        // The summary in words tells the losses itself.
        if !untold.is_empty() && (printer.is_json() || !self.has_summary) {
            printer.loss(span.last().unwrap_or_default(), untold)?;
        }
        if self.has_summary {
            let traffic = Traffic {
                packets: counted.counters.packets,
                packets_left_in_kernel: counted.left_in_kernel.packets,
                bytes: counted.counters.bytes.saturating_add(counted.left_in_kernel.bytes),
                flows: counted.counters.flows_opened,
            };
            printer.summary(counted.tally.into_totals(traffic, all), span)?;
        }
        Ok(())
    }
}

/// Adds a count to `losses`, unless it is 0.
pub(crate) fn add_loss(losses: &mut Losses, cause: &'static str, count: u64) {
    if count > 0 {
        let sum = losses.entry(cause).or_default();
        *sum = sum.saturating_add(count);
    }
}

fn format(args: &OutputArgs, source: Source, is_terminal: bool, page: Page) -> Format {
    let Page { columns, palette } = page;
    if args.json || !(is_terminal || args.table || args.detail) {
        Format::Json
    } else if args.detail {
        Format::Detail(palette)
    } else {
        Format::Table(match source {
            Source::Files | Source::Live => Table::new(columns, palette),
            Source::Sockets => Table::at_sockets(columns, palette),
        })
    }
}

/// How wide lines are to standard output.
pub(crate) fn line_columns(is_terminal: bool) -> usize {
    if is_terminal
        && let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
        && size.ws_col > 0
    {
        return size.ws_col.into();
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.unwrap_or(if is_terminal { NARROWEST } else { FILE_COLUMNS })
}

/// A table in a file has no width to keep; at this one nothing but the longest names is shortened.
const FILE_COLUMNS: usize = 160;
