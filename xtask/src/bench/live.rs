//! Live capture: at which rate of packets a program begins to lose some.
//!
//! A sender in one network namespace replays a capture over a veth pair to the program in another.
//! Sender and kernel share the first core (threaded NAPI), the program has the second.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Options;
use super::captures::{self, Capture};
use super::peers::{build_tlsight, find};
use super::watchers::{Seen, Watcher};

/// Replays the capture of handshakes at rising rates to each program.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["ip", "ethtool", "taskset"] {
        if find(needed).is_none() {
            println!("skipped: live: {needed} is not installed");
            return Ok(());
        }
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: live: network namespaces need root");
        return Ok(());
    }
    let tlsight = build_tlsight(root)?;
    let all = captures::make(options)?;
    let capture = all.iter().find(|capture| capture.name == "handshakes").context("no capture")?;
    let pair = Pair::make()?;
    let mut watchers = vec![Watcher::tlsight(tlsight)];
    watchers.extend(find("suricata").map(|program| Watcher::suricata(program, root)));
    let mut limits = Vec::new();
    for watcher in &watchers {
        limits.push(rate_of_loss(&pair, watcher, capture, options)?);
    }
    println!();
    for (watcher, limit) in watchers.iter().zip(&limits) {
        println!("{:20} keeps up with {limit} packets/s", watcher.name());
    }
    if let [ours, theirs] = *limits.as_slice() {
        println!("ratio: {:.2}", f64::from(ours) / f64::from(theirs));
    }
    Ok(())
}

/// The highest of the rates tried, in packets a second, at which the program loses nothing.
fn rate_of_loss(
    pair: &Pair,
    watcher: &Watcher,
    capture: &Capture,
    options: &Options,
) -> Result<u32> {
    let mut best = 0;
    for rate in RATES {
        let (sent, seen) = replay(pair, watcher, capture, options, rate)?;
        let unaccounted = sent.saturating_sub(seen.received + seen.dropped);
        println!(
            "{:20} {rate:>9} packets/s: sent {sent}, received {}, dropped {}, unaccounted {unaccounted}",
            watcher.name(),
            seen.received,
            seen.dropped
        );
        if seen.dropped > 0 || unaccounted > 0 {
            break;
        }
        best = rate;
    }
    Ok(best)
}

/// Replays the capture once and says how many packets were sent, and what became of them.
fn replay(
    pair: &Pair,
    watcher: &Watcher,
    capture: &Capture,
    options: &Options,
    rate: u32,
) -> Result<(u64, Seen)> {
    let log = options.work.join("live");
    std::fs::create_dir_all(&log)?;
    let mut running = pair.start(RECEIVER, "1", &watcher.command(pair.receiving(), &log), &log)?;
    watcher.wait_until_ready(&log)?;
    let this: OsString = std::env::current_exe()?.into();
    let arguments = ["bench", "--send", pair.sending(), &rate.to_string()].map(OsString::from);
    let sender: Vec<OsString> =
        std::iter::once(this).chain(arguments).chain([capture.path.clone().into()]).collect();
    let output = pair.command(SENDER, "0", &sender).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the sender failed: {}", output.status);
    let sent =
        String::from_utf8(output.stdout)?.trim().parse().context("the sender said nothing")?;
    std::thread::sleep(SETTLE);
    interrupt(&mut running)?;
    Ok((sent, watcher.seen(&log)?))
}

fn interrupt(child: &mut Child) -> Result<()> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id())?);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT)?;
    let begin = Instant::now();
    while child.try_wait()?.is_none() {
        if begin.elapsed() > LONGEST_END {
            child.kill()?;
            bail!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Two namespaces joined by a pair of interfaces; gone when dropped.
#[derive(Debug)]
struct Pair;

impl Pair {
    fn make() -> Result<Self> {
        let pair = Self;
        pair.remove();
        for namespace in [SENDER, RECEIVER] {
            ip(&["netns", "add", namespace])?;
        }
        ip(&[
            "link", "add", "va", "netns", SENDER, "type", "veth", "peer", "name", "vb", "netns",
            RECEIVER,
        ])?;
        for (namespace, interface) in [(SENDER, "va"), (RECEIVER, "vb")] {
            in_namespace(namespace, &["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])?;
            ip(&["-n", namespace, "link", "set", interface, "up"])?;
            in_namespace(
                namespace,
                &["ethtool", "-K", interface, "gro", "off", "gso", "off", "tso", "off"],
            )?;
        }
        let threaded = ["sh", "-c", "echo 1 > /sys/class/net/vb/threaded 2> /dev/null"];
        if in_namespace(RECEIVER, &threaded).is_err() {
            println!("live: no threaded NAPI without GRO here; the sender's core receives as well");
        }
        pin_napi()?;
        Ok(pair)
    }

    fn sending(&self) -> &'static str {
        "va"
    }

    fn receiving(&self) -> &'static str {
        "vb"
    }

    fn command(&self, namespace: &str, core: &str, command: &[OsString]) -> Command {
        let mut run = Command::new("taskset");
        run.args(["-c", core, "ip", "netns", "exec", namespace]).args(command);
        run
    }

    fn start(
        &self,
        namespace: &str,
        core: &str,
        command: &[OsString],
        log: &Path,
    ) -> Result<Child> {
        let output = std::fs::File::create(log.join("output"))?;
        let errors = std::fs::File::create(log.join("errors"))?;
        let mut run = self.command(namespace, core, command);
        run.stdin(Stdio::null()).stdout(output).stderr(errors);
        run.spawn().with_context(|| format!("{command:?} cannot be run"))
    }

    fn remove(&self) {
        for namespace in [SENDER, RECEIVER] {
            let mut remove = Command::new("ip");
            remove.args(["netns", "del", namespace]).stderr(Stdio::null());
            remove.status().ok();
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Puts the kernel thread that receives for `vb` on the sender's core.
fn pin_napi() -> Result<()> {
    for process in std::fs::read_dir("/proc")? {
        let path: PathBuf = process?.path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        if name.starts_with("napi/vb")
            && let Some(pid) = path.file_name()
        {
            let status = Command::new("taskset")
                .args(["-pc", "0"])
                .arg(pid)
                .stdout(Stdio::null())
                .status()?;
            ensure!(status.success(), "the receiving thread cannot be pinned");
        }
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(arguments).status()?;
    ensure!(status.success(), "ip {} failed", arguments.join(" "));
    Ok(())
}

fn in_namespace(namespace: &str, command: &[&str]) -> Result<()> {
    ip(&[&["netns", "exec", namespace], command].concat())
}

const SENDER: &str = "tlsight-tx";
const RECEIVER: &str = "tlsight-rx";

/// The rates that are tried, in packets a second, until one loses.
const RATES: [u32; 12] = [
    150_000, 200_000, 250_000, 300_000, 350_000, 400_000, 450_000, 500_000, 600_000, 700_000,
    850_000, 1_000_000,
];

/// Time for the last packets to be read.
const SETTLE: Duration = Duration::from_secs(2);

/// Longest time that a program may take to end.
const LONGEST_END: Duration = Duration::from_secs(60);
