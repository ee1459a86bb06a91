//! Who takes the secrets, and how.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Place;
use super::escrow::Escrow;
use super::server::ServerKind;
use crate::bench::peers::find;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    Nobody,
    /// A probe in the kernel.
    Probe,
    /// The server hands over, and waits for nothing.
    Unheld,
    /// It waits for the agent.
    Received,
    /// It waits for a monitor behind an escrow.
    Live,
}

/// An agent at work; killed if it is dropped.
pub(super) struct Taker {
    agent: Option<(Child, Receiver<String>)>,
    is_probe: bool,
    _escrow: Option<Escrow>,
}

impl Taking {
    pub(super) const ALL: [Self; 5] =
        [Self::Nobody, Self::Probe, Self::Unheld, Self::Received, Self::Live];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody takes them",
            Self::Probe => "probe",
            Self::Unheld => "handed over",
            Self::Received => "handed over, held: received",
            Self::Live => "handed over, held: live",
        }
    }

    /// No probe finds the key log of rustls.
    pub(super) fn is_possible(self, server: ServerKind) -> bool {
        !(self.is_probe() && server == ServerKind::Rustls)
    }

    pub(super) fn is_probe(self) -> bool {
        self == Self::Probe
    }

    /// What a server waits for that hands over.
    pub(super) const fn hold(self) -> Option<&'static str> {
        match self {
            Self::Nobody | Self::Probe => None,
            Self::Unheld => Some("none"),
            Self::Received => Some("received"),
            Self::Live => Some("live"),
        }
    }

    /// Starts an agent, and returns when it takes secrets.
    pub(super) fn start(self, place: &Place) -> Result<Taker> {
        if self == Self::Nobody {
            return Ok(Taker { agent: None, is_probe: false, _escrow: None });
        }
        let escrow = (self == Self::Live).then(|| Escrow::start(place)).transpose()?;
        let mut command = Command::new(&place.programs.tlsight);
        command.args(["escrow", "agent", "--socket"]).arg(place.socket());
        match &escrow {
            Some(escrow) => escrow.lead_to(&mut command),
            None => {
                let keys = place.work.join("keys.log");
                std::fs::remove_file(&keys).ok();
                command.arg("--keylog").arg(keys);
            }
        }
        if self.is_probe() {
            command.arg("--attach").arg(find("nginx").context("nginx is gone")?.canonicalize()?);
        }
        let (agent, said) = spawn(&mut command)?;
        let taker =
            Taker { agent: Some((agent, said)), is_probe: self.is_probe(), _escrow: escrow };
        taker.wait_until_it_takes()?;
        if let Some(escrow) = &taker._escrow {
            escrow.wait_for_the_monitor()?;
        }
        Ok(taker)
    }
}

impl Taker {
    /// The thread that takes messages begins when the probes are in place.
    fn wait_until_it_takes(&self) -> Result<()> {
        let Some((agent, _)) = &self.agent else { return Ok(()) };
        let threads = PathBuf::from(format!("/proc/{}/task", agent.id()));
        let began = Instant::now();
        loop {
            for thread in threads.read_dir()?.map_while(Result::ok) {
                let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
                if name.trim_end() == "agent" {
                    return Ok(());
                }
            }
            ensure!(began.elapsed() < LONGEST, "the agent does not begin");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it; gives the sessions whose secrets came: of TLS 1.3 each has two messages, or four of a probe.
    pub(super) fn end(mut self) -> Result<f64> {
        let Some((mut agent, said)) = self.agent.take() else { return Ok(0.0) };
        kill(Pid::from_raw(i32::try_from(agent.id())?), Signal::SIGTERM)?;
        let status = agent.wait()?;
        let lines: Vec<String> = said.iter().collect();
        ensure!(status.success(), "the agent failed: {lines:?}");
        let line = lines.iter().find(|line| line.contains(" secrets in "));
        let words: Vec<&str> = line.map_or("", |line| line).split_whitespace().collect();
        let at = words.iter().position(|word| *word == "messages").context("no sums")?;
        let messages: f64 = words.get(at - 1).context("no sums")?.parse()?;
        Ok(messages / if self.is_probe { 4.0 } else { 2.0 })
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        if let Some((agent, _)) = &mut self.agent {
            agent.kill().ok();
            agent.wait().ok();
        }
    }
}

impl Place {
    pub(super) fn socket(&self) -> PathBuf {
        self.work.join("agent.sock")
    }
}

/// Runs a program, and reads what it says.
pub(super) fn spawn(command: &mut Command) -> Result<(Child, Receiver<String>)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create("/dev/null")?)
        .stderr(Stdio::piped())
        .spawn()
        .context("a program cannot be run")?;
    let stderr = child.stderr.take().context("no standard error")?;
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok((child, said))
}

pub(super) const LONGEST: Duration = Duration::from_secs(60);
