//! `--budget`: a process that probes cost more is left alone, and others are not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::{audit_lines, fetch, holds, own_curl, start};
use crate::network::{in_namespace, wait_until, with_network};
use crate::servers::{Identity, OpensslServer};
use crate::sockets::processes::{Running, free_port};

#[test]
fn a_process_above_its_budget_is_paused_and_others_are_mirrored() {
    with_network("mirrorbudget", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let curl = own_curl(network);
        let file = network.folder().join("clear.pcapng");
        let (path, exe, port) =
            (file.to_str().unwrap(), curl.to_str().unwrap(), free_port().to_string());
        let mirror = start(
            network,
            &["--no-redact", "-w", path, "--exe", exe, "--budget=0.01%", "--metrics", &port],
        );
        // What follows the `#` is not sent.
        let busy = Running::start(
            in_namespace(&network.client(), &curl)
                .args(["-sk", "-H", "X-Word: said-too-often"])
                .arg("https://192.0.2.2/hello#[1-10000000]")
                .stderr(Stdio::null()),
        );
        let pid = busy.id();
        let is_of_busy = |line: &serde_json::Value| line["process"]["pid"] == pid;
        wait_until("an audit line of the pause", || {
            audit_lines(network, "mirror-pause").iter().any(is_of_busy)
        });
        wait_until("the pause is counted", || pauses(&port).is_some_and(|count| count >= 1.0));
        fetch(network, &curl, "said-by-another");
        wait_until("the request is in the file", || holds(&file, b"said-by-another"));
        // It stays in the list for as long as it is there.
        let busy_pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(busy_pid, Signal::STOP).unwrap();
        let end = mirror.interrupt();
        drop(busy);
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(holds(&file, b"said-too-often"));
        let pauses = audit_lines(network, "mirror-pause");
        let pause = pauses.iter().find(|line| is_of_busy(line)).unwrap();
        assert_eq!(pause["event"]["reason"], "budget");
        assert!(pause["mirror"]["cost"].as_f64().unwrap() > 0.0001, "{pause}");
        let stop = audit_lines(network, "mirror-stop").remove(0);
        let uncovered = stop["mirror"]["uncovered"].as_array().unwrap();
        let is_listed = |line: &serde_json::Value| {
            line["pid"] == pid && line["reason"].as_str().unwrap().contains("budget")
        };
        assert!(uncovered.iter().any(is_listed), "{stop:#}");
        assert_eq!(stop["mirror"]["balanced"], true);
    });
}

/// The metric of processes that were paused.
fn pauses(port: &str) -> Option<f64> {
    let mut connection = TcpStream::connect(format!("127.0.0.1:{port}")).ok()?;
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.lines().find_map(|line| line.strip_prefix("tlsight_mirror_pauses_total ")?.parse().ok())
}
