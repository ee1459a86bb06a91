//! `tlsight read` on the command line.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{
    Run, Scratch, capture, capture_bytes, command, tlsight, with_environment, with_input,
};

fn read(case: &str, flags: &[&str]) -> Run {
    let mut args: Vec<OsString> = vec!["read".into(), capture(case).into()];
    args.extend(flags.iter().map(OsString::from));
    tlsight(args)
}

#[test]
fn into_a_pipe_goes_one_json_object_for_each_session_and_nothing_else() {
    let run = read("tls13", &[]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert_eq!(run.json().len(), run.sessions().len());
    assert_eq!(run.sessions()[0]["tls"]["version"], "1.3");
}

#[test]
fn wrong_use_is_status_2_with_a_hint() {
    for (args, hint) in [
        (&["read"][..], "FILE"),
        (&["raed", "x"], "read"),
        (&["read", "x", "--version", "1.7"], "1.7"),
        (&["read", "x", "--class", "quantum"], "hybrid_pq"),
        (&["read", "x", "--host", "10.0.0.0/40"], "10.0.0.0/40"),
        (&["read", "x", "--json", "--table"], "--table"),
        (&["read", "x", "--memory", "12"], "1MiB"),
        (&["read", "x", "--workers", "0"], "--workers"),
        (&["watch", "-p"], "--interface"),
        (&["watch", "-i", "lo", "--cgroup", "/"], "--cgroup"),
        (&[], "Usage"),
    ] {
        let run = tlsight(args);
        assert_eq!(run.status, 2, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(hint), "{hint} in {}", run.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_or_no_capture_is_status_1_and_named() {
    let text = Scratch::new("not-a-capture.txt", b"just some text, long enough to look at");
    for path in ["/nonexistent/x.pcap", text.path().to_str().unwrap()] {
        let run = tlsight(["read", path]);
        assert_eq!(run.status, 1);
        assert!(run.stderr.starts_with("tlsight: "), "{}", run.stderr);
        assert!(run.stderr.contains(path), "{}", run.stderr);
        assert!(run.stdout.is_empty());
    }
}

#[test]
fn a_damaged_file_is_read_as_far_as_it_goes_and_the_rest_is_not_hidden() {
    let run = read("file-truncated", &[]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("at offset "), "{}", run.stderr);
    assert_eq!(run.sessions().len(), 1);
    let lines = run.json();
    assert_eq!(lines.last().unwrap()["tlsight"]["loss"]["files_damaged"], 1);
}

#[test]
fn other_files_are_read_although_one_is_missing() {
    let run = tlsight([
        "read".as_ref(),
        capture("tls13").as_os_str(),
        "/nonexistent/x.pcap".as_ref(),
        capture("tls12-rsa").as_os_str(),
    ]);
    assert_eq!(run.status, 1);
    let versions: Vec<Value> =
        run.sessions().iter().map(|session| session["tls"]["version"].clone()).collect();
    assert_eq!(versions, ["1.3", "1.2"]);
}

#[test]
fn standard_input_is_a_capture_too() {
    let from_file = read("tls13", &[]);
    let from_stdin = with_input(["read", "-"], &capture_bytes("tls13"));
    assert_eq!(from_stdin.status, 0, "{}", from_stdin.stderr);
    assert_eq!(from_stdin.text(), from_file.text());
}

#[test]
fn totals_are_asked_for_in_json_and_given_in_a_table() {
    let last = read("tls13", &["--summary"]).json().pop().unwrap();
    assert_eq!(last["event"]["dataset"], "tlsight.summary");
    assert_eq!(last["tlsight"]["summary"]["versions"]["TLS 1.3"], 1);
    assert!(last["tlsight"]["summary"]["packets"].as_u64().unwrap() > 5);
    let table = read("tls13", &["--table"]);
    assert!(table.text().contains("Versions      TLS 1.3 1 (100%)"), "{}", table.text());
    let bare = read("tls13", &["--table", "--no-summary"]);
    assert_eq!(bare.text().lines().count(), 3, "{}", bare.text());
}

#[test]
fn filters_choose_sessions() {
    let count = |flags: &[&str]| read("sample", flags).sessions().len();
    let all = count(&[]);
    assert!(all > 10);
    let (old, rest) = (count(&["--version", "<1.3"]), count(&["--version", ">=1.3,unknown"]));
    assert!(old > 0 && rest > 0);
    assert_eq!(old + rest, all);
    assert_eq!(count(&["--sni", "*"]), all);
    assert!((1..all).contains(&count(&["--class", "none,hybrid_pq"])));
    assert_eq!(count(&["--port", "1"]), 0);
    assert_eq!(count(&["--host", "0.0.0.0/0,::/0"]), all);
    assert_eq!(count(&["-n", "3"]), 3);
    for session in read("sample", &["--version", "1.2", "--class", "classical"]).sessions() {
        assert_eq!(session["tls"]["version"], "1.2");
        assert_eq!(session["tlsight"]["key_exchange"]["class"], "classical");
    }
}

#[test]
fn two_workers_find_what_one_finds() {
    let sorted = |workers: &str| {
        let run = read("sample", &["--workers", workers, "--summary"]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let mut lines: Vec<String> = run.text().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted("1"), sorted("2"));
    assert_eq!(sorted("1"), sorted("5"));
}

#[test]
fn workers_read_all_captures_whatever_they_come_from() {
    let cut = Scratch::new("workers.pcapng", &capture_bytes("sample")[..100_000]);
    let sorted = |workers: &str| {
        let cut = cut.path().to_owned();
        let paths = [capture("sample"), cut.clone(), capture("file-gzip"), capture("tls13"), cut];
        let mut args: Vec<OsString> = ["read", "--workers", workers].map(OsString::from).into();
        args.extend(paths.map(PathBuf::into_os_string));
        let run = tlsight(args);
        let mut lines: Vec<String> = run.text().lines().map(str::to_owned).collect();
        lines.sort();
        (run.status, run.stderr, lines)
    };
    let one = sorted("1");
    assert!(one.0 == 1 && one.1.lines().count() == 2 && one.2.len() > 30, "{one:?}");
    assert_eq!(one, sorted("2"));
    assert_eq!(one, sorted("5"));
}

#[test]
fn one_worker_gives_the_same_text_each_time() {
    assert_eq!(read("sample", &[]).text(), read("sample", &[]).text());
}

#[test]
fn colour_follows_the_flag_and_the_conventions() {
    let args = |color: &'static str| {
        let path = capture("tls12-static-rsa").into_os_string();
        vec!["read".into(), path, "--table".into(), OsString::from(color)]
    };
    let coloured = |color, variables: &[(&str, &str)]| {
        with_environment(args(color), variables).stdout.contains(&0x1b)
    };
    assert!(!coloured("--color=auto", &[]));
    assert!(coloured("--color=always", &[]));
    assert!(coloured("--color=auto", &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured("--color=auto", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured("--color=never", &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_hostile_name_reaches_no_terminal() {
    const HOSTILE: &[u8; 12] = b"\x1b[2J\x1b]0;x\x07\n\r";
    let mut bytes = capture_bytes("tls13");
    let name = b"example.test";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(HOSTILE);
    for format in ["--table", "--detail", "--json"] {
        let run = with_input(["read", "-", format], &bytes);
        let shown = run.text();
        assert!(!shown.contains(['\x1b', '\x07', '\r']), "{format}: {shown:?}");
        assert!(shown.contains("[2J"), "{format}: {shown:?}");
    }
    let run = with_input(["read", "-"], &bytes);
    assert_eq!(run.sessions().len(), 1);
}

#[test]
fn a_tree_shows_chain_and_extensions() {
    let run = read("tls12-chain", &["--detail", "--no-summary"]);
    assert_eq!(run.status, 0);
    for part in ["issued by", "RSA", "client hello", "extensions", "server_name"] {
        assert!(run.text().contains(part), "{part} in\n{}", run.text());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let path = capture("sample").into_os_string();
    let mut args = vec![OsString::from("read")];
    args.extend(std::iter::repeat_n(path, 40));
    let mut child =
        command(args, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(line.ends_with('\n'));
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn help_and_version_name_the_program() {
    let help = tlsight(["--help"]);
    assert_eq!(help.status, 0);
    for part in ["Usage: tlsight", "read", "watch", "Exit status"] {
        assert!(help.text().contains(part), "{part} in\n{}", help.text());
    }
    let version = tlsight(["--version"]);
    assert_eq!(version.text(), format!("tlsight {}\n", env!("CARGO_PKG_VERSION")));
}
