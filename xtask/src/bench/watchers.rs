//! Programs that capture live, and what they say they saw.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A program that captures live.
#[derive(Debug)]
pub(super) enum Watcher {
    Tlsight { program: PathBuf },
    Suricata { program: PathBuf, settings: PathBuf },
}

/// What a program says of the packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Packets that it analysed.
    pub(super) received: u64,
    /// Packets that the kernel dropped before it.
    pub(super) dropped: u64,
}

impl Watcher {
    pub(super) fn tlsight(program: PathBuf) -> Self {
        Self::Tlsight { program }
    }

    pub(super) fn suricata(program: PathBuf, root: &Path) -> Self {
        Self::Suricata { program, settings: root.join("xtask/bench/suricata.yaml") }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Tlsight { .. } => "tlsight",
            Self::Suricata { .. } => "Suricata, bypass",
        }
    }

    pub(super) fn command(&self, interface: &str, log: &Path) -> Vec<OsString> {
        match self {
            Self::Tlsight { program } => {
                let arguments =
                    ["watch", "--json", "--summary", "-i", interface].map(OsString::from);
                std::iter::once(program.clone().into()).chain(arguments).collect()
            }
            Self::Suricata { program, settings } => {
                let mut command: Vec<OsString> = vec![program.clone().into()];
                command.extend(
                    ["--runmode", "single", "-k", "none", "-S", "/dev/null"].map(OsString::from),
                );
                command.extend(["-c".into(), settings.clone().into(), "-l".into(), log.into()]);
                command.push(format!("--af-packet={interface}").into());
                command
            }
        }
    }

    /// Waits until the program captures.
    pub(super) fn wait_until_ready(&self, log: &Path) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < LONGEST_START {
            let is_ready = match self {
                Self::Tlsight { .. } => has_packet_socket(),
                Self::Suricata { .. } => {
                    read(log, "errors")?.contains("started")
                        || read(log, "output")?.contains("started")
                }
            };
            if is_ready {
                std::thread::sleep(Duration::from_millis(300));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{} does not begin to capture", self.name())
    }

    /// What the program said when it ended.
    pub(super) fn seen(&self, log: &Path) -> Result<Seen> {
        match self {
            Self::Tlsight { .. } => tlsight(&read(log, "output")?),
            Self::Suricata { .. } => suricata(&(read(log, "output")? + &read(log, "errors")?)),
        }
    }
}

/// The totals of the summary line, and the drops of the loss lines.
fn tlsight(output: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    for line in output.lines().rev().take(100) {
        let value: Value = serde_json::from_str(line)?;
        let summary = value.pointer("/tlsight/summary");
        if let Some(packets) = summary.and_then(|summary| summary.get("packets")?.as_u64()) {
            seen.received = packets;
            let dropped =
                summary.and_then(|summary| summary.pointer("/loss/kernel_drops")?.as_u64());
            seen.dropped = dropped.unwrap_or(0);
            return Ok(seen);
        }
    }
    bail!("tlsight printed no summary")
}

/// `vb: packets: 3695435, drops: 12 (0.00%), invalid chksum: 0`.
fn suricata(output: &str) -> Result<Seen> {
    let line = output.lines().rfind(|line| line.contains("drops:")).context("no statistics")?;
    let number = |label: &str| -> Option<u64> {
        let rest = line.split(label).nth(1)?.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let packets = number("packets:").context("no packets in Suricata's statistics")?;
    let dropped = number("drops:").context("no drops in Suricata's statistics")?;
    Ok(Seen { received: packets.saturating_sub(dropped), dropped })
}

fn read(log: &Path, name: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(log.join(name))?).into_owned())
}

/// Whether any process has a packet socket in the receiver's namespace.
fn has_packet_socket() -> bool {
    let output = std::process::Command::new("ip")
        .args(["netns", "exec", "tlsight-rx", "cat", "/proc/net/packet"])
        .output();
    output.is_ok_and(|output| output.stdout.iter().filter(|&&byte| byte == b'\n').count() > 1)
}

/// Longest time until a program captures.
const LONGEST_START: Duration = Duration::from_secs(60);
