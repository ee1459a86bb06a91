//! `cargo xtask bench`: how fast tlsight is, beside its peers and beside the floor, in one run.

mod captures;
mod files;
mod handover;
mod hold;
mod host;
mod live;
mod measure;
mod mirror;
mod peers;
mod sender;
mod table;
mod watchers;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::Outcome;
use crate::workspace;

/// What `cargo xtask bench` was asked for.
#[derive(Debug)]
struct Options {
    /// The parts to run; all if none is named.
    parts: Vec<Part>,
    /// Folder of the generator of captures and of the floor.
    perf: PathBuf,
    /// Folder for captures and outputs, several GB.
    work: PathBuf,
    /// Connections of the capture of handshakes.
    connections: u64,
    /// Sessions with each kind of server that are held.
    sessions: u64,
    /// Bytes of the capture of bulk transfers, as the generator takes them.
    bulk_bytes: String,
    /// Runs of each program; the median counts.
    runs: usize,
    /// Pairs of turns with each observer of a host, and rounds of each way to mirror.
    turns: usize,
    /// The program whose cost to its host is measured; a release build if none is named.
    tlsight: Option<PathBuf>,
    /// Observers of a host that are measured; all if none is named.
    observers: Vec<String>,
    /// Whether the turns of earlier runs on a host count too.
    adds_turns: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Parsers,
    Files,
    Decrypt,
    Live,
    Host,
    Mirror,
    Handover,
    Hold,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<Outcome> {
    let root = workspace::root();
    let mut options = Options {
        parts: Vec::new(),
        perf: root.join("../shared/perf"),
        work: std::env::temp_dir().join("tlsight-bench"),
        connections: 200_000,
        sessions: 10_000,
        bulk_bytes: "4g".to_owned(),
        runs: 3,
        turns: 12,
        tlsight: None,
        observers: Vec::new(),
        adds_turns: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("perf") => options.perf = parser.value()?.into(),
            Long("work") => options.work = parser.value()?.into(),
            Long("connections") => options.connections = parser.value()?.parse()?,
            Long("sessions") => options.sessions = parser.value()?.parse()?,
            Long("bulk-bytes") => options.bulk_bytes = parser.value()?.string()?,
            Long("runs") => options.runs = parser.value()?.parse()?,
            Long("turns") => options.turns = parser.value()?.parse()?,
            Long("tlsight") => {
                let program = PathBuf::from(parser.value()?).canonicalize()?;
                options.tlsight = Some(program);
            }
            Long("observer") => options.observers.push(parser.value()?.string()?),
            Long("add-turns") => options.adds_turns = true,
            Value(part) if part == "parsers" => options.parts.push(Part::Parsers),
            Value(part) if part == "files" => options.parts.push(Part::Files),
            Value(part) if part == "decrypt" => options.parts.push(Part::Decrypt),
            Value(part) if part == "live" => options.parts.push(Part::Live),
            Value(part) if part == "host" => options.parts.push(Part::Host),
            Value(part) if part == "mirror" => options.parts.push(Part::Mirror),
            Value(part) if part == "handover" => options.parts.push(Part::Handover),
            Value(part) if part == "hold" => options.parts.push(Part::Hold),
            Long("send") => {
                let interface = parser.value()?.string()?;
                let rate = parser.value()?.parse()?;
                return sender::run(&interface, rate, parser.value()?.as_ref());
            }
            Long("measure") => return measure::child(parser.raw_args()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let wants = |part| options.parts.is_empty() || options.parts.contains(&part);
    if wants(Part::Parsers) {
        cargo_bench(&root, &["--workspace"])?;
    }
    if wants(Part::Decrypt) && !wants(Part::Parsers) {
        cargo_bench(&root, &["--package", "session", "--bench", "decrypt"])?;
    }
    if wants(Part::Files) {
        files::run(&root, &options)?;
    }
    if wants(Part::Live) {
        live::run(&root, &options)?;
    }
    if wants(Part::Host) {
        host::run(&root, &options)?;
    }
    if wants(Part::Mirror) {
        mirror::run(&root, &options)?;
    }
    if wants(Part::Handover) {
        handover::run(&root, &options)?;
    }
    if wants(Part::Hold) {
        hold::run(&root, &options)?;
    }
    Ok(Outcome::Clean)
}

/// Runs benchmarks of the crates.
fn cargo_bench(root: &std::path::Path, which: &[&str]) -> Result<()> {
    let status = Command::new("cargo")
        .args(["bench", "--locked"])
        .args(which)
        .current_dir(root)
        .status()
        .context("cargo cannot be run")?;
    if !status.success() {
        bail!("cargo bench failed: {status}");
    }
    Ok(())
}
