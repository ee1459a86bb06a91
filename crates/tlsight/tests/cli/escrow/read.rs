//! Captures whose secrets an escrow releases.

use std::fs;
use std::path::PathBuf;

use super::deliver_capture;
use super::world::{Escrow, Serving, contains};
use crate::program::{Run, testdata, tlsight};

#[test]
fn an_answer_gives_the_fields_that_a_key_log_gives() {
    let (escrow, _serving) = delivered();
    let request = escrow.request("a", "t1", &[], &[]);
    let answer = format!("{request}.answer");
    escrow.done(&["release", &request, "-o", &answer]);
    let read = |key: &str| {
        let key = escrow.path(key);
        tlsight([
            "read",
            "--json",
            &capture(),
            "--escrow",
            &answer,
            "--escrow-key",
            key.to_str().unwrap(),
        ])
    };
    let found = read("alice");
    assert_eq!(found.status, 0, "{}", found.stderr);
    let log = testdata().join("secrets-tls13/keys.log");
    let by_log = tlsight(["read", "--json", &capture(), "--keylog", log.to_str().unwrap()]);
    assert_eq!(certificates(&found), 5);
    assert_eq!(certificates(&found), certificates(&by_log));
    for (line, other) in found.sessions().iter().zip(by_log.sessions()) {
        assert_eq!(line["tls"], other["tls"]);
        assert_eq!(line["tlsight"]["certificate"], other["tlsight"]["certificate"]);
    }
    // Somebody else has the file and another key.
    let other = read("bob");
    assert!(other.status == 1 && other.stdout.is_empty(), "{}", other.stderr);
}

#[test]
fn the_folder_answers_a_request_as_far_as_tier_and_filter_go_and_writes_it_down() {
    let (escrow, _serving) = delivered();
    let run = |command: &str, request: &str| {
        let dir = escrow.dir();
        let dir = dir.to_str().unwrap();
        tlsight([command, &capture(), "--escrow", dir, "--escrow-request", request])
    };
    let handshakes = run("read", &escrow.request("a", "t1", &[], &[]));
    assert_eq!((handshakes.status, certificates(&handshakes)), (0, 5), "{}", handshakes.stderr);
    let clear = run("decrypt", &escrow.request("b", "t1", &[], &[]));
    assert!(!contains(&clear.stdout, b"hello") && !contains(&clear.stdout, b"olleh"));
    let clear = run("decrypt", &escrow.request("c", "t2c", &[], &[]));
    assert!(contains(&clear.stdout, b"hello") && !contains(&clear.stdout, b"olleh"));

    let nobody = run("read", &escrow.request("d", "t1", &[], &["--agent", "web-2"]));
    assert_eq!((nobody.status, certificates(&nobody)), (0, 0));
    assert!(nobody.stderr.contains("0 sessions;"), "{}", nobody.stderr);
    let refused = run("read", &escrow.request("e", "t3", &["bob"], &[]));
    assert!(refused.status == 1 && refused.stdout.is_empty(), "{}", refused.stderr);
    assert!(refused.stderr.contains("approved by"), "{}", refused.stderr);

    let audit = escrow.audit();
    assert_eq!(audit.matches("\"action\":\"released\"").count(), 4, "{audit}");
    assert_eq!(audit.matches("\"action\":\"refused\"").count(), 1, "{audit}");
    assert!(audit.contains("\"output\":\"sessions of ") && audit.contains("\"clear text of "));
}

#[test]
fn an_answer_in_a_capture_opens_it_for_whom_it_is_sealed_to() {
    let (escrow, _serving) = delivered();
    let request = escrow.request("a", "t2c", &[], &[]);
    let answer = format!("{request}.answer");
    escrow.done(&["release", &request, "-o", &answer]);
    let [with, without] = ["with.pcapng", "without.pcapng"].map(|name| escrow.path(name));
    let [with, without] = [&with, &without].map(|path| path.to_str().unwrap());
    let [alice, bob] = ["alice", "bob"].map(|name| escrow.path(name));
    let [alice, bob] = [&alice, &bob].map(|path| path.to_str().unwrap());
    let copied = tlsight(["decrypt", &capture(), "--inject-sealed", &answer, "-w", with]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    let log = fs::read(testdata().join("secrets-tls13/keys.log")).unwrap();
    let log = String::from_utf8(log).unwrap();
    let line = log.lines().find(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0")).unwrap();
    let secret = line.split(' ').nth(2).unwrap();
    assert!(!contains(&fs::read(with).unwrap(), secret.as_bytes()));

    let read = tlsight(["read", "--json", with, "--escrow-key", alice]);
    assert_eq!((read.status, certificates(&read)), (0, 5), "{}", read.stderr);
    let clear = tlsight(["decrypt", with, "--escrow-key", alice]).stdout;
    assert!(contains(&clear, b"hello") && !contains(&clear, b"olleh"));
    let other = tlsight(["read", "--json", with, "--escrow-key", bob]);
    assert_eq!(certificates(&other), 0);
    assert!(other.stderr.contains("sealed secrets in the capture"), "{}", other.stderr);
    let nobody = tlsight(["decrypt", with]);
    assert!(nobody.stderr.contains("--escrow-key opens them"), "{}", nobody.stderr);

    // Who copies a copy leaves them in it, and who strips it does not.
    let again = escrow.path("again.pcapng");
    let again = again.to_str().unwrap();
    let stripped = tlsight(["decrypt", with, "--strip", "-w", without]);
    assert_eq!(stripped.status, 0, "{}", stripped.stderr);
    assert!(!contains(&fs::read(without).unwrap(), b"TLSESEAL"));
    let copied = tlsight(["decrypt", with, "--inject-sealed", &answer, "-w", again]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    let twice = fs::read(again).unwrap();
    assert_eq!(twice.windows(8).filter(|it| it == b"TLSESEAL").count(), 2);
    let read = tlsight(["read", "--json", again, "--escrow-key", alice]);
    assert_eq!((read.status, certificates(&read)), (0, 5), "{}", read.stderr);
    let run = tlsight(["decrypt", &capture(), "--inject-sealed", &request, "-w", again]);
    assert!(run.status == 1 && run.stderr.contains("no answer"), "{}", run.stderr);
}

#[test]
fn secrets_of_a_request_are_put_into_no_file() {
    let (escrow, _serving) = delivered();
    let (dir, out) = (escrow.dir(), escrow.path("with.pcapng"));
    let request = escrow.request("a", "t1", &[], &[]);
    let [dir, out] = [&dir, &out].map(|path| path.to_str().unwrap());
    let args = ["--escrow", dir, "--escrow-request", &request, "--inject", "-w", out];
    let run = tlsight(["decrypt", &capture()].into_iter().chain(args));
    assert!(run.status == 1 && run.stderr.contains("put into no file"), "{}", run.stderr);
    assert!(!PathBuf::from(out).exists());
    let run = tlsight(["read", &capture(), "--escrow", dir]);
    assert_eq!(run.status, 2, "neither keys nor a request");
}

fn delivered() -> (Escrow, Serving) {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    (escrow, serving)
}

fn capture() -> String {
    testdata().join("secrets-tls13/input.pcap").to_str().unwrap().to_owned()
}

/// Sessions whose certificates are seen.
fn certificates(run: &Run) -> usize {
    let is_visible =
        |line: &&serde_json::Value| line["tlsight"]["certificate"]["state"] == "visible";
    run.sessions().iter().filter(is_visible).count()
}
