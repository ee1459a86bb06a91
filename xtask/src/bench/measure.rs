//! What a program costs: CPU time, elapsed time and peak memory.
//!
//! Each program runs under a process of its own that does nothing but wait for it, because the
//! kernel gives the peak memory of children only as the largest of all.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What one run of a program cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Cost {
    /// User and system time in seconds.
    pub(super) cpu_s: f64,
    /// Elapsed time in seconds.
    pub(super) wall_s: f64,
    /// Largest resident size in MiB.
    pub(super) peak_mib: f64,
}

/// Runs `command`, its output going to `output`, and says what it cost.
pub(super) fn measure(command: &[OsString], output: &std::path::Path) -> Result<Cost> {
    let this = std::env::current_exe().context("this program cannot be found")?;
    let report = Command::new(this)
        .args(["bench", "--measure"])
        .arg(output)
        .args(command)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the measuring process cannot be run")?;
    ensure!(report.status.success(), "{command:?} failed");
    serde_json::from_slice(&report.stdout).context("the measuring process said nothing")
}

/// The median of `runs` runs by CPU time.
pub(super) fn median(mut costs: Vec<Cost>) -> Result<Cost> {
    costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    costs.get(costs.len() / 2).copied().context("there was no run")
}

/// The measuring process: runs the command in its arguments, after the output file, and prints
/// what it cost.
pub(super) fn child(mut arguments: impl Iterator<Item = OsString>) -> Result<Outcome> {
    let (Some(output), Some(program)) = (arguments.next(), arguments.next()) else {
        bail!("a file and a command are needed");
    };
    let output = std::fs::File::create(output)?;
    let begin = Instant::now();
    let status =
        Command::new(&program).args(arguments).stdout(output).stderr(Stdio::null()).status()?;
    let wall = begin.elapsed();
    ensure!(status.success(), "{} failed: {status}", program.display());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time() + usage.system_time();
    let cost = Cost {
        cpu_s: Duration::from_micros(u64::try_from(cpu.num_microseconds())?).as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        peak_mib: usage.max_rss() as f64 / 1024.0,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(Outcome::Clean)
}
