//! Whole programs on large captures.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::captures::{self, Capture};
use super::measure::{Cost, measure, median};
use super::peers::{Peer, build_tlsight};
use super::{Options, table};

/// A program's cost on a capture.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cost: Cost,
    /// Records that it writes, of programs that do.
    pub(super) records: Option<u64>,
    pub(super) is_tlsight: bool,
}

pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    if !options.perf.join("gen.rs").is_file() {
        println!("skipped: whole programs: no generator of captures in {}", options.perf.display());
        return Ok(());
    }
    let tlsight = build_tlsight(root)?;
    let captures = captures::make(options)?;
    let floor = captures::compile(options, "floor")?;
    let mut peers =
        vec![Peer::floor(floor), Peer::tlsight(&tlsight, 1), Peer::tlsight(&tlsight, 2)];
    peers.extend(Peer::installed());
    for capture in &captures {
        let rows = measure_all(root, options, capture, &peers)?;
        table::print(capture, &rows)?;
    }
    Ok(())
}

/// Counts the records that the programs write, and then measures the programs in turn, round by round,
/// so that a slow spell of the machine meets all.
///
/// What is measured is discarded: what a file costs depends on how the machine comes by the memory
/// for its pages, which differed threefold from run to run.
fn measure_all(
    root: &Path,
    options: &Options,
    capture: &Capture,
    peers: &[Peer],
) -> Result<Vec<Row>> {
    let records = peers
        .iter()
        .map(|peer| count_records(root, options, capture, peer))
        .collect::<Result<Vec<_>>>()?;
    let nowhere = Path::new("/dev/null");
    let mut costs = vec![Vec::new(); peers.len()];
    for round in 0..options.runs.max(1) {
        for (peer, costs) in peers.iter().zip(&mut costs) {
            if peer.is_slow() && (round > 0 || capture.name == "bulk") {
                continue;
            }
            println!("{}: {}, run {}", capture.name, peer.name, round + 1);
            let command = peer.command(capture, root, &options.work, nowhere)?;
            costs.push(measure(&command, nowhere)?);
        }
    }
    let measured = peers.iter().zip(records).zip(costs).filter(|(_, costs)| !costs.is_empty());
    measured
        .map(|((peer, records), costs)| {
            let (name, cost) = (peer.name.clone(), median(costs)?);
            Ok(Row { name, cost, records, is_tlsight: peer.is_tlsight() })
        })
        .collect()
}

/// How many records a program writes of a capture; tlsight is to write one for each connection.
fn count_records(
    root: &Path,
    options: &Options,
    capture: &Capture,
    peer: &Peer,
) -> Result<Option<u64>> {
    if !peer.writes_records() {
        return Ok(None);
    }
    let output = options.work.join("records");
    std::fs::remove_file(&output).ok();
    let command = peer.command(capture, root, &options.work, &output)?;
    let standard = if peer.is_tlsight() { &output } else { Path::new("/dev/null") };
    measure(&command, standard)?;
    let mut count = 0;
    for line in BufReader::new(File::open(&output)?).split(b'\n') {
        line?;
        count += 1;
    }
    std::fs::remove_file(&output).context("the records are gone")?;
    let connections = capture.truth.connections;
    ensure!(
        !peer.is_tlsight() || count == connections,
        "tlsight wrote {count} records of {connections} connections"
    );
    Ok(Some(count))
}
