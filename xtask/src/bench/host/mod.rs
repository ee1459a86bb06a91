//! What an observer costs the host that it observes: many short turns in a lane that it sees and in one
//! that it does not, one beside the other, and what the two differ by.
//!
//! Of a machine that does other things as well, throughput says little; CPU time, which is counted
//! for the traffic alone, says more. Both are printed with the interval in which they can be trusted.

mod cgroup;
mod elsewhere;
mod estimate;
mod observer;
mod programs;
mod table;
mod traffic;
mod windows;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Options;
use super::peers::{build_tlsight, find};
use crate::workspace::target_dir;
use observer::{Observer, Running};
use programs::Programs;
use traffic::{LARGE, MIDDLE, SMALL};
use windows::{Ends, Window};

pub(super) use cgroup::Cgroup;
pub(super) use estimate::Estimate;
pub(super) use traffic::{GIBIBYTE, Lane, prepare};

/// Downloads and connects by turns with each observer and with none, and prints what it costs.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["nginx", "openssl", "curl", "taskset", "ip"] {
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
    prepare(&work)?;
    let observers = Observer::installed(tlsight, root, &options.observers);
    let [one, other] = PORTS;
    let (one, other) =
        (Lane::start(&work, one, clients.clone())?, Lane::start(&work, other, clients)?);
    for round in 0..options.turns.div_ceil(TURNS_A_ROUND) {
        for observer in &observers {
            eprintln!("host: {}, round {}", observer.name(), round + 1);
            let (seen, unseen) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
            let with_bulk = round == 0 && !options.adds_turns;
            observe(observer, [seen, unseen], &work, &kept, with_bulk)?;
        }
    }
    let text = fs::read_to_string(&kept)?;
    let kept = text.lines().map(serde_json::from_str).collect::<Result<Vec<Kept>, _>>()?;
    table::print(&kept)
}

/// Some turns with one start of an observer, added to what is kept as they come.
fn observe(
    observer: &Observer,
    [seen, unseen]: [&Lane; 2],
    work: &Path,
    kept: &Path,
    with_bulk: bool,
) -> Result<()> {
    let running = observer.start(seen, work)?;
    let mut file = File::options().append(true).create(true).open(kept)?;
    let mut keep = |measured| -> Result<()> {
        let kept = Kept { observer: observer.name().to_owned(), measured };
        writeln!(file, "{}", serde_json::to_string(&kept)?)?;
        Ok(())
    };
    for turn in 0..TURNS_A_ROUND {
        keep(Measured::Pair(Pair::measure(seen, unseen, turn % 2 == 0)?))?;
    }
    keep(Measured::Cost(Cost::measure(seen, &running, with_bulk)?))?;
    if observer.is_programs() {
        let programs = Programs::take(seen.cgroup())?;
        for ends in [Ends::Both, Ends::Server] {
            for window in Window::measure(seen, &programs, ends)? {
                keep(Measured::Window(window))?;
            }
        }
    }
    Ok(())
}

/// What is kept of an observer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    observer: String,
    measured: Measured,
}

/// What was measured: of a turn, within a download, or at the end of a round.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Measured {
    Pair(Pair),
    Window(Window),
    Cost(Cost),
}

/// Two turns, one beside the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pair {
    with: Turn,
    without: Turn,
}

/// What the traffic came to in one turn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Turn {
    download: Download,
    at_rate: Opened,
    at_most: Opened,
}

/// A download.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Download {
    bytes_per_s: f64,
    /// CPU seconds of server, client and kernel for each byte.
    cpu_s_per_byte: f64,
}

/// New connections.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Opened {
    per_s: f64,
    /// CPU seconds of server, client and kernel for each.
    cpu_s: f64,
    /// Microseconds that all but one of a hundred took at most.
    p99_us: f64,
}

/// What an observer itself cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cost {
    /// Its CPU seconds for each new connection.
    cpu_s_per_connection: f64,
    resident_mib: f64,
    /// What downloads cost it, which is not measured in each round.
    bulk: Option<Bulk>,
}

/// CPU seconds of an observer for the small download, and for the large one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bulk {
    small_cpu_s: f64,
    large_cpu_s: f64,
}

impl Pair {
    /// Measures each thing in both lanes before the next: what slows the machine meets both.
    fn measure(seen: &Lane, unseen: &Lane, is_seen_first: bool) -> Result<Self> {
        let lanes = [seen, unseen];
        let download = in_turn(lanes, is_seen_first, Download::measure)?;
        let at_rate = in_turn(lanes, is_seen_first, |lane| Opened::measure(lane, RATE, AT_RATE_S))?;
        let at_most = in_turn(lanes, is_seen_first, |lane| Opened::measure(lane, 0.0, AT_MOST_S))?;
        let turn = |(download, at_rate, at_most)| Turn { download, at_rate, at_most };
        Ok(Self {
            with: turn((download.with, at_rate.with, at_most.with)),
            without: turn((download.without, at_rate.without, at_most.without)),
        })
    }
}

/// The same measured with an observer and without.
struct Both<T> {
    with: T,
    without: T,
}

/// Measures in the lane that is seen and in the other, in this order or the opposite one.
fn in_turn<T>(
    [seen, unseen]: [&Lane; 2],
    is_seen_first: bool,
    measure: impl Fn(&Lane) -> Result<T>,
) -> Result<Both<T>> {
    let first = is_seen_first.then(|| measure(seen)).transpose()?;
    let without = measure(unseen)?;
    let with = first.map_or_else(|| measure(seen), Ok)?;
    Ok(Both { with, without })
}

impl Download {
    fn measure(lane: &Lane) -> Result<Self> {
        let begin = lane.cpu_s()?;
        let bytes_per_s = lane.download(MIDDLE)?;
        Ok(Self { bytes_per_s, cpu_s_per_byte: (lane.cpu_s()? - begin) / MIDDLE.1 as f64 })
    }
}

impl Opened {
    fn measure(lane: &Lane, per_second: f64, seconds: f64) -> Result<Self> {
        let begin = lane.cpu_s()?;
        let opened = lane.connect(per_second, seconds)?;
        Ok(Self {
            per_s: opened.connections / opened.seconds,
            cpu_s: (lane.cpu_s()? - begin) / opened.connections,
            p99_us: opened.p99_us,
        })
    }
}

impl Cost {
    fn measure(seen: &Lane, running: &Running, with_bulk: bool) -> Result<Self> {
        let settled = || {
            std::thread::sleep(LAST_LINES);
            running.cpu_s()
        };
        let begin = settled()?;
        let connections = seen.connect(RATE, 1.0)?.connections;
        let cpu_s_per_connection = (settled()? - begin) / connections;
        let download = |file| -> Result<f64> {
            let begin = running.cpu_s()?;
            seen.download(file)?;
            Ok(settled()? - begin)
        };
        let bulk = || -> Result<Bulk> {
            Ok(Bulk { small_cpu_s: download(SMALL)?, large_cpu_s: download(LARGE)? })
        };
        Ok(Self {
            cpu_s_per_connection,
            resident_mib: running.resident_mib()?,
            bulk: with_bulk.then(bulk).transpose()?,
        })
    }
}

/// The programs: those that are named, or release builds, made first.
fn programs(root: &Path, options: &Options) -> Result<(PathBuf, PathBuf)> {
    if let Some(tlsight) = &options.tlsight {
        let clients = tlsight.with_file_name("examples").join("load");
        ensure!(clients.is_file(), "{} is missing", clients.display());
        return Ok((tlsight.clone(), clients));
    }
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "tlsight"])
        .args(["--example", "load"])
        .current_dir(root)
        .status()
        .context("cargo cannot be run")?;
    ensure!(status.success(), "the clients do not build: {status}");
    Ok((build_tlsight(root)?, target_dir().join("release/examples/load")))
}

/// New connections a second that are asked for.
const RATE: f64 = 1000.0;

/// How long that is kept up, and how long as many as possible are opened.
const AT_RATE_S: f64 = 0.5;
const AT_MOST_S: f64 = 0.4;

/// Turns with one start of an observer; then it sees the other lane.
const TURNS_A_ROUND: usize = 6;

/// For the last lines of an observer.
const LAST_LINES: Duration = Duration::from_millis(400);

/// Ports of the two lanes.
const PORTS: [u16; 2] = [18_443, 18_444];
