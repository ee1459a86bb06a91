//! Whole programs on large captures.

use std::path::Path;

use anyhow::{Context, Result};

use super::captures::{self, Capture};
use super::measure::{Cost, measure, median};
use super::peers::{Peer, build_tlsight};
use super::{Options, table};

/// A program's cost on a capture.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cost: Cost,
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

/// Measures the programs in turn, round by round, so that a slow spell of the machine meets all.
fn measure_all(
    root: &Path,
    options: &Options,
    capture: &Capture,
    peers: &[Peer],
) -> Result<Vec<Row>> {
    let output = options.work.join("output");
    let mut costs = vec![Vec::new(); peers.len()];
    std::io::copy(&mut std::fs::File::open(&capture.path)?, &mut std::io::sink())?;
    for round in 0..options.runs.max(1) {
        for (peer, costs) in peers.iter().zip(&mut costs) {
            if peer.is_slow() && (round > 0 || capture.name == "bulk") {
                continue;
            }
            println!("{}: {}, run {}", capture.name, peer.name, round + 1);
            let command = peer.command(capture, root, &options.work)?;
            costs.push(measure(&command, &output)?);
        }
    }
    std::fs::remove_file(&output).context("the output is gone")?;
    let measured = peers.iter().zip(costs).filter(|(_, costs)| !costs.is_empty());
    measured
        .map(|(peer, costs)| {
            let cost = median(costs)?;
            Ok(Row { name: peer.name.clone(), cost, is_tlsight: peer.is_tlsight() })
        })
        .collect()
}
