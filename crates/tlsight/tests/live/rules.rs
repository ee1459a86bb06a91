//! Whose secrets probes take, and what they know of sessions.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::handover::{Capture, OwnServer, lines};
use crate::network::{Network, SERVER_ADDRESS, wait_until, with_network};
use crate::servers::{Identity, PAGE};
use crate::watcher::Watcher;

#[test]
fn a_probe_takes_nothing_of_a_session_whose_name_no_rule_allows() {
    with_network("rule-name", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let server = OwnServer::start(network, &identity);
        let keys = network.folder().join("keys.log");
        let agent = agent(network, &server, &keys, &["--allow-sni", "tls13.test"]);
        let watcher = Watcher::start(&network.client(), "veth0", &["--json"]);
        take_one(network, &keys);
        fetch(network, "curl.test", &[]);
        fetch(network, "tls12.test", &[]);
        take_one(network, &keys);
        let end = agent.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(end.messages.contains("held back: no rule allows them"), "{}", end.messages);
        assert_eq!(names(watcher, &keys), ["tls13.test"]);
    });
}

#[test]
fn a_probe_takes_nothing_of_a_session_that_a_rule_denies() {
    with_network("rule-deny", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let server = OwnServer::start(network, &identity);
        let keys = network.folder().join("keys.log");
        let agent = agent(network, &server, &keys, &["--deny-sni", "tls12.test,"]);
        let watcher = Watcher::start(&network.client(), "veth0", &["--json"]);
        take_one(network, &keys);
        fetch(network, "tls12.test", &[]);
        take_one(network, &keys);
        let end = agent.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(end.messages.contains("held back: no rule allows them"), "{}", end.messages);
        assert_eq!(names(watcher, &keys), ["tls13.test"]);
    });
}

#[test]
fn a_probe_takes_nothing_of_other_users_and_peers() {
    with_network("rule-user", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let server = OwnServer::start(network, &identity);
        for rule in [
            ["--allow-user", "12345"],
            ["--deny-user", "0"],
            ["--deny-peer", "192.0.2.1/32"],
            ["--deny-exe", "*/own-openssl"],
        ] {
            let keys = network.folder().join(format!("{}.log", rule[0]));
            // A probe that came too late has seen nothing to hold back.
            wait_until("a session is held back", || {
                let agent = agent(network, &server, &keys, &rule);
                fetch(network, "tls13.test", &[]);
                let end = agent.interrupt();
                assert_eq!(end.status, Some(0), "{}", end.messages);
                assert_eq!(lines(&keys).len(), 0, "{rule:?}");
                end.messages.contains("held back: no rule allows them")
            });
        }
    });
}

#[test]
fn rules_without_probes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(["escrow", "agent", "--keylog", "k", "--socket", "s", "--deny-sni", "x"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("--attach"), "{said}");
}

#[test]
fn one_side_of_tls12_follows_from_what_a_probe_takes() {
    with_network("probe-tls12", &["curl", "openssl", "tcpdump"], |network| {
        let identity = Identity::new(network);
        let server = OwnServer::start(network, &identity);
        let escrow = Escrow::start(network);
        let socket = network.folder().join("agent.sock");
        let dir = escrow.dir.as_path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
        command.args(["escrow", "agent", "--escrow", &escrow.address, "--escrow-authority"]);
        command.arg(dir.join("authority.pub"));
        for (flag, file) in [("--cert", "web-1.pem"), ("--key", "web-1.key"), ("--ca", "ca.pem")] {
            command.arg(flag).arg(dir.join("tls").join(file));
        }
        command.arg("--socket").arg(&socket).arg("--attach").arg(&server.program);
        let agent = Watcher::run(&mut command, "the agent is attached", is_attached);
        let capture = Capture::start(network);
        let shows = |number: usize, tier: &str| {
            let keys = escrow.released(network, &format!("{tier}-{number}"), tier);
            let clear =
                tlsight(network, &["decrypt", path(&capture.file), "--keylog", path(&keys)]);
            (clear.contains("GET /hello"), clear.contains("Content-type: "))
        };
        let mut number = 0;
        wait_until("a session is in escrow", || {
            number += 1;
            fetch(network, "tls12.test", &["--tls-max", "1.2"]);
            shows(number, "t2c").0
        });
        assert_eq!(shows(number, "t2s"), (false, true));
        assert!(!shows(number + 1, "t2c").1);
        let end = agent.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
    });
}

fn agent(network: &Network, server: &OwnServer, keys: &Path, rule: &[&str]) -> Watcher {
    let socket = keys.with_extension("sock");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.args(["escrow", "agent", "--keylog"]).arg(keys).arg("--socket").arg(&socket);
    command.arg("--attach").arg(&server.program).args(rule).current_dir(network.folder());
    Watcher::run(&mut command, "the agent is attached", is_attached)
}

/// Whether the probes of an agent are in place: what takes their secrets begins then.
fn is_attached(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let names = tasks.map(|task| fs::read_to_string(task.path().join("comm")));
    names.flatten().any(|name| name == "attached\n")
}

/// Has one more session with a name that is allowed, and its secrets in the key log: the probes are in place
/// then, and what came before is judged.
fn take_one(network: &Network, keys: &Path) {
    let before = lines(keys).len();
    wait_until("a session that is allowed is taken", || {
        fetch(network, "tls13.test", &[]);
        lines(keys).len() >= before + 4
    });
}

fn fetch(network: &Network, name: &str, more: &[&str]) {
    let resolve = format!("{name}:443:{SERVER_ADDRESS}");
    let url = format!("https://{name}/hello");
    let arguments = ["-sS", "-k", "--max-time", "30", "--resolve", &resolve, &url];
    let page = network.run(&network.client(), "curl", &[&arguments[..], more].concat());
    assert_eq!(page, PAGE);
}

/// The names of the sessions that were seen whose secrets are in a key log.
fn names(watcher: Watcher, keys: &Path) -> Vec<String> {
    let taken: Vec<String> =
        lines(keys).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    let name_of = |line: &String| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let random = line["tls"]["detailed"]["client_hello"]["random"].as_str()?;
        let is_taken = taken.iter().any(|taken| taken == random);
        is_taken.then(|| line["tls"]["client"]["server_name"].as_str().unwrap().to_owned())
    };
    let mut names: Vec<String> = watcher.interrupt().lines.iter().filter_map(name_of).collect();
    names.sort();
    names.dedup();
    names
}

/// A service of this host, killed if it is dropped, and its folder.
struct Escrow {
    process: Child,
    address: String,
    dir: std::path::PathBuf,
}

impl Escrow {
    fn start(network: &Network) -> Self {
        let dir = network.folder().join("escrow");
        tlsight(
            network,
            &["escrow", "init", "--dir", path(&dir), "--service", "localhost", "--agent", "web-1"],
        );
        tlsight(network, &["escrow", "keys", "identity", "alice"]);
        let grant = ["--public", "alice.pub", "--role", "requester", "--tier", "t3"];
        let keys = ["escrow", "keys", "grant", "alice", "--dir", path(&dir)];
        tlsight(network, &[&keys[..], &grant].concat());
        let mut process = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["escrow", "serve", "--listen", "127.0.0.1:0", "--dir", path(&dir)])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = lines.find_map(|line| line.ok().filter(|line| line.contains("listening")));
        let port = said.expect("the service ended").rsplit(':').next().unwrap().to_owned();
        thread::spawn(move || lines.for_each(drop));
        Self { process, address: format!("localhost:{port}"), dir }
    }

    /// The key log of what is released for a tier that needs nobody else.
    fn released(&self, network: &Network, name: &str, tier: &str) -> std::path::PathBuf {
        let [request, answer, keys] = ["request", "answer", "keys"]
            .map(|kind| network.folder().join(format!("{name}.{kind}")));
        for file in [&request, &answer, &keys] {
            fs::remove_file(file).ok();
        }
        let asked = ["escrow", "request", "--case", "1", "--reason", "a test", "--tier", tier];
        let by = ["--requester", "alice", "--key", "alice", "-o", path(&request)];
        tlsight(network, &[&asked[..], &by].concat());
        let dir = path(&self.dir);
        tlsight(network, &["escrow", "release", path(&request), "--dir", dir, "-o", path(&answer)]);
        tlsight(network, &["escrow", "open", path(&answer), "--key", "alice", "-w", path(&keys)]);
        keys
    }
}

impl Drop for Escrow {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs the program in the network's folder; what it wrote to standard output. Of a capture that is not
/// opened yet it says that it failed.
fn tlsight(network: &Network, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(arguments)
        .current_dir(network.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || arguments[0] == "decrypt", "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
