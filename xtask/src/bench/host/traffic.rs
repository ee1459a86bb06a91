//! What is observed: an nginx on one processor and its clients on another, twice.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use super::cgroup::Cgroup;

/// A server with some files, and its clients, until it is dropped.
pub(in super::super) struct Lane {
    server: Child,
    port: u16,
    clients: PathBuf,
    cgroup: Cgroup,
}

/// What came of connections.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Connections {
    pub(super) connections: f64,
    pub(super) failed: f64,
    pub(super) seconds: f64,
    pub(super) p99_us: f64,
}

impl Lane {
    /// Starts the server on a port; `clients` is the program that opens connections.
    pub(in super::super) fn start(work: &Path, port: u16, clients: PathBuf) -> Result<Self> {
        let folder = work.display();
        let settings = work.join(format!("nginx-{port}.conf"));
        fs::write(
            &settings,
            format!(
                "daemon off; user root; worker_processes 1; worker_cpu_affinity 01;\n\
                 pid {folder}/nginx-{port}.pid; error_log stderr crit;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; sendfile on;\
                 keepalive_requests 1000000; server {{ listen {port} ssl;\n\
                 ssl_certificate certificate.pem; ssl_certificate_key key.pem;\n\
                 ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; root {folder}; }} }}\n"
            ),
        )?;
        let cgroup = Cgroup::make(&format!("traffic-{port}"))?;
        let server = cgroup
            .command("nginx")
            .arg("-c")
            .arg(&settings)
            .stdin(Stdio::null())
            .spawn()
            .context("nginx cannot be run")?;
        let lane = Self { server, port, clients, cgroup };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(lane);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("nginx does not listen")
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(in super::super) fn cgroup(&self) -> &Path {
        self.cgroup.path()
    }

    /// CPU seconds of server and clients, and of the kernel for them.
    pub(super) fn cpu_s(&self) -> Result<f64> {
        self.cgroup.cpu_s()
    }

    /// Downloads a file; gives the bytes a second.
    pub(in super::super) fn download(&self, (name, len): (&str, u64)) -> Result<f64> {
        let output = self
            .client("curl")
            .args(["-sSk", "-o", "/dev/null", "-w", "%{size_download} %{speed_download}"])
            .arg(format!("https://127.0.0.1:{}/{name}", self.port))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (size, speed) = text.split_once(' ').context("curl printed no speed")?;
        ensure!(size == len.to_string(), "curl got {size} bytes: {output:?}");
        Ok(speed.parse()?)
    }

    /// Opens connections for some seconds, at a rate or, if that is 0, as many as it can.
    pub(super) fn connect(&self, per_second: f64, seconds: f64) -> Result<Connections> {
        let arguments = [
            "connections".to_owned(),
            self.port.to_string(),
            per_second.to_string(),
            seconds.to_string(),
        ];
        let output = self.client(&self.clients).args(arguments).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Connections = serde_json::from_slice(&output.stdout)?;
        ensure!(result.failed == 0.0, "{} connections failed", result.failed);
        Ok(result)
    }

    /// Asks for a small page over connections that are kept, for some seconds; gives the answers a second.
    pub(in super::super) fn requests(&self, seconds: u32) -> Result<f64> {
        let output = self
            .client("wrk")
            .args(["-t1", "-c16", &format!("-d{seconds}s")])
            .arg(format!("https://127.0.0.1:{}/{}", self.port, PAGE.0))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(!text.contains("Non-2xx"), "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        Ok(line.with_context(|| format!("wrk: {text}"))?.trim().parse()?)
    }

    /// The program that downloads and connects.
    pub(super) fn clients(&self) -> &Path {
        &self.clients
    }

    /// A command on the processor of clients.
    pub(super) fn client(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.cgroup.command("taskset");
        command.args(["-c", "1"]).arg(program);
        command
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too.
        if let Ok(pid) = i32::try_from(self.server.id()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        self.server.wait().ok();
    }
}

/// Makes what the servers serve.
pub(in super::super) fn prepare(work: &Path) -> Result<()> {
    for (name, len) in [PAGE, SMALL, MIDDLE, GIBIBYTE, LARGE] {
        File::create(work.join(name))?.set_len(len)?;
    }
    certificate(work)
}

fn certificate(work: &Path) -> Result<()> {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(work)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Names and lengths of the files.
const PAGE: (&str, u64) = ("page", 1 << 10);
pub(super) const SMALL: (&str, u64) = ("small", 40 << 20);
pub(super) const MIDDLE: (&str, u64) = ("middle", 256 << 20);
pub(in super::super) const GIBIBYTE: (&str, u64) = ("gibibyte", 1 << 30);
pub(super) const LARGE: (&str, u64) = ("large", 4 << 30);
