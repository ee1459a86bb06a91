//! What it costs a server to hand over its secrets: new sessions by turns with nobody who takes them and with
//! each way to take them, with and without a hold.

mod escrow;
mod server;
mod taking;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Options;
use super::host::{Estimate, prepare};
use super::peers::find;
use crate::workspace::target_dir;
use server::{Server, ServerKind};
use taking::Taking;

/// Prints how much slower servers are in each way.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["nginx", "openssl", "taskset"] {
        if find(needed).is_none() {
            println!("skipped: handover: {needed} is not installed");
            return Ok(());
        }
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: handover: probes need root");
        return Ok(());
    }
    let programs = Programs::of(root, options)?;
    let work = options.work.join("handover");
    fs::create_dir_all(&work)?;
    prepare(&work)?;
    let place = Place { programs, work };
    let mut measured: Vec<(Way, Vec<Turn>)> = Way::all().map(|way| (way, Vec::new())).collect();
    for round in 0..options.turns {
        eprintln!("handover: round {}", round + 1);
        let ways = measured.len();
        for at in 0..ways {
            let (way, turns) = measured.get_mut((at + round) % ways).context("no way")?;
            turns.push(turn(*way, &place).with_context(|| format!("{way:?}"))?);
        }
    }
    print(&measured)
}

/// The programs that are measured, and those that measure.
struct Programs {
    tlsight: PathBuf,
    load: PathBuf,
    serve: PathBuf,
}

/// Where all of it happens.
struct Place {
    programs: Programs,
    work: PathBuf,
}

/// A server, and who takes its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    server: ServerKind,
    taking: Taking,
}

impl Way {
    fn all() -> impl Iterator<Item = Self> {
        ServerKind::ALL.into_iter().flat_map(|server| {
            let possible = move |taking: &Taking| taking.is_possible(server);
            Taking::ALL.into_iter().filter(possible).map(move |taking| Self { server, taking })
        })
    }
}

/// What came of the sessions of one turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// From the connection to the first byte of the answer, in microseconds: the median, and what one of a
    /// hundred exceeds.
    median_us: f64,
    p99_us: f64,
    /// As many as possible.
    sessions_per_s: f64,
    /// Sessions, and those of them whose secrets came.
    sessions: f64,
    taken: f64,
}

impl Programs {
    fn of(root: &Path, options: &Options) -> Result<Self> {
        let tlsight = match &options.tlsight {
            Some(program) => program.clone(),
            None => {
                let build = |arguments: &[&str]| -> Result<()> {
                    let status = Command::new("cargo")
                        .args(["build", "--release", "--locked"])
                        .args(arguments)
                        .current_dir(root)
                        .status()
                        .context("cargo cannot be run")?;
                    ensure!(status.success(), "{arguments:?} does not build: {status}");
                    Ok(())
                };
                build(&["-p", "tlsight", "-p", "shim", "--bin", "tlsight", "--lib"])?;
                build(&["-p", "tlsight", "--example", "load"])?;
                build(&["-p", "rustls-handover", "--example", "serve"])?;
                target_dir().join("release/tlsight")
            }
        };
        let [load, serve] =
            ["load", "serve"].map(|name| tlsight.with_file_name("examples").join(name));
        for program in [&tlsight, &load, &serve, &tlsight.with_file_name("libtlsight_shim.so")] {
            ensure!(program.is_file(), "{} is missing", program.display());
        }
        Ok(Self { tlsight, load, serve })
    }
}

fn turn(way: Way, place: &Place) -> Result<Turn> {
    // A server that hands over finds its agent; a probe finds its server.
    let taker = (!way.taking.is_probe()).then(|| way.taking.start(place)).transpose()?;
    let server = Server::start(way, place)?;
    let taker = taker.map_or_else(|| way.taking.start(place), Ok)?;
    let steady = server.sessions(place, STEADY_PER_S, STEADY_S)?;
    let most = server.sessions(place, 0.0, MOST_S)?;
    drop(server);
    Ok(Turn {
        median_us: steady.median_us,
        p99_us: steady.p99_us,
        sessions_per_s: most.connections / most.seconds,
        sessions: steady.connections + most.connections,
        taken: taker.end()?,
    })
}

fn print(measured: &[(Way, Vec<Turn>)]) -> Result<()> {
    println!(
        "\n{:8}{:28}{:>9}{:>20}{:>9}{:>9}{:>9}{:>9}",
        "server", "secrets", "new / s", "/ nobody", "p50 us", "added", "p99 us", "taken"
    );
    for (way, turns) in measured {
        let is_floor =
            |(other, _): &&(Way, Vec<Turn>)| *other == Way { taking: Taking::Nobody, ..*way };
        let (_, floor) = measured.iter().find(is_floor).context("nothing to compare with")?;
        let median = |value: fn(&Turn) -> f64| estimate(turns.iter().map(value));
        let pairs = || turns.iter().zip(floor);
        let ratio = estimate(pairs().map(|(it, floor)| it.sessions_per_s / floor.sessions_per_s))?;
        let added = estimate(pairs().map(|(it, floor)| it.median_us - floor.median_us))?;
        let sum = |value: fn(&Turn) -> f64| turns.iter().map(value).sum::<f64>();
        let taken = sum(|turn| turn.taken) / sum(|turn| turn.sessions) * 100.0;
        println!(
            "{:8}{:28}{:>9.0}{:>20}{:>9.0}{:>9.0}{:>9.0}{:>8.2}%",
            way.server.name(),
            way.taking.name(),
            median(|turn| turn.sessions_per_s)?.median(),
            format!("{ratio:.2}"),
            median(|turn| turn.median_us)?.median(),
            added.median(),
            median(|turn| turn.p99_us)?.median(),
            taken,
        );
    }
    println!(
        "\nmedians of {} rounds, ratios with the interval of nine in ten (bootstrap); p50 and p99: from \
         connect to the first byte of the answer, at {STEADY_PER_S} new sessions a second",
        measured.first().map_or(0, |(_, turns)| turns.len())
    );
    Ok(())
}

fn estimate(values: impl Iterator<Item = f64>) -> Result<Estimate> {
    Estimate::of(&values.collect::<Vec<_>>()).context("there was no turn")
}

/// New sessions a second for which latencies are measured: a tenth of what the server can do.
const STEADY_PER_S: f64 = 100.0;
const STEADY_S: f64 = 1.5;

/// How long as many as possible are opened.
const MOST_S: f64 = 1.5;
