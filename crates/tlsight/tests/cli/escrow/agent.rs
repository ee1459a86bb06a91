//! What a process hands over to the agent of its host, on its way to an escrow.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};

use courier::{Courier, Verdict};
use handover::{Gathering, KeyLine, Library, Lookup, Session, Stage};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Escrow, done, hex, wait_for};
use crate::program::{command, testdata, tlsight};

#[test]
fn what_a_process_hands_over_is_durable_before_its_session_goes_on() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    let socket = escrow.path("agent.sock");
    let beacons = Beacons::new(&escrow);
    let mut agent = Running::start(&escrow, serving.port, &beacons.arguments());
    let settings = "wait=durable deadline=60s on-deadline=abort breaker=0";
    let settings = format!("socket={} {settings}", socket.display());
    let courier = Courier::new(settings.parse().unwrap());
    let log = fs::read(testdata().join("secrets-tls13/keys.log")).unwrap();
    let mut sessions: BTreeMap<[u8; 32], Gathering> = BTreeMap::new();
    let (mut messages, mut all) = (0, 0);
    for line in log.split(|byte| *byte == b'\n') {
        let Lookup::Secret(KeyLine { random, secret }) = KeyLine::read(line) else { continue };
        let Some(told) = sessions.entry(random).or_default().add(&random, secret) else { continue };
        let session = Session::new(Library::OpenSsl, random);
        let is_last = told.stage == Stage::Application;
        assert_eq!(courier.hand_over(session, told), Verdict::GoOn);
        messages += 1;
        // What they protect goes out after them. Those of handshakes come when these are over.
        let passed = beacons.passed();
        assert!(passed >= if is_last { 2 } else { 0 }, "{passed}, message {messages}");
        all += passed;
    }
    assert!(messages >= 10, "{messages}");
    assert!(all >= 3 * sessions.len(), "{all} for {} sessions", sessions.len());
    let (status, said) = agent.end();
    assert!(status.success(), "{said:?}");
    assert!(said.iter().any(|line| line.contains("of them on its disk")), "{said:?}");
    let both: &[&str] = &["bob", "carol"];
    let keys = escrow.released(&escrow.request("all", "t3", both, &[]));
    let capture = testdata().join("secrets-tls13/input.pcap");
    let clear = tlsight(["decrypt", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&clear.stdout).into_owned();
    assert!(text.contains("hello") && text.contains("olleh"), "{text}");
}

#[test]
fn what_waits_for_a_service_that_hangs_is_delivered_when_the_agent_ends() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    let mut agent = Running::start(&escrow, serving.port, &[]);
    kill_process(Pid::from_child(&serving.child), Signal::STOP).unwrap();
    let socket = escrow.path("agent.sock");
    let settings = "wait=durable deadline=10ms on-deadline=open breaker=0";
    let courier = Courier::new(format!("socket={} {settings}", socket.display()).parse().unwrap());
    let mut messages = 0;
    for session in 0_u8..40 {
        let mut gathering = Gathering::default();
        let random = [session; 32];
        for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"] {
            let line = format!("{label} {} {}", hex(&random), hex(&[label.as_bytes()[0]; 32]));
            let Lookup::Secret(KeyLine { random, secret }) = KeyLine::read(line.as_bytes()) else {
                panic!("{line}")
            };
            let Some(told) = gathering.add(&random, secret) else { continue };
            courier.hand_over(Session::new(Library::OpenSsl, random), told);
            messages += 1;
        }
    }
    assert_eq!(messages, 40);
    let (status, said) = agent.end();
    assert!(!status.success(), "not all can be at the service: {said:?}");
    assert!(said.iter().any(|line| line.contains("40 deliveries, 0 of them")), "{said:?}");
}

/// A socket where beacons come, for a monitor.
struct Beacons {
    socket: UdpSocket,
    key: PathBuf,
    grant: PathBuf,
}

impl Beacons {
    fn new(escrow: &Escrow) -> Self {
        let (own, key) = (escrow.path("soc"), escrow.path("beacon.key"));
        done(&tlsight(["escrow", "keys", "identity", own.to_str().unwrap()]));
        done(&tlsight(["escrow", "keys", "beacon", key.to_str().unwrap()]));
        let public = own.with_extension("pub");
        let grant = ["--public", public.to_str().unwrap(), "--role", "monitor", "--tier", "t3"];
        escrow.done(&[&["keys", "grant", "soc"], &grant[..]].concat());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, key, grant: escrow.dir().join("grants/soc.json") }
    }

    fn arguments(&self) -> [String; 6] {
        [
            "--beacon".to_owned(),
            self.socket.local_addr().unwrap().to_string(),
            "--beacon-key".to_owned(),
            self.key.display().to_string(),
            "--beacon-grant".to_owned(),
            self.grant.display().to_string(),
        ]
    }

    /// How many have come.
    fn passed(&self) -> usize {
        let mut datagram = [0; 2048];
        std::iter::from_fn(|| self.socket.recv(&mut datagram).ok()).count()
    }
}

/// A program that is ended if the test ends before it.
struct Running(Child);

impl Running {
    /// An agent of an escrow, which listens.
    fn start(escrow: &Escrow, port: u16, more: &[String]) -> Self {
        let socket = escrow.path("agent.sock");
        let tls = |name: &str| escrow.dir().join("tls").join(name).display().to_string();
        let (authority, service) =
            (escrow.dir().join("authority.pub"), format!("localhost:{port}"));
        let arguments =
            ["escrow", "agent", "--socket", socket.to_str().unwrap(), "--escrow", &service];
        let arguments =
            arguments.map(str::to_owned).into_iter().chain(more.iter().cloned()).chain([
                "--escrow-authority".to_owned(),
                authority.display().to_string(),
                "--cert".to_owned(),
                tls("web-1.pem"),
                "--key".to_owned(),
                tls("web-1.key"),
                "--ca".to_owned(),
                tls("ca.pem"),
            ]);
        let agent = Self(command(arguments, &[]).stderr(Stdio::piped()).spawn().unwrap());
        wait_for("the agent", || socket.exists());
        agent
    }

    /// Asks it to end; how it did, and what it said.
    fn end(&mut self) -> (ExitStatus, Vec<String>) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let said = BufReader::new(self.0.stderr.take().unwrap()).lines().map(Result::unwrap);
        let said = said.collect();
        (self.0.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
