//! Large captures to measure with, made by the generator.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Options;

/// A capture and what is known of it.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) truth: Truth,
}

/// What the generator says that it made.
#[derive(Debug, Deserialize)]
pub(super) struct Truth {
    pub(super) connections: u64,
    pub(super) packets: u64,
}

/// Compiles the generator and the floor, and makes the captures that are not there yet.
pub(super) fn make(options: &Options) -> Result<Vec<Capture>> {
    std::fs::create_dir_all(&options.work)?;
    let generator = compile(options, "gen")?;
    let connections = options.connections.to_string();
    let handshakes = ["--mode", "handshakes", "--conns", &connections];
    let bulk = ["--mode", "bulk", "--bytes", &options.bulk_bytes];
    Ok(vec![
        capture(options, &generator, "handshakes", &handshakes)?,
        capture(options, &generator, "bulk", &bulk)?,
    ])
}

/// Compiles `NAME.rs` of the generator's folder.
pub(super) fn compile(options: &Options, name: &str) -> Result<PathBuf> {
    let source = options.perf.join(name).with_extension("rs");
    let program = options.work.join(name);
    let status = Command::new("rustc")
        .args(["--edition", "2021", "-O", "-C", "target-cpu=native", "-A", "warnings", "-o"])
        .args([&program, &source])
        .status()
        .context("rustc cannot be run")?;
    ensure!(status.success(), "{} does not compile", source.display());
    Ok(program)
}

fn capture(
    options: &Options,
    generator: &Path,
    name: &'static str,
    arguments: &[&str],
) -> Result<Capture> {
    let size = arguments.last().copied().unwrap_or_default();
    let path = options.work.join(format!("{name}-{size}.pcap"));
    let truth = path.with_extension("pcap.truth.json");
    if !truth.exists() {
        println!("making {} ...", path.display());
        let status = Command::new(generator)
            .args(arguments)
            .args(["--seed", "1", "--templates"])
            .arg(options.perf.join("templates.bin"))
            .arg("--out")
            .arg(&path)
            .stdout(std::process::Stdio::null())
            .status()?;
        ensure!(status.success(), "the generator failed: {status}");
    }
    let truth = serde_json::from_slice(&std::fs::read(&truth)?)?;
    let bytes = std::fs::metadata(&path)?.len();
    Ok(Capture { name, path, bytes, truth })
}
