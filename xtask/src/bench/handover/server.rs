//! The servers, one on each of their own ports, on one processor; clients have the other.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use super::{Place, Way};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerKind {
    Nginx,
    Rustls,
}

/// A server at work, until it is dropped.
pub(super) struct Server {
    child: Child,
    port: u16,
}

/// What came of new sessions.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Sessions {
    pub(super) connections: f64,
    failed: f64,
    pub(super) seconds: f64,
    pub(super) median_us: f64,
    pub(super) p99_us: f64,
}

impl ServerKind {
    pub(super) const ALL: [Self; 2] = [Self::Nginx, Self::Rustls];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Rustls => "rustls",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Nginx => 18_446,
            Self::Rustls => 18_447,
        }
    }
}

impl Server {
    pub(super) fn start(way: Way, place: &Place) -> Result<Self> {
        let port = way.server.port();
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).current_dir(&place.work).stdin(Stdio::null());
        match way.server {
            ServerKind::Nginx => {
                let settings = place.work.join("nginx.conf");
                fs::write(&settings, nginx_settings(place, port))?;
                if let Some(hold) = way.taking.hold() {
                    command.arg(&place.programs.tlsight).arg("run").arg("--socket");
                    command.arg(place.socket()).args(["--wait", hold, "--deadline", "1s", "--"]);
                }
                command.arg("nginx").arg("-c").arg(settings);
            }
            ServerKind::Rustls => {
                command.arg(&place.programs.serve).arg(port.to_string());
                command.args(["certificate.pem", "key.pem"]);
                if let Some(hold) = way.taking.hold() {
                    let socket = place.socket();
                    let settings = format!("socket={} wait={hold} deadline=1s", socket.display());
                    command.env("TLSIGHT_HANDOVER", settings);
                }
            }
        }
        let server = Self { child: command.spawn().context("a server cannot be run")?, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        bail!("a server does not listen")
    }

    /// Opens sessions for some seconds, at a rate or, if that is 0, as many as possible.
    pub(super) fn sessions(&self, place: &Place, per_s: f64, seconds: f64) -> Result<Sessions> {
        let output = Command::new("taskset")
            .args(["-c", "1"])
            .arg(&place.programs.load)
            .args(["connections", &self.port.to_string()])
            .args([per_s.to_string(), seconds.to_string(), "/page".to_owned()])
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sessions: Sessions = serde_json::from_slice(&output.stdout)?;
        ensure!(sessions.failed == 0.0, "{} sessions failed: {output:?}", sessions.failed);
        Ok(sessions)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        self.child.wait().ok();
    }
}

fn nginx_settings(place: &Place, port: u16) -> String {
    let folder = place.work.display();
    format!(
        "daemon off; user root; worker_processes 1;\n\
         pid {folder}/nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl;\n\
         ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;\n\
         ssl_protocols TLSv1.3; root {folder}; }} }}\n"
    )
}
