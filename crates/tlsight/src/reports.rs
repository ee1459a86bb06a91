//! `tlsight report`: the cryptography of captures or records, for auditors.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use event::Timestamp;
use policy::{Naming, Observation};
use report::{CbomVersion, Format, Head, Kind, Report, Use};

use crate::Outcome;
use crate::at::At;
use crate::message;
use crate::output::{grouped, loss_in_words};
use crate::records::{self, Looked, RecordArgs, Taker};

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ReportArgs {
    /// What is reported
    #[arg(value_name = "REPORT", value_enum)]
    kind: ReportKind,

    #[command(flatten)]
    records: RecordArgs,

    /// How it is written: json, csv, html, or ics for certificates
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: ReportFormat,

    /// Version of CycloneDX: 1.6 or 1.7
    #[arg(long, value_name = "VERSION", value_enum, default_value_t, hide_possible_values = true)]
    version: ReportVersion,

    /// Time of the report, from which days are counted: such as 2030-01-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<At>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReportKind {
    /// Cryptography bill of materials (CycloneDX)
    Cbom,
    /// Post-quantum readiness, and what stands in its way
    Pqc,
    /// Certificates of servers, and when they end
    Certificates,
    /// Inventory of cipher suites and protocols in use (PCI DSS 4.0.1, 12.3.3)
    Pci,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ReportFormat {
    #[default]
    Json,
    Csv,
    Html,
    Ics,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ReportVersion {
    #[default]
    #[value(name = "1.6")]
    V1_6,
    #[value(name = "1.7")]
    V1_7,
}

/// Writes a report to standard output.
///
/// # Errors
/// A report that is not written in that format, settings that make no sense, or a standard output that
/// cannot be written to.
pub(crate) fn run(args: ReportArgs) -> Result<Outcome> {
    let kind = match args.kind {
        ReportKind::Cbom => Kind::Cbom,
        ReportKind::Pqc => Kind::Pqc,
        ReportKind::Certificates => Kind::Certificates,
        ReportKind::Pci => Kind::Pci,
    };
    let format = match args.format {
        ReportFormat::Json => Format::Json,
        ReportFormat::Csv => Format::Csv,
        ReportFormat::Html => Format::Html,
        ReportFormat::Ics => Format::Ics,
    };
    let version = match args.version {
        ReportVersion::V1_6 => CbomVersion::V1_6,
        ReportVersion::V1_7 => CbomVersion::V1_7,
    };
    let head = Head {
        now: args.at.unwrap_or(At::Now).time(),
        serial: serial(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let empty = Report::new(kind);
    empty.write(&head, format, version).map_err(|error| anyhow!(error))?;
    let Looked { taker, losses, is_complete } = records::read(args.records, Adding(empty))?;
    for (cause, count) in &losses {
        message::error(&format!("not seen: {}: {}", loss_in_words(cause), grouped(*count)));
    }
    let mut text = taker.0.write(&head, format, version).map_err(|error| anyhow!(error))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(if is_complete { Outcome::Done } else { Outcome::Incomplete })
}

/// Adds what is seen to a report.
struct Adding(Report);

impl Taker for Adding {
    fn take(&mut self, seen: Observation) {
        let (source, destination) = seen.entities(&Naming::default());
        let hour = seen.first.as_nanos().div_euclid(HOUR).saturating_mul(HOUR);
        self.0.add_step(Timestamp::from_nanos(hour), seen.posture.class, seen.sessions);
        self.0.add(&Use::of(seen, source, destination));
    }
}

/// A step of what is told over time, in nanoseconds.
const HOUR: i64 = 3600 * 1_000_000_000;

/// Random bytes.
fn serial() -> [u8; 16] {
    let random = || u128::from(RandomState::new().build_hasher().finish());
    (random() << 64 | random()).to_be_bytes()
}

const HELP: &str = "\
What could not be seen is told on standard error. Exit status: 0 done, 1 if something could not be read,
2 wrong use.";
