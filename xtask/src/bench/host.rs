//! What an observer costs the host that it observes: a download and new connections of a web server
//! of this host, with it and without it by turns.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Options;
use super::peers::{build_tlsight, find};

/// Downloads and connects by turns with each observer and with none, and prints what it costs.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    for needed in ["nginx", "openssl", "curl"] {
        if find(needed).is_none() {
            println!("skipped: host: {needed} is not installed");
            return Ok(());
        }
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: host: programs in the kernel need root");
        return Ok(());
    }
    let tlsight = build_tlsight(root)?;
    let work = options.work.join("host");
    fs::create_dir_all(&work)?;
    let server = Server::start(&work)?;
    let mut observers = vec![Observer::none(), Observer::agent(tlsight, &work)];
    observers.extend(find("tcpdump").map(Observer::tcpdump));
    let mut costs: Vec<Vec<Cost>> = observers.iter().map(|_| Vec::new()).collect();
    for run in 1..=options.runs {
        for (observer, costs) in observers.iter().zip(&mut costs) {
            eprintln!("host: {}, run {run}", observer.name);
            costs.push(observe(observer, &server)?);
        }
    }
    print(&observers, &costs)
}

/// What one run measured.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Bytes a second of a download.
    download: f64,
    /// New connections a second.
    connections: f64,
    /// The observer's CPU seconds for the small download, and for the large one.
    small_cpu_s: f64,
    large_cpu_s: f64,
    /// The observer's CPU seconds for each new connection.
    connection_cpu_s: f64,
    /// The observer's resident size in MiB.
    resident_mib: f64,
}

fn observe(observer: &Observer, server: &Server) -> Result<Cost> {
    let running = observer.start()?;
    let before = running.cpu_s()?;
    server.download(SMALL)?;
    let after_small = running.cpu_s()?;
    let download = server.download(LARGE)?;
    let after_large = running.cpu_s()?;
    let (connections, seconds) = server.connect()?;
    std::thread::sleep(SETTLE);
    let after_all = running.cpu_s()?;
    Ok(Cost {
        download,
        connections: connections / seconds,
        small_cpu_s: after_small - before,
        large_cpu_s: after_large - after_small,
        connection_cpu_s: (after_all - after_large) / connections,
        resident_mib: running.resident_mib()?,
    })
}

fn print(observers: &[Observer], costs: &[Vec<Cost>]) -> Result<()> {
    println!(
        "\n{:24}{:>10}{:>8}{:>12}{:>8}{:>14}{:>14}{:>16}{:>9}",
        "observer",
        "MB/s",
        "ratio",
        "new conn/s",
        "ratio",
        "CPU ms, 40 MB",
        "CPU ms, 4 GB",
        "CPU us, session",
        "MiB"
    );
    let without = costs.first().context("there was no run")?;
    for (observer, costs) in observers.iter().zip(costs) {
        println!(
            "{:24}{:>10.0}{:>8.3}{:>12.0}{:>8.3}{:>14.0}{:>14.0}{:>16.0}{:>9.0}",
            observer.name,
            median(costs, |cost| cost.download)? / 1e6,
            median_ratio(costs, without, |cost| cost.download)?,
            median(costs, |cost| cost.connections)?,
            median_ratio(costs, without, |cost| cost.connections)?,
            median(costs, |cost| cost.small_cpu_s)? * 1e3,
            median(costs, |cost| cost.large_cpu_s)? * 1e3,
            median(costs, |cost| cost.connection_cpu_s)? * 1e6,
            median(costs, |cost| cost.resident_mib)?,
        );
    }
    println!("ratios are medians over the turns, each beside the run without an observer");
    Ok(())
}

fn median(costs: &[Cost], value: impl Fn(&Cost) -> f64) -> Result<f64> {
    middle(costs.iter().map(value).collect())
}

fn median_ratio(costs: &[Cost], without: &[Cost], value: impl Fn(&Cost) -> f64) -> Result<f64> {
    middle(costs.iter().zip(without).map(|(with, without)| value(with) / value(without)).collect())
}

fn middle(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("there was no run")
}

/// A program that watches, or none.
struct Observer {
    name: &'static str,
    command: Vec<OsString>,
}

impl Observer {
    const fn none() -> Self {
        Self { name: "none", command: Vec::new() }
    }

    fn agent(program: PathBuf, work: &Path) -> Self {
        let output = work.join("sessions.ndjson");
        let command = vec![program.into(), "agent".into(), "--output".into(), output.into()];
        Self { name: "tlsight agent", command }
    }

    fn tcpdump(program: PathBuf) -> Self {
        let arguments = ["-i", "lo", "-w", "/dev/null"].map(OsString::from);
        let command = std::iter::once(program.into()).chain(arguments).collect();
        Self { name: "tcpdump -w /dev/null", command }
    }

    fn start(&self) -> Result<Running> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(Running(None));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be run", self.name))?;
        std::thread::sleep(SETTLE);
        ensure!(child.try_wait()?.is_none(), "{} ended", self.name);
        Ok(Running(Some(child)))
    }
}

/// An observer at work, until it is dropped.
struct Running(Option<Child>);

impl Running {
    /// User and system time so far, in seconds.
    fn cpu_s(&self) -> Result<f64> {
        let Some(child) = &self.0 else { return Ok(0.0) };
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        // The name in parentheses may have blanks; utime and stime are the fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
        let ticks = |field: Option<&str>| field.and_then(|ticks| ticks.parse::<f64>().ok());
        let mut fields = fields.split_whitespace().skip(11);
        let user = ticks(fields.next()).context("/proc/PID/stat has no utime")?;
        let system = ticks(fields.next()).context("/proc/PID/stat has no stime")?;
        Ok((user + system) / TICKS_PER_S)
    }

    fn resident_mib(&self) -> Result<f64> {
        let Some(child) = &self.0 else { return Ok(0.0) };
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.map(|kib: f64| kib / 1024.0).context("/proc/PID/status has no VmRSS")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// An nginx of this host with two files, until it is dropped.
struct Server(Child);

impl Server {
    fn start(work: &Path) -> Result<Self> {
        let run = |command: &mut Command| -> Result<()> {
            let output = command.output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        };
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(work))?;
        for (name, len) in [SMALL, LARGE] {
            File::create(work.join(name))?.set_len(len)?;
        }
        let folder = work.display();
        fs::write(
            work.join("nginx.conf"),
            format!(
                "daemon off; user root; worker_processes 1; pid {folder}/nginx.pid;\n\
                 error_log stderr crit; events {{ worker_connections 4096; }}\n\
                 http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{PORT} ssl;\n\
                 ssl_certificate certificate.pem; ssl_certificate_key key.pem;\n\
                 ssl_session_tickets off; root {folder}; }} }}\n"
            ),
        )?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(work.join("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .context("nginx cannot be run")?;
        let server = Self(child);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", PORT)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("nginx does not listen")
    }

    /// Downloads a file; gives the bytes a second.
    fn download(&self, (name, len): (&str, u64)) -> Result<f64> {
        let output = Command::new("curl")
            .args(["-sSk", "-o", "/dev/null", "-w", "%{size_download} %{speed_download}"])
            .arg(format!("https://127.0.0.1:{PORT}/{name}"))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (size, speed) = text.split_once(' ').context("curl printed no speed")?;
        ensure!(size == len.to_string(), "curl got {size} bytes: {output:?}");
        Ok(speed.parse()?)
    }

    /// Makes new connections for some seconds; gives how many, and in how many seconds.
    fn connect(&self) -> Result<(f64, f64)> {
        let output = Command::new("openssl")
            .args(["s_time", "-connect", &format!("127.0.0.1:{PORT}"), "-new", "-time", "4"])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // "1234 connections in 5 real seconds, 0 bytes read per connection"
        let line = text.lines().find(|line| line.contains("real seconds"));
        let mut words = line.context("openssl printed no count")?.split_whitespace();
        let count = words.next().and_then(|count| count.parse().ok());
        let seconds = words.nth(2).and_then(|seconds| seconds.parse().ok());
        count.zip(seconds).context("openssl printed no numbers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked to end, it ends its workers too.
        if let Ok(pid) = i32::try_from(self.0.id()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        self.0.wait().ok();
    }
}

const PORT: u16 = 18_443;

/// Names and lengths of the files.
const SMALL: (&str, u64) = ("small", 40 << 20);
const LARGE: (&str, u64) = ("large", 4 << 30);

/// Longer than programs need to begin, and than lines wait to be written.
const SETTLE: Duration = Duration::from_secs(2);

/// Of `/proc/PID/stat` (`sysconf(_SC_CLK_TCK)`, 100 on all architectures of Linux that matter here).
const TICKS_PER_S: f64 = 100.0;
