//! Whole lines, from any worker, to standard output.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use event::{LossEvent, Losses, SummaryEvent, Timestamp, TlsEvent, ToJson, Totals};
use indicatif::ProgressBar;

use super::summary::{self, Page};
use super::table::Day;
use super::{Format, Span};

/// Writes lines to standard output, never mixed with another worker's.
pub(crate) struct Printer {
    format: Format,
    page: Page,
    progress: Option<ProgressBar>,
    sink: Mutex<Sink>,
}

struct Sink {
    out: Box<dyn Write + Send>,
    has_heading: bool,
    day: Option<Day>,
}

/// Whole lines that a worker has yet to hand to the printer.
#[derive(Default)]
pub(crate) struct Chunk {
    lines: Vec<u8>,
    /// The first and the last day of the table's rows.
    days: Option<(Day, Day)>,
}

impl Chunk {
    /// Bytes of the lines.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len()
    }
}

impl Printer {
    /// A printer to standard output, with summaries on `page`. `progress` is a bar on standard error to keep out of the way.
    pub(crate) fn new(format: Format, page: Page, progress: Option<ProgressBar>) -> Self {
        Self::to(Box::new(io::stdout()), format, page, progress)
    }

    /// A printer to `out`, which is given whole lines.
    pub(crate) fn to(
        out: Box<dyn Write + Send>,
        format: Format,
        page: Page,
        progress: Option<ProgressBar>,
    ) -> Self {
        let sink = Mutex::new(Sink { out, has_heading: false, day: None });
        Self { format, page, progress, sink }
    }

    /// Renders a session to the end of `chunk`.
    pub(crate) fn render(&self, event: &TlsEvent, chunk: &mut Chunk) {
        match &self.format {
            Format::Json => json_line(event, &mut chunk.lines),
            Format::Detail(palette) => super::detail::write(event, *palette, &mut chunk.lines),
            Format::Table(table) => {
                let day = Day::of(event.timestamp);
                match &mut chunk.days {
                    None => chunk.days = Some((day, day)),
                    Some((_, last)) if *last != day => {
                        *last = day;
                        table.day(day, &mut chunk.lines);
                    }
                    Some(_) => {}
                }
                table.row(event, &mut chunk.lines);
            }
        }
    }

    /// Writes the lines of `chunk`, and empties it.
    ///
    /// # Errors
    /// What standard output reports, such as that its reader is gone.
    pub(crate) fn flush(&self, chunk: &mut Chunk) -> io::Result<()> {
        if chunk.lines.is_empty() {
            return Ok(());
        }
        let result = self.quietly(|sink| {
            if let (Format::Table(table), Some((first, last))) = (&self.format, chunk.days) {
                let mut heading = Vec::new();
                if sink.day.replace(last) != Some(first) {
                    table.day(first, &mut heading);
                }
                if !sink.has_heading {
                    sink.has_heading = true;
                    table.heading(&mut heading);
                }
                sink.out.write_all(&heading)?;
            }
            sink.out.write_all(&chunk.lines)?;
            sink.out.flush()
        });
        chunk.lines.clear();
        chunk.days = None;
        result
    }

    /// Writes what was lost since the last such line, in the middle of a run.
    ///
    /// # Errors
    /// What standard output reports.
    pub(crate) fn loss(&self, at: Timestamp, losses: &Losses) -> io::Result<()> {
        let mut lines = Vec::new();
        match &self.format {
            Format::Json => json_line(&LossEvent::new(at, losses.clone()), &mut lines),
            Format::Table(_) | Format::Detail(_) => {
                summary::write_loss(losses, self.page, &mut lines)
            }
        }
        self.quietly(|sink| {
            sink.out.write_all(&lines)?;
            sink.out.flush()
        })
    }

    /// Writes the totals of a run.
    ///
    /// # Errors
    /// What standard output reports.
    pub(crate) fn summary(&self, totals: Totals, span: Span) -> io::Result<()> {
        let mut lines = Vec::new();
        match &self.format {
            Format::Json => {
                let at = span.last().unwrap_or_default();
                json_line(&SummaryEvent::new(at, totals), &mut lines);
            }
            Format::Table(_) | Format::Detail(_) => {
                summary::write(&totals, span, self.page, &mut lines);
            }
        }
        self.quietly(|sink| {
            sink.out.write_all(&lines)?;
            sink.out.flush()
        })
    }

    /// Whether the lines are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// Runs `write` with the output locked and the progress bar out of the way.
    fn quietly(&self, write: impl FnOnce(&mut Sink) -> io::Result<()>) -> io::Result<()> {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.progress {
            Some(bar) => bar.suspend(|| write(&mut sink)),
            None => write(&mut sink),
        }
    }
}

fn json_line(value: &impl ToJson, lines: &mut Vec<u8>) {
    value.write_json(lines);
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::output::{Palette, Table, sample};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Memory {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn printer(format: Format) -> (Memory, Printer) {
        let memory = Memory::default();
        let page = Page { columns: 80, palette: Palette::Mono };
        let printer = Printer::to(Box::new(memory.clone()), format, page, None);
        (memory, printer)
    }

    #[test]
    fn a_session_is_one_line_of_json_whatever_its_name() {
        let (memory, printer) = printer(Format::Json);
        let mut chunk = Chunk::default();
        let mut event = sample::tls13();
        event.tls.client.server_name = Some("a\n\x1b[2Jb".into());
        printer.render(&event, &mut chunk);
        printer.render(&sample::tls12(), &mut chunk);
        printer.flush(&mut chunk).unwrap();
        let text = memory.text();
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains('\x1b'));
        let value: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(value["tls"]["client"]["server_name"], "a\n\x1b[2Jb");
    }

    #[test]
    fn the_heading_comes_once_and_a_day_when_it_begins() {
        let (memory, printer) = printer(Format::Table(Table::new(80, Palette::Mono)));
        let mut chunk = Chunk::default();
        let mut tomorrow = sample::tls13();
        tomorrow.timestamp = sample::START.plus_nanos(86_400_000_000_000);
        for (event, flush) in [
            (&sample::tls13(), true),
            (&sample::tls13(), false),
            (&tomorrow, true),
            (&tomorrow, true),
        ] {
            printer.render(event, &mut chunk);
            if flush {
                printer.flush(&mut chunk).unwrap();
            }
        }
        let text = memory.text();
        let firsts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(firsts, ["--", "TIME", "13:30:00", "13:30:00", "--", "13:30:00", "13:30:00"]);
        assert!(text.contains("-- 2026-11-22 UTC --"));
    }

    #[test]
    fn losses_and_totals_are_lines_too() {
        let (memory, printer) = printer(Format::Json);
        printer.loss(sample::START, &[("gaps", 2)].into()).unwrap();
        printer.summary(Totals { packets: 7, ..Totals::default() }, Span::default()).unwrap();
        let lines: Vec<serde_json::Value> =
            memory.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["event"]["dataset"], "tlsight.loss");
        assert_eq!(lines[0]["tlsight"]["loss"]["gaps"], 2);
        assert_eq!(lines[1]["tlsight"]["summary"]["packets"], 7);
    }
}
