//! Writes the lines out. Whatever is the matter with the output, the capture does not notice.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sinks::{LineFile, OldFiles, Rotation};
use spool::Next;

use super::LONGEST_WAIT;
use super::monitor::{Dropped, Monitor, Stage};
use super::settings::{AgentLayer, OutputSettings};
use crate::message;

/// Where lines go that no file is for.
pub(crate) trait Sink: Send {
    /// Takes whole lines, or nothing.
    ///
    /// # Errors
    /// They are not taken, and lost.
    fn take(&mut self, lines: &[u8]) -> io::Result<()>;

    /// What it is called in messages.
    fn name(&self) -> &'static str;
}

/// Takes lines from the queue and writes them.
pub(super) struct Writer {
    monitor: Arc<Monitor>,
    settings: OutputSettings,
    sink: Option<Box<dyn Sink>>,
    file: Option<LineFile>,
    trouble: Option<Trouble>,
    cannot_rotate: bool,
    is_tending: Arc<AtomicBool>,
}

/// An output that does not work.
struct Trouble {
    tried: Instant,
    dropped: u64,
}

impl Writer {
    /// A writer to the output of `settings`.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub(super) fn open(settings: OutputSettings, monitor: Arc<Monitor>) -> io::Result<Self> {
        let file = settings.path.as_deref().map(LineFile::open).transpose()?;
        Ok(Self { file, settings, ..Self::new(monitor) })
    }

    /// A writer to a sink.
    pub(super) fn to(sink: Box<dyn Sink>, monitor: Arc<Monitor>) -> Self {
        Self { sink: Some(sink), ..Self::new(monitor) }
    }

    fn new(monitor: Arc<Monitor>) -> Self {
        Self {
            monitor,
            settings: AgentLayer::default().with_defaults().output,
            sink: None,
            file: None,
            trouble: None,
            cannot_rotate: false,
            is_tending: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            if let Some(settings) = self.monitor.take_output_settings() {
                self.change(settings);
            }
            match self.monitor.queue.pop(LONGEST_WAIT) {
                Next::Item(chunk) => {
                    self.write(&chunk.lines);
                    self.monitor.lag(Stage::Output, chunk.since.elapsed().as_secs_f64());
                }
                Next::Nothing => self.rotate_if_due(0),
                Next::Closed => return,
            }
        }
    }

    /// Takes other settings and opens the file anew, for who renames it himself.
    fn change(&mut self, settings: OutputSettings) {
        if self.sink.is_some() {
            return;
        }
        self.settings = settings;
        self.cannot_rotate = false;
        match self.settings.path.as_deref().map(LineFile::open).transpose() {
            Ok(file) => self.file = file,
            Err(error) => {
                self.file = None;
                self.begin_trouble(&error);
            }
        }
    }

    fn write(&mut self, lines: &[u8]) {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.tried.elapsed() < RETRY_EVERY) {
            return self.drop_lines(lines);
        }
        self.rotate_if_due(lines.len());
        match self.try_write(lines) {
            Ok(()) => {
                self.monitor.wrote(count(lines));
                self.end_trouble();
            }
            Err(error) => {
                self.begin_trouble(&error);
                self.drop_lines(lines);
            }
        }
    }

    fn try_write(&mut self, lines: &[u8]) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            return sink.take(lines);
        }
        let Some(path) = &self.settings.path else {
            let mut out = io::stdout().lock();
            return out.write_all(lines).and_then(|()| out.flush());
        };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(LineFile::open(path)?),
        };
        file.write(lines)
    }

    fn begin_trouble(&mut self, error: &io::Error) {
        let dropped = self.trouble.as_ref().map_or(0, |trouble| trouble.dropped);
        if self.trouble.is_none() {
            message::error(&format!(
                "cannot write to {}: {error}; the capture goes on, and lines are dropped and \
                 counted until it works",
                self.place()
            ));
        }
        self.trouble = Some(Trouble { tried: Instant::now(), dropped });
        self.monitor.set_output_works(false);
    }

    fn end_trouble(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            let (place, dropped) = (self.place(), trouble.dropped);
            message::error(&format!(
                "writing to {place} works again; {dropped} lines were dropped"
            ));
            self.monitor.set_output_works(true);
        }
    }

    fn drop_lines(&mut self, lines: &[u8]) {
        let lines = count(lines);
        self.monitor.dropped(Dropped::OutputFailed, lines);
        if let Some(trouble) = &mut self.trouble {
            trouble.dropped = trouble.dropped.saturating_add(lines);
        }
    }

    fn rotate_if_due(&mut self, more: usize) {
        let Some(file) = &mut self.file else { return };
        if !file.is_due(&self.settings.rotation, more) {
            return;
        }
        match file.rotate() {
            Ok(()) => {
                self.cannot_rotate = false;
                self.tend();
            }
            Err(error) if !self.cannot_rotate => {
                self.cannot_rotate = true;
                message::error(&format!(
                    "{} cannot be renamed and begun anew: {error}; it grows on",
                    self.place()
                ));
            }
            Err(_) => {}
        }
    }

    /// Removes and compresses old files, which may take seconds, in a thread of its own.
    fn tend(&self) {
        let Some(path) = self.settings.path.clone() else { return };
        if self.is_tending.swap(true, Ordering::Relaxed) {
            return;
        }
        let Rotation { keep, compress, .. } = self.settings.rotation;
        let is_tending = Arc::clone(&self.is_tending);
        thread::spawn(move || {
            if let Err(error) = OldFiles::of(&path).tend(keep, compress) {
                let path = path.display();
                message::error(&format!("old files of {path} cannot be put in order: {error}"));
            }
            is_tending.store(false, Ordering::Relaxed);
        });
    }

    fn place(&self) -> String {
        if let Some(sink) = &self.sink {
            return sink.name().to_owned();
        }
        let path = self.settings.path.as_deref();
        path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string())
    }
}

/// How many lines there are.
pub(super) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A full disk is not tried with each line.
const RETRY_EVERY: Duration = Duration::from_millis(500);
