//! What a process hands over to the agent of its host, on its way to an escrow.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use courier::{Courier, Verdict};
use handover::{Gathering, KeyLine, Library, Lookup, Session};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Escrow, wait_for};
use crate::program::{command, testdata, tlsight};

#[test]
fn what_a_process_hands_over_is_durable_before_its_session_goes_on() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    let socket = escrow.path("agent.sock");
    let tls = |name: &str| escrow.dir().join("tls").join(name).display().to_string();
    let (authority, service) =
        (escrow.dir().join("authority.pub"), format!("localhost:{}", serving.port));
    let arguments = ["escrow", "agent", "--socket", socket.to_str().unwrap(), "--escrow", &service];
    let arguments = arguments.map(str::to_owned).into_iter().chain([
        "--escrow-authority".to_owned(),
        authority.display().to_string(),
        "--cert".to_owned(),
        tls("web-1.pem"),
        "--key".to_owned(),
        tls("web-1.key"),
        "--ca".to_owned(),
        tls("ca.pem"),
    ]);
    let agent = command(arguments, &[]).stderr(Stdio::piped()).spawn().unwrap();
    let mut agent = Running(agent);
    wait_for("the agent", || socket.exists());
    let settings = "wait=durable deadline=60s on-deadline=abort breaker=0";
    let settings = format!("socket={} {settings}", socket.display());
    let courier = Courier::new(settings.parse().unwrap());
    let log = fs::read(testdata().join("secrets-tls13/keys.log")).unwrap();
    let mut sessions: BTreeMap<[u8; 32], Gathering> = BTreeMap::new();
    let mut messages = 0;
    for line in log.split(|byte| *byte == b'\n') {
        let Lookup::Secret(KeyLine { random, secret }) = KeyLine::read(line) else { continue };
        let Some(told) = sessions.entry(random).or_default().add(&random, secret) else { continue };
        let session = Session::new(Library::OpenSsl, random);
        assert_eq!(courier.hand_over(session, told), Verdict::GoOn);
        messages += 1;
    }
    assert!(messages >= 10, "{messages}");
    kill_process(Pid::from_child(&agent.0), Signal::TERM).unwrap();
    let said = BufReader::new(agent.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = said.collect();
    assert!(agent.0.wait().unwrap().success(), "{said:?}");
    assert!(said.iter().any(|line| line.contains("of them on its disk")), "{said:?}");
    let both: &[&str] = &["bob", "carol"];
    let keys = escrow.released(&escrow.request("all", "t3", both, &[]));
    let capture = testdata().join("secrets-tls13/input.pcap");
    let clear = tlsight(["decrypt", capture.to_str().unwrap(), "--keylog", keys.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&clear.stdout).into_owned();
    assert!(text.contains("hello") && text.contains("olleh"), "{text}");
}

/// A program that is ended if the test ends before it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
