//! What a mirror costs the programs whose clear text it copies: downloads and small requests by turns
//! without one, with one of the server, and with one of both ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::Options;
use super::host::{Cgroup, Estimate, GIBIBYTE, Lane, prepare};
use super::peers::{build_tlsight, find};

/// Prints what each way of mirroring costs.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["nginx", "openssl", "curl", "taskset", "wrk"] {
        if find(needed).is_none() {
            println!("skipped: mirror: {needed} is not installed");
            return Ok(());
        }
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: mirror: programs in the kernel need root");
        return Ok(());
    }
    let tlsight = options.tlsight.clone().map_or_else(|| build_tlsight(root), Ok)?;
    let work = options.work.join("mirror");
    fs::create_dir_all(&work)?;
    prepare(&work)?;
    let lane = Lane::start(&work, PORT, PathBuf::new())?;
    let mut turns = Ways(Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.turns {
        eprintln!("mirror: round {}", round + 1);
        for place in 0..Way::ALL.len() {
            let way = Way::ALL.get((place + round) % Way::ALL.len()).context("no way")?;
            turns.of(*way).push(turn(*way, &lane, &tlsight, &work)?);
        }
    }
    print(&mut turns)
}

/// Whose clear text is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Off,
    Server,
    Both,
}

impl Way {
    const ALL: [Self; 3] = [Self::Off, Self::Server, Self::Both];
}

/// What was measured in each way.
struct Ways(Vec<Turn>, Vec<Turn>, Vec<Turn>);

impl Ways {
    const fn of(&mut self, way: Way) -> &mut Vec<Turn> {
        match way {
            Way::Off => &mut self.0,
            Way::Server => &mut self.1,
            Way::Both => &mut self.2,
        }
    }
}

/// What came of the traffic, and what the mirror took and lost meanwhile.
#[derive(Clone, Copy, Debug)]
struct Turn {
    bytes_per_s: f64,
    requests_per_s: f64,
    /// CPU seconds of the mirror for the download.
    own_cpu_s: f64,
    seen: u64,
    lost: u64,
}

fn turn(way: Way, lane: &Lane, tlsight: &Path, work: &Path) -> Result<Turn> {
    let mirror = match way {
        Way::Off => None,
        Way::Server => Some(Mirror::start(tlsight, work, &["--exe", &server()?])?),
        Way::Both => {
            let cgroup = lane.cgroup().display().to_string();
            Some(Mirror::start(tlsight, work, &["--cgroup", &cgroup])?)
        }
    };
    let own = || mirror.as_ref().map_or(Ok(0.0), |mirror| mirror.cgroup.cpu_s());
    let begin = own()?;
    let bytes_per_s = lane.download(GIBIBYTE)?;
    let own_cpu_s = own()? - begin;
    let requests_per_s = lane.requests(REQUESTS_S)?;
    let (seen, lost) = mirror.map_or(Ok((0, 0)), Mirror::end)?;
    Ok(Turn { bytes_per_s, requests_per_s, own_cpu_s, seen, lost })
}

/// The file of the server's program, whatever links lead to it.
fn server() -> Result<String> {
    let path = find("nginx").context("nginx is gone")?.canonicalize()?;
    Ok(path.display().to_string())
}

/// A mirror at work; killed if it is dropped.
struct Mirror {
    child: Child,
    cgroup: Cgroup,
    audit: PathBuf,
}

impl Mirror {
    /// Starts it, and waits until its probes are in place.
    fn start(tlsight: &Path, work: &Path, rules: &[&str]) -> Result<Self> {
        let audit = work.join("audit.ndjson");
        fs::remove_file(&audit).ok();
        let cgroup = Cgroup::make("mirror")?;
        let child = cgroup
            .command(tlsight)
            .args(["mirror", "-w", "/dev/null", "--audit"])
            .arg(&audit)
            .args(rules)
            .stdin(Stdio::null())
            .stderr(File::create(work.join("said"))?)
            .spawn()
            .context("the mirror cannot be run")?;
        let mut mirror = Self { child, cgroup, audit };
        let begin = Instant::now();
        while mirror.line("mirror-start")?.is_none() {
            ensure!(mirror.child.try_wait()?.is_none(), "the mirror ended");
            ensure!(begin.elapsed() < LONGEST, "the mirror does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(mirror)
    }

    /// Ends it; gives the bytes that it saw, and those of them that it lost.
    fn end(mut self) -> Result<(u64, u64)> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGINT)?;
        ensure!(self.child.wait()?.success(), "the mirror failed");
        let Some(stop) = self.line("mirror-stop")? else { bail!("the mirror tells no end") };
        ensure!(stop.pointer("/mirror/balanced") == Some(&Value::Bool(true)), "{stop}");
        let bytes = |pointer: &str| stop.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let lost = ["ring_dropped", "fault", "unmapped", "forge_dropped"];
        let lost = lost.iter().map(|part| bytes(&format!("/mirror/parts/{part}"))).sum();
        Ok((bytes("/mirror/seen"), lost))
    }

    /// The audit line of an action, if it is written.
    fn line(&self, action: &str) -> Result<Option<Value>> {
        let text = fs::read_to_string(&self.audit).unwrap_or_default();
        let line = text.lines().find(|line| line.contains(action) && line.ends_with('}'));
        Ok(line.map(serde_json::from_str).transpose()?)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn print(turns: &mut Ways) -> Result<()> {
    println!("\n{:10}{:>26}{:>26}", "", "download of 1 GiB", "requests of 1 KiB");
    println!(
        "{:10}{:>8}{:>18}{:>8}{:>18}{:>18}{:>14}{:>8}",
        "mirror", "MB/s", "/ off", "/s", "/ off", "own CPU s/GiB", "seen, GiB", "lost"
    );
    let off = turns.of(Way::Off).clone();
    for (way, name) in [(Way::Off, "off"), (Way::Server, "of server"), (Way::Both, "of both")] {
        let with = turns.of(way);
        let each = |value: fn(&Turn) -> f64| estimate(with.iter().map(value));
        let ratio = |value: fn(&Turn) -> f64| {
            estimate(with.iter().zip(&off).map(|(with, off)| value(with) / value(off)))
        };
        println!(
            "{name:10}{:>8.0}{:>18}{:>8.0}{:>18}{:>18}{:>14.1}{:>8}",
            each(|turn| turn.bytes_per_s)?.median() / 1e6,
            format!("{:.2}", ratio(|turn| turn.bytes_per_s)?),
            each(|turn| turn.requests_per_s)?.median(),
            format!("{:.2}", ratio(|turn| turn.requests_per_s)?),
            format!("{:.2}", each(|turn| turn.own_cpu_s)?),
            with.iter().map(|turn| turn.seen).sum::<u64>() as f64 / (1_u64 << 30) as f64,
            with.iter().map(|turn| turn.lost).sum::<u64>(),
        );
    }
    println!("\nmedians of {} turns with the interval of nine in ten (bootstrap)", off.len());
    Ok(())
}

fn estimate(values: impl Iterator<Item = f64>) -> Result<Estimate> {
    Estimate::of(&values.collect::<Vec<_>>()).context("there was no turn")
}

/// How long small requests are made.
const REQUESTS_S: u32 = 2;

const PORT: u16 = 18_445;

const LONGEST: Duration = Duration::from_secs(60);
