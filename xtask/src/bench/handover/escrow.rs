//! An escrow with a monitor, on this machine.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Place;
use super::taking::{LONGEST, spawn};

/// Killed if it is dropped.
pub(super) struct Escrow {
    folder: PathBuf,
    service: Child,
    monitor: Child,
}

impl Escrow {
    pub(super) fn start(place: &Place) -> Result<Self> {
        let folder = place.work.join("escrow");
        let tlsight = |arguments: &[&str]| {
            let mut command = Command::new(&place.programs.tlsight);
            command.args(arguments).current_dir(&folder);
            command
        };
        if !folder.join("soc").exists() {
            fs::create_dir_all(&folder)?;
            let init = ["escrow", "init", "--dir", "service", "--service", "localhost"];
            run(tlsight(&init).args(["--agent", "web-1", "--monitor", "soc"]))?;
            run(&mut tlsight(&["escrow", "keys", "identity", "soc"]))?;
            let grant =
                ["escrow", "keys", "grant", "soc", "--public", "soc.pub", "--role", "monitor"];
            run(tlsight(&grant).args(["--tier", "t3", "--dir", "service"]))?;
        }
        let serve = ["escrow", "serve", "--dir", "service", "--listen", LISTEN];
        let (service, said) = spawn(&mut tlsight(&serve))?;
        let line = said.recv_timeout(LONGEST).context("the service does not listen")?;
        ensure!(line.contains("listening"), "{line}");
        let watch = ["watch", "-i", "lo", "--json", "--escrow", &service_address(), "--tier", "t3"];
        let mut monitor = tlsight(&watch);
        for (flag, value) in [
            ("--escrow-name", "soc"),
            ("--escrow-key", "soc"),
            ("--escrow-grant", "service/grants/soc.json"),
            ("--cert", "service/tls/soc.pem"),
            ("--key", "service/tls/soc.key"),
            ("--ca", "service/tls/ca.pem"),
        ] {
            monitor.args([flag, value]);
        }
        let (monitor, _) = spawn(&mut monitor)?;
        Ok(Self { folder, service, monitor })
    }

    /// Has an agent deliver here.
    pub(super) fn lead_to(&self, command: &mut Command) {
        let file = |name: &str| self.folder.join("service").join(name);
        command.args(["--escrow", &service_address()]);
        command.arg("--escrow-authority").arg(file("authority.pub"));
        command.arg("--cert").arg(file("tls/web-1.pem")).arg("--key").arg(file("tls/web-1.key"));
        command.arg("--ca").arg(file("tls/ca.pem"));
    }

    pub(super) fn wait_for_the_monitor(&self) -> Result<()> {
        let began = Instant::now();
        let is_last = |text: &str| {
            let at = |what: &str| text.rfind(&format!("\"{what}\""));
            at("monitor-joined") > at("service-started")
        };
        while !is_last(&fs::read_to_string(self.folder.join("service/audit.log"))?) {
            ensure!(began.elapsed() < LONGEST, "the monitor does not join");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Escrow {
    fn drop(&mut self) {
        for child in [&mut self.monitor, &mut self.service] {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn service_address() -> String {
    LISTEN.replace("127.0.0.1", "localhost")
}

const LISTEN: &str = "127.0.0.1:18448";
