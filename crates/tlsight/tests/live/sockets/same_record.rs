//! What is told of a session at its sockets is what a capture of the same packets tells.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::cgroup::{Cgroup, with_cgroup};
use super::peer;
use super::processes::{Folder, Running, succeed, succeed_with};
use super::watcher::{PROGRAM, Watcher};
use crate::network::{Network, wait_until, with_network};

#[test]
fn openssl_over_both_versions_of_ip_with_certificates_and_over_dtls() {
    compare("openssl", 5, |cgroup, network, folder| {
        let server = |options: &[&str], port: u16| {
            let mut command = cgroup.command_in(&network.client(), "openssl");
            command.args(["s_server", "-quiet", "-cert", "server.pem", "-key", "server.key"]);
            command.args(["-accept", &port.to_string()]).args(options);
            Running::start(command.current_dir(folder.path())).wait_for_port(port)
        };
        let _servers = [
            server(&["-WWW", "-Verify", "1", "-verify_quiet"], 443),
            server(&["-WWW"], 444),
            server(&["-dtls", "-listen", "-timeout"], 445),
        ];
        let client = |options: &[&str], input: &str| {
            let mut command = cgroup.command_in(&network.client(), "openssl");
            command.args(["s_client", "-quiet", "-servername", "server.test"]).args(options);
            succeed_with(command.current_dir(folder.path()), input);
        };
        let request = "GET /hello HTTP/1.0\r\n\r\n";
        let certificate = ["-cert", "server.pem", "-key", "server.key"];
        for version in ["-tls1_2", "-tls1_3"] {
            client(&[&["-connect", "127.0.0.1:443", version], &certificate[..]].concat(), request);
        }
        client(&["-connect", "[::1]:444"], request);
        client(&["-connect", "[::1]:444", "-groups", "P-384"], request);
        dtls(cgroup, network);
    });
}

#[test]
fn recorded_conversations() {
    let captures = ["pq-hybrid", "starttls-smtp", "postgres", "quic-v1", "quic-v2", "tls13-ipv6"];
    compare("replay", captures.len(), |cgroup, network, _| {
        for (number, name) in captures.iter().enumerate() {
            let port = 1000 + u16::try_from(number).unwrap();
            let capture = testdata(name);
            succeed(&mut peer::replay(cgroup, &network.client(), &capture, port));
        }
    });
}

/// Runs `converse` with both ends in a namespace, of which everything is captured, and compares what
/// is told of the `sessions` sessions.
fn compare(name: &str, sessions: usize, converse: impl FnOnce(&Cgroup, &Network, &Folder)) {
    with_cgroup(name, &["openssl", "tcpdump"], |cgroup| {
        with_network(name, &[], |network| {
            let folder = Folder::new(cgroup);
            let file = folder.path().join("packets.pcap");
            let tcpdump = capture(network, &file);
            let mut watcher = Watcher::start(cgroup, &[]);
            converse(cgroup, network, &folder);
            let told: Vec<Value> = (0..sessions).map(|_| watcher.next()).collect();
            let end = watcher.interrupt();
            assert_eq!((end.sessions.len(), end.loss), (0, json!({})), "{:?}", end.sessions);
            tcpdump.interrupt();
            let read = read(&file);
            assert_eq!(told.len(), read.len());
            for session in &told {
                assert_ne!(session["client"]["process"], Value::Null);
                assert_ne!(session["server"]["process"], Value::Null);
                assert_eq!(session["tlsight"]["evidence"], "socket");
            }
            let (told, read) = (sorted(told), sorted(read));
            for (told, read) in told.iter().zip(&read) {
                assert_same_traffic(told, read);
                assert_same_timing(told, read);
            }
            let comparable = |sessions: Vec<Value>| -> Vec<Value> {
                sessions.into_iter().map(comparable).collect()
            };
            assert_eq!(comparable(told), comparable(read));
        });
    });
}

fn dtls(cgroup: &Cgroup, network: &Network) {
    let mut command = cgroup.command_in(&network.client(), "timeout");
    let script =
        "(echo hi; sleep 1) | openssl s_client -dtls -quiet -no_ign_eof -connect 127.0.0.1:445";
    let done = command.args(["60", "sh", "-c", script]).stderr(Stdio::null()).status().unwrap();
    assert!(done.success());
}

fn capture(network: &Network, file: &Path) -> Running {
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        &network.client(),
        "tcpdump",
        "-i",
        "lo",
        "-U",
        "--immediate-mode",
        "-s",
        "0",
        "-w",
    ]);
    let tcpdump = Running::start(command.arg(file).stderr(Stdio::null()));
    // The file's header is written when the capture runs.
    wait_until("tcpdump captures", || file.metadata().is_ok_and(|file| file.len() > 0));
    tcpdump
}

fn read(file: &Path) -> Vec<Value> {
    let output = Command::new(PROGRAM).args(["read", "--json"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"]["dataset"] == "tls").collect()
}

/// Sessions by their flow.
fn sorted(mut sessions: Vec<Value>) -> Vec<Value> {
    sessions.sort_by_key(|session| session["network"]["community_id"].to_string());
    sessions
}

/// The same traffic until the end of the handshake, but for bare acknowledgements: one that is sent on
/// another core may come before or after what ended it, at either place.
fn assert_same_traffic(told: &Value, read: &Value) {
    let is_tcp = read["network"]["transport"] == "tcp";
    let acknowledgement = if read["network"]["type"] == "ipv6" { 40 + 32 } else { 20 + 32 };
    for end in ["client", "server"] {
        let difference = |field: &str| {
            let count = |session: &Value| session[end][field].as_i64().unwrap();
            count(told) - count(read)
        };
        let (packets, bytes) = (difference("packets"), difference("bytes"));
        assert_eq!(bytes, packets * acknowledgement, "{end} of {told:#} {read:#}");
        assert!(is_tcp || packets == 0, "{end} of {told:#} {read:#}");
    }
}

/// The same steps, at almost the same times: a packet passes the socket some microseconds before or
/// behind the interface, or later on a busy machine.
fn assert_same_timing(told: &Value, read: &Value) {
    let steps = |session: &Value| {
        let timing = session["tlsight"]["timing"].as_object().unwrap();
        timing.iter().map(|(step, at)| (step.clone(), at.as_i64().unwrap())).collect::<Vec<_>>()
    };
    let (told, read) = (steps(told), steps(read));
    let names = |steps: &[(String, i64)]| -> Vec<String> {
        steps.iter().map(|(step, _)| step.clone()).collect()
    };
    assert_eq!(names(&told), names(&read));
    for ((step, told), (_, read)) in told.iter().zip(&read) {
        assert!((told - read).abs() < MOST_APART_US, "{step}: {told} and {read}");
    }
}

/// Without times and what only one of the two can know, and without what is compared otherwise.
fn comparable(mut session: Value) -> Value {
    for (object, fields) in [
        ("", &["@timestamp", "process", "container"][..]),
        ("/event", &["start", "end", "duration"]),
        ("/network", &["direction"]),
        ("/tlsight", &["evidence", "socket", "timing"]),
        ("/client", &["mac", "process", "container", "bytes", "packets"]),
        ("/server", &["mac", "process", "container", "bytes", "packets"]),
        ("/source", &["mac", "bytes", "packets"]),
        ("/destination", &["mac", "bytes", "packets"]),
    ] {
        let object = session.pointer_mut(object).unwrap().as_object_mut().unwrap();
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
    session
}

/// Longer than a core is kept from one of the two places, shorter than any handshake is looked at for.
const MOST_APART_US: i64 = 50_000;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name).join("input.pcap")
}
