//! What an observer costs the host that it observes: many short turns with it and without it, one
//! beside the other, and what the two differ by.
//!
//! Of a machine that does other things as well, throughput says little; CPU time, which is counted
//! for the traffic alone, says more. Both are printed with the interval in which they can be trusted.

mod cgroup;
mod estimate;
mod observer;
mod table;
mod traffic;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Options;
use super::peers::{build_tlsight, find};
use crate::workspace::target_dir;
use observer::{Observer, Running};
use traffic::{LARGE, MIDDLE, SMALL, Traffic};

/// Downloads and connects by turns with each observer and with none, and prints what it costs.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["nginx", "openssl", "curl", "taskset"] {
        if find(needed).is_none() {
            println!("skipped: host: {needed} is not installed");
            return Ok(());
        }
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: host: programs in the kernel need root");
        return Ok(());
    }
    let (tlsight, clients) = programs(root, options)?;
    let work = options.work.join("host");
    fs::create_dir_all(&work)?;
    let kept = work.join("turns.ndjson");
    if !options.adds_turns {
        fs::remove_file(&kept).ok();
    }
    let observers = Observer::installed(tlsight, root, &work, &options.observers);
    let traffic = Traffic::start(&work, clients)?;
    for turn in 0..options.turns {
        for observer in &observers {
            eprintln!("host: {}, turn {} of {}", observer.name, turn + 1, options.turns);
            let pair = Pair::measure(observer, &traffic, &work, turn)?;
            let mut file = File::options().append(true).create(true).open(&kept)?;
            writeln!(file, "{}", serde_json::to_string(&pair)?)?;
        }
    }
    let text = fs::read_to_string(&kept)?;
    let pairs = text.lines().map(serde_json::from_str).collect::<Result<Vec<Pair>, _>>()?;
    table::print(&pairs)
}

/// Two turns, one beside the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    observer: String,
    with: Turn,
    without: Turn,
    cost: Cost,
}

/// What the traffic came to in one turn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Turn {
    /// Bytes a second of a download.
    download: f64,
    /// CPU seconds of server, client and kernel for each byte of it.
    cpu_s_per_byte: f64,
    /// New connections a second, of [`RATE`] that were asked for.
    connections: f64,
    /// CPU seconds for each of them.
    cpu_s_per_connection: f64,
    /// Microseconds that all but one of a hundred of them took at most.
    p99_us: f64,
    /// New connections a second, of as many as there could be.
    most_connections: f64,
}

/// What an observer itself cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cost {
    /// Its CPU seconds for each new connection.
    cpu_s_per_connection: f64,
    resident_mib: f64,
    /// What downloads cost it, which is not measured in each turn.
    bulk: Option<Bulk>,
}

/// CPU seconds of an observer for the small download, and for the large one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bulk {
    small_cpu_s: f64,
    large_cpu_s: f64,
}

impl Pair {
    fn measure(observer: &Observer, traffic: &Traffic, work: &Path, turn: usize) -> Result<Self> {
        let before = if turn.is_multiple_of(2) { None } else { Some(Turn::measure(traffic)?) };
        let running = observer.start(work)?;
        let with = Turn::measure(traffic)?;
        let cost = Cost::measure(traffic, &running, turn.is_multiple_of(BULK_EVERY))?;
        drop(running);
        let without = before.map_or_else(|| Turn::measure(traffic), Ok)?;
        Ok(Self { observer: observer.name.to_owned(), with, without, cost })
    }
}

impl Turn {
    fn measure(traffic: &Traffic) -> Result<Self> {
        let begin = traffic.cpu_s()?;
        let download = traffic.download(MIDDLE)?;
        let after_download = traffic.cpu_s()?;
        let at_rate = traffic.connect(RATE, AT_RATE_S)?;
        let after_connections = traffic.cpu_s()?;
        let most = traffic.connect(0.0, AT_MOST_S)?;
        Ok(Self {
            download,
            cpu_s_per_byte: (after_download - begin) / MIDDLE.1 as f64,
            connections: at_rate.connections / at_rate.seconds,
            cpu_s_per_connection: (after_connections - after_download) / at_rate.connections,
            p99_us: at_rate.p99_us,
            most_connections: most.connections / most.seconds,
        })
    }
}

impl Cost {
    fn measure(traffic: &Traffic, running: &Running, with_bulk: bool) -> Result<Self> {
        let settled = || {
            std::thread::sleep(LAST_LINES);
            running.cpu_s()
        };
        let begin = settled()?;
        let connections = traffic.connect(RATE, AT_MOST_S)?.connections;
        let after_connections = settled()?;
        let download = |file| -> Result<f64> {
            let begin = running.cpu_s()?;
            traffic.download(file)?;
            Ok(settled()? - begin)
        };
        let bulk = || -> Result<Bulk> {
            Ok(Bulk { small_cpu_s: download(SMALL)?, large_cpu_s: download(LARGE)? })
        };
        Ok(Self {
            cpu_s_per_connection: (after_connections - begin) / connections,
            resident_mib: running.resident_mib()?,
            bulk: with_bulk.then(bulk).transpose()?,
        })
    }
}

/// The programs: those that are named, or release builds, made first.
fn programs(root: &Path, options: &Options) -> Result<(PathBuf, PathBuf)> {
    if let Some(tlsight) = &options.tlsight {
        let clients = tlsight.with_file_name("examples").join("connections");
        ensure!(clients.is_file(), "{} is missing", clients.display());
        return Ok((tlsight.clone(), clients));
    }
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "tlsight"])
        .args(["--example", "connections"])
        .current_dir(root)
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "the clients do not build: {status}");
    Ok((build_tlsight(root)?, target_dir().join("release/examples/connections")))
}

/// New connections a second that are asked for.
const RATE: f64 = 1000.0;

/// How long that is kept up, and how long as many as possible are opened.
const AT_RATE_S: f64 = 1.5;
const AT_MOST_S: f64 = 1.0;

/// The large download takes as long as all else of a turn.
const BULK_EVERY: usize = 4;

/// For the last lines of an observer.
const LAST_LINES: std::time::Duration = std::time::Duration::from_millis(400);
