//! The programs that observe, one of them at a time.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::peers::find;
use super::super::watchers::Watcher;
use super::cgroup::Cgroup;
use super::traffic::Lane;

/// A program that observes one of two lanes of traffic.
#[derive(Debug)]
pub(super) enum Observer {
    /// None at all: by what its lanes differ, no other can be told from it.
    Nobody,
    /// Programs in the same places of the kernel that do nothing: what being there costs.
    Hooks,
    Agent {
        program: PathBuf,
    },
    Tcpdump {
        program: PathBuf,
    },
    Suricata(Watcher),
}

impl Observer {
    /// Those that are installed and wanted; all if none is named.
    pub(super) fn installed(tlsight: PathBuf, root: &Path, wanted: &[String]) -> Vec<Self> {
        let tcpdump = find("tcpdump").map(|program| Self::Tcpdump { program });
        let suricata =
            find("suricata").map(|program| Self::Suricata(Watcher::suricata(program, root)));
        let hooks = (find("bpftool").is_some() && find("clang").is_some()).then_some(Self::Hooks);
        [Self::Nobody, Self::Agent { program: tlsight }]
            .into_iter()
            .chain(hooks)
            .chain(tcpdump)
            .chain(suricata)
            .filter(|observer| {
                wanted.is_empty() || wanted.iter().any(|name| observer.name().contains(name))
            })
            .collect()
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Hooks => "empty programs",
            Self::Agent { .. } => "tlsight agent",
            Self::Tcpdump { .. } => "tcpdump -w /dev/null",
            Self::Suricata(_) => "Suricata, bypass",
        }
    }

    /// Whether it costs a download nothing but its programs, if anything.
    pub(super) const fn is_programs(&self) -> bool {
        matches!(self, Self::Nobody | Self::Hooks | Self::Agent { .. })
    }

    fn command(&self, lane: &Lane, work: &Path) -> Vec<OsString> {
        let filter = format!("port {}", lane.port());
        match self {
            Self::Nobody => ["sleep", "infinity"].map(OsString::from).to_vec(),
            Self::Hooks => {
                let cgroup = lane.cgroup().as_os_str().to_owned();
                ["sh", "-c", EMPTY_PROGRAMS]
                    .map(OsString::from)
                    .into_iter()
                    .chain([cgroup])
                    .collect()
            }
            Self::Agent { program } => {
                let output = work.join("sessions.ndjson");
                let mut command = vec![program.into(), "agent".into(), "--output".into()];
                command.extend([output.into(), "--cgroup".into(), lane.cgroup().into()]);
                command
            }
            Self::Tcpdump { program } => {
                let arguments = ["-i", "lo", "-w", "/dev/null", &filter].map(OsString::from);
                std::iter::once(program.into()).chain(arguments).collect()
            }
            Self::Suricata(watcher) => {
                let mut command = watcher.command("lo", work);
                // Packets on this interface are up to 64 KiB long, and so are the places in the ring.
                let ring = ["--set".into(), "af-packet.0.ring-size=1024".into()];
                command.extend(ring.into_iter().chain([filter.into()]));
                command
            }
        }
    }

    /// What tells that it observes.
    const fn sign(&self) -> Sign {
        match self {
            Self::Nobody => Sign::None,
            Self::Agent { .. } => Sign::Notification,
            Self::Hooks => Sign::Word("attached"),
            Self::Tcpdump { .. } => Sign::Word("listening"),
            Self::Suricata(_) => Sign::Word("started"),
        }
    }

    /// Starts it, and waits until it observes.
    pub(super) fn start(&self, lane: &Lane, work: &Path) -> Result<Running> {
        let cgroup = Cgroup::make("observer")?;
        let command = self.command(lane, work);
        let (program, arguments) = command.split_first().context("there is no program")?;
        let place = work.join("notify");
        fs::remove_file(&place).ok();
        let notifications = UnixDatagram::bind(&place)?;
        notifications.set_read_timeout(Some(LONGEST_START))?;
        let said = work.join("said");
        let child = cgroup
            .command(program)
            .args(arguments)
            .env("NOTIFY_SOCKET", &place)
            .current_dir(work)
            .stdin(Stdio::null())
            .stdout(File::create(&said)?)
            .stderr(File::options().append(true).open(&said)?)
            .spawn()
            .with_context(|| format!("{} cannot be run", self.name()))?;
        let mut running = Running { child, cgroup };
        match self.sign() {
            Sign::None => {}
            Sign::Notification => {
                let mut state = [0; 64];
                let len = notifications.recv(&mut state).context("the agent is not ready")?;
                ensure!(state.get(..len) == Some(b"READY=1"), "the agent says something else");
            }
            Sign::Word(word) => running.wait_until_it_prints(word, &said)?,
        }
        std::thread::sleep(SETTLE);
        Ok(running)
    }
}

/// What an observer does when it observes.
enum Sign {
    None,
    /// It tells the service manager.
    Notification,
    /// It prints this.
    Word(&'static str),
}

/// An observer at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    cgroup: Cgroup,
}

impl Running {
    /// CPU seconds so far.
    pub(super) fn cpu_s(&self) -> Result<f64> {
        self.cgroup.cpu_s()
    }

    /// Resident size in MiB.
    pub(super) fn resident_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.map(|kib: f64| kib / 1024.0).context("/proc/PID/status has no VmRSS")
    }

    fn wait_until_it_prints(&mut self, word: &str, said: &Path) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < LONGEST_START {
            let text = fs::read(said)?;
            if String::from_utf8_lossy(&text).contains(word) {
                return Ok(());
            }
            ensure!(self.child.try_wait()?.is_none(), "{}", String::from_utf8_lossy(&text));
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it does not say that it observes");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(pid), Signal::SIGINT).ok();
        }
        let begin = Instant::now();
        while begin.elapsed() < LONGEST_END {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Attaches programs that let everything pass to the cgroup `$0`, until it is told to end.
const EMPTY_PROGRAMS: &str = r#"set -e
printf '%s\n' '__attribute__((section("cgroup_skb/egress"))) int at_egress(void *skb) { return 1; }' \
    '__attribute__((section("cgroup_skb/ingress"))) int at_ingress(void *skb) { return 1; }' |
    clang -O2 -g -target bpf -x c -c - -o empty.o
pins=/sys/fs/bpf/tlsight-bench-empty
trap 'for way in egress ingress; do bpftool cgroup detach "$0" $way pinned $pins/at_$way || true; done; rm -rf $pins' EXIT
trap exit INT TERM
bpftool prog loadall empty.o $pins
for way in egress ingress; do bpftool cgroup attach "$0" $way pinned $pins/at_$way multi; done
echo attached
sleep infinity & wait
"#;

const LONGEST_START: Duration = Duration::from_secs(60);
const LONGEST_END: Duration = Duration::from_secs(10);

/// For what a program does once it runs.
const SETTLE: Duration = Duration::from_millis(200);
