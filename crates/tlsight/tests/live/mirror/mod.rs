//! `tlsight mirror`, with a client and a server that know nothing of it.

mod budget;
mod pods;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aya::programs::loaded_programs;

use crate::network::{Network, wait_until, with_network};
use crate::servers::{Identity, OpensslServer, PAGE};
use crate::watcher::Watcher;

#[test]
fn what_a_program_says_over_tls_is_in_a_file_as_tcp_packets_without_its_secrets() {
    with_network("mirror", &["curl", "openssl", "tcpdump"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let inside = own_curl(network);
        let file = network.folder().join("clear.pcapng");
        let path = file.to_str().unwrap();
        let mirror = start(network, &["-w", path, "--exe", inside.to_str().unwrap()]);
        fetch(network, &inside, "Bearer hunter2");
        // Nothing of another program, though its library is the same.
        fetch(network, Path::new("/usr/bin/curl"), "Bearer of-outside");
        wait_until("the response is in the file", || holds(&file, PAGE.as_bytes()));
        let end = mirror.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        let totals = end.messages.lines().last().unwrap();
        assert!(totals.contains(" seen = ") && totals.contains("; 1 connections"), "{totals}");
        assert!(holds(&file, b"Authorization: ****** *******\r\n"));
        assert!(!holds(&file, b"hunter2") && !holds(&file, b"of-outside"));
        let packets = network.run(&network.client(), "tcpdump", &["-nr", path]);
        let packets: Vec<_> = packets.lines().collect();
        for (packet, flags) in packets.iter().zip(["[S]", "[S.]", "[.]", "[P.]"]) {
            assert!(packet.contains(flags) && packet.contains("192.0.2.2.80"), "{packet}");
        }
        assert!(packets.iter().any(|packet| packet.contains("GET /hello HTTP/1.1")));
        assert!(packets.iter().any(|packet| packet.contains("[F.]")), "{packets:?}");
        let audit = fs::read_to_string(network.folder().join("audit.ndjson")).unwrap();
        let actions = ["mirror-start", "mirror-connection", "mirror-stop"];
        for (line, action) in audit.lines().zip(actions) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["event"]["action"], action, "{line}");
        }
        assert_eq!(audit.lines().count(), actions.len(), "{audit}");
    });
}

#[test]
fn rules_of_a_file_take_effect_when_it_is_read_anew() {
    with_network("mirrorrules", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let (file, rules) = (network.folder().join("clear.pcapng"), network.folder().join("rules"));
        let curl = own_curl(network);
        let allow = format!("[allow]\nexe = ['{}']\n", curl.display());
        let deny = format!("{allow}[deny]\nport = [443]\n");
        fs::write(&rules, &allow).unwrap();
        let (path, from) = (file.to_str().unwrap(), rules.to_str().unwrap());
        let mirror = start(network, &["--no-redact", "-w", path, "--rules", from]);
        fetch(network, &curl, "said-first");
        wait_until("the request is in the file", || holds(&file, b"said-first"));
        let read_anew = |text: &str, told: usize| {
            fs::write(&rules, text).unwrap();
            mirror.hang_up();
            wait_until("an audit line", || changes(network).len() == told);
        };
        read_anew(&deny, 1);
        fetch(network, &curl, "said-in-secret");
        read_anew("[allow]\nexecutable = []\n", 2);
        fetch(network, &curl, "said-in-secret");
        read_anew(&allow, 3);
        fetch(network, &curl, "said-last");
        wait_until("the request is in the file", || holds(&file, b"said-last"));
        let end = mirror.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(!holds(&file, b"said-in-secret"));
        assert!(end.messages.contains("the rules stay as they were"), "{}", end.messages);
        let changes = changes(network);
        assert_eq!(changes[0]["mirror"]["rules"]["deny"]["port"][0], 443);
        assert_eq!(changes[1]["event"]["outcome"], "failure");
        assert_eq!(changes[2]["mirror"]["rules"]["allow"]["exe"][0], curl.to_str().unwrap());
    });
}

/// Audit lines of changes.
fn changes(network: &Network) -> Vec<serde_json::Value> {
    audit_lines(network, "mirror-change")
}

/// Audit lines that tell this.
fn audit_lines(network: &Network, action: &str) -> Vec<serde_json::Value> {
    let audit = fs::read_to_string(network.folder().join("audit.ndjson")).unwrap();
    let lines = audit.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &serde_json::Value| line["event"]["action"] == action).collect()
}

#[test]
fn a_mirror_that_is_killed_leaves_nothing_in_the_kernel_and_harms_nobody() {
    with_network("mirrorkill", &["curl", "openssl"], |network| {
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let file = network.folder().join("clear.pcapng");
        let curl = own_curl(network);
        let path = file.to_str().unwrap();
        let mirror = start(network, &["-w", path, "--exe", curl.to_str().unwrap()]);
        let programs = programs_of(mirror.id());
        assert!(programs.len() >= 8, "{programs:?}");
        fetch(network, &curl, "none");
        mirror.kill();
        fetch(network, &curl, "none");
        wait_until("the programs are gone", || {
            let loaded: BTreeSet<u32> = loaded_programs().flatten().map(|one| one.id()).collect();
            loaded.is_disjoint(&programs)
        });
        fetch(network, &curl, "none");
    });
}

#[test]
fn a_mirror_without_rules_or_without_output_does_not_begin() {
    let file = std::env::temp_dir().join(format!("tlsight-mirror-none-{}", std::process::id()));
    let path = file.to_str().unwrap();
    for (arguments, said) in [
        (&["-w", path][..], "nothing may be mirrored"),
        (&["-w", path, "--not-port", "443"], "nothing may be mirrored"),
        (&["-w", path, "-I", "lo"], "nothing may be mirrored"),
        (&["--all"], "there is no output"),
        (&["-w", path, "--all", "-I", "no-such-one"], "there is no interface"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .arg("mirror")
            .args(arguments)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(said), "{arguments:?}: {stderr}");
        assert!(!file.exists());
    }
}

/// Starts to mirror, with port 443 told as 80, and returns when probes are in place.
fn start(network: &Network, arguments: &[impl AsRef<OsStr>]) -> Watcher {
    let audit = network.folder().join("audit.ndjson");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
    command.args(["mirror", "--port-map", "443:80", "--audit"]).arg(&audit).args(arguments);
    Watcher::run(&mut command, "tlsight mirrors", |_| holds(&audit, b"mirror-start"))
}

/// A curl whose file is no other's.
fn own_curl(network: &Network) -> PathBuf {
    let path = network.folder().join("curl");
    fs::copy("/usr/bin/curl", &path).unwrap();
    path
}

fn fetch(network: &Network, curl: &Path, authorization: &str) {
    let authorization = format!("Authorization: {authorization}");
    let arguments = ["-sS", "-k", "-H", &authorization, "https://192.0.2.2/hello"];
    assert_eq!(network.run(&network.client(), curl.to_str().unwrap(), &arguments), PAGE);
}

fn holds(file: &Path, bytes: &[u8]) -> bool {
    fs::read(file).is_ok_and(|read| read.windows(bytes.len()).any(|window| window == bytes))
}

/// Numbers of the programs in the kernel that a process holds.
fn programs_of(pid: u32) -> BTreeSet<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let infos = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let number = |line: &str| line.strip_prefix("prog_id:")?.trim().parse().ok();
    infos.flat_map(|info| info.lines().filter_map(number).collect::<Vec<u32>>()).collect()
}
