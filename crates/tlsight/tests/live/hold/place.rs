//! An escrow whose service and agent are at the server, and whose monitor is at the client's interface.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use courier::{Courier, Verdict};
use handover::{Label, Library, Session, Stage, TakenSecret, Told};
use rustix::process::{Pid, Signal, kill_process};

use crate::escrow::{Service, make};
use crate::ids::nginx::Nginx;
use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until};
use crate::servers::Identity;
use crate::watcher::{End, Watcher};

/// Port of the nginx whose sessions wait.
pub(super) const HELD_PORT: u16 = 8443;

pub(super) struct Place<'a> {
    pub(super) network: &'a Network,
    pub(super) identity: Identity,
    dir: PathBuf,
    socket: PathBuf,
    agent: Watcher,
    _service: Service,
}

impl<'a> Place<'a> {
    pub(super) fn new(network: &'a Network) -> Self {
        let identity = Identity::new(network);
        Self::with_agent(network, identity, &network.server(), &[])
    }

    /// One whose agent is somewhere else, with more arguments.
    pub(super) fn with_agent(
        network: &'a Network,
        identity: Identity,
        namespace: &str,
        arguments: &[&str],
    ) -> Self {
        let dir = network.folder().join("escrow");
        make(network, &dir, "t3");
        let service = Service::start(network, &dir);
        let socket = network.folder().join("agent.sock");
        let tls = |name: &str| dir.join("tls").join(name);
        // Unlike ip-netns(8) it leaves the mounts as they are, of which the cgroups are.
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{namespace}")).arg(env!("CARGO_BIN_EXE_tlsight"));
        command.args(["escrow", "agent", "--mode", "0666", "--escrow", SERVER_ADDRESS]);
        command.args(arguments);
        command.arg("--socket").arg(&socket);
        command.arg("--escrow-authority").arg(dir.join("authority.pub"));
        for (flag, name) in [("--cert", "web-1.pem"), ("--key", "web-1.key"), ("--ca", "ca.pem")] {
            command.arg(flag).arg(tls(name));
        }
        let agent = Watcher::run(&mut command, "the agent listens", |_| socket.exists());
        Self { network, identity, dir, socket, agent, _service: service }
    }

    /// A file of the monitor's.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.network.folder().join(name)
    }

    /// The folder of the escrow.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Settings of a process that hands over here.
    pub(super) fn settings(&self, hold: &str) -> String {
        format!("socket={} {hold}", self.socket.display())
    }

    /// A `watch --escrow` on the client's interface that gets live copies.
    pub(super) fn monitor(&self, arguments: &[&str]) -> Watcher {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let tls = |name: &str| text(self.dir.join("tls").join(name));
        let mut all: Vec<String> = ["--json", "--escrow", SERVER_ADDRESS, "--tier", "t3"]
            .iter()
            .chain(arguments)
            .map(|it| (*it).to_owned())
            .collect();
        for (flag, value) in [
            ("--escrow-name", "soc".to_owned()),
            ("--escrow-key", text(self.file("soc"))),
            ("--escrow-grant", text(self.dir.join("grants/soc.json"))),
            ("--cert", tls("soc.pem")),
            ("--key", tls("soc.key")),
            ("--ca", tls("ca.pem")),
        ] {
            all.extend([flag.to_owned(), value]);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let monitor = Watcher::start(&self.network.client(), "veth0", &all);
        self.wait_for_live_copies();
        monitor
    }

    /// Waits until a monitor gets what is handed over.
    pub(super) fn wait_for_live_copies(&self) {
        let hold = "wait=live deadline=250ms on-deadline=abort breaker=0";
        let courier = Courier::new(self.settings(hold).parse().unwrap());
        wait_until("a monitor gets live copies", || {
            let secrets = [Label::ClientApplication, Label::ServerApplication]
                .iter()
                .filter_map(|label| TakenSecret::new(*label, &[1; 32]));
            let told = Told { stage: Stage::Application, secrets: secrets.collect() };
            let mut session = Session::new(Library::OpenSsl, [0xee; 32]);
            (session.version, session.cipher_suite) = (0x0304, 0x1301);
            courier.hand_over(session, told) == Verdict::GoOn
        });
    }

    /// A program that hands over and is held.
    pub(super) fn run(
        &self,
        namespace: &str,
        hold: &[&str],
        program: impl AsRef<OsStr>,
    ) -> Command {
        let mut command = in_namespace(namespace, env!("CARGO_BIN_EXE_tlsight"));
        command.arg("run").arg("--socket").arg(&self.socket).args(hold).arg("--").arg(program);
        command.env("HOME", self.network.folder()).stdin(Stdio::null());
        command
    }

    /// An nginx with one worker whose sessions wait.
    pub(super) fn held_nginx(&self, versions: &str, hold: &[&str]) -> HeldNginx {
        fs::write(self.file("hello"), crate::servers::PAGE).unwrap();
        let settings = Nginx::settings(self.network, &self.identity, HELD_PORT);
        let text = fs::read_to_string(&settings).unwrap();
        let versions = format!("ssl_protocols {versions}; ssl_certificate ");
        fs::write(&settings, text.replace("ssl_certificate ", &versions)).unwrap();
        let mut command = self.run(&self.network.server(), hold, "/usr/sbin/nginx");
        let nginx = HeldNginx(command.arg("-c").arg(settings).spawn().unwrap());
        let listener = format!(":{HELD_PORT:04X} ");
        wait_until("nginx listens", || {
            let table = fs::read_to_string(format!("/proc/{}/net/tcp", nginx.0.id()));
            let is_listener = |line: &str| line.contains(&listener) && line.contains(" 0A ");
            table.unwrap_or_default().lines().any(is_listener)
        });
        nginx
    }

    /// Sessions of a program in the report of visibility gaps that went on, or were ended.
    pub(super) fn gaps(&self, what: &str, program: &str) -> u64 {
        let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["escrow", "audit", "--gaps", "--dir"])
            .arg(&self.dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let of_program = |line: &&str| line.contains(&format!("a session of {program} "));
        let lines = text.lines().filter(of_program).filter(|line| line.contains(what));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    }

    /// Number of the agent's process.
    pub(super) fn agent_id(&self) -> u32 {
        self.agent.id()
    }

    /// Ends the agent; gives what it said.
    pub(super) fn finish(self) -> End {
        self.agent.interrupt()
    }
}

/// Ended with this value, and its worker with it.
pub(super) struct HeldNginx(Child);

impl Drop for HeldNginx {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).ok();
        self.0.wait().ok();
    }
}

/// Ways in which a monitor dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// Its connection lives, and it does nothing.
    Stopped,
    Killed,
}

impl Death {
    pub(super) const ALL: [Self; 2] = [Self::Stopped, Self::Killed];

    /// Lets a monitor die. One that is stopped ends with the value that is given.
    pub(super) fn come_to(self, monitor: Watcher) -> Option<Watcher> {
        match self {
            Self::Stopped => {
                let pid = Pid::from_raw(monitor.id().cast_signed()).unwrap();
                kill_process(pid, Signal::STOP).unwrap();
                Some(monitor)
            }
            Self::Killed => {
                monitor.kill();
                None
            }
        }
    }
}

/// Runs a command to its end, and says how long that took.
pub(super) fn timed(command: &mut Command) -> (std::process::Output, Duration) {
    let began = Instant::now();
    let output = command.output().unwrap();
    (output, began.elapsed())
}
