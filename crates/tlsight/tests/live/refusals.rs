//! What `tlsight watch` says if it cannot.

use std::process::{Command, Output, Stdio};

use crate::network::{skip, with_network};

#[test]
fn a_missing_interface_is_named() {
    with_network("missing", &[], |network| {
        let arguments = ["netns", "exec", &network.server(), PROGRAM, "watch", "-i", "nosuch0"];
        let output = run("ip", &arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("nosuch0: no such interface"), "{message}");
        assert!(output.stdout.is_empty());
    });
}

#[test]
fn a_missing_capability_is_named() {
    if run("setpriv", &["--version"]).status.code() != Some(0) {
        return skip("capability", "setpriv is not installed");
    }
    let mut arguments = vec![PROGRAM, "watch", "-i", "lo"];
    if rustix::process::geteuid().is_root() {
        arguments.splice(0..0, ["--bounding-set=-net_raw", "--inh-caps=-net_raw"]);
    }
    let output = run("setpriv", &arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("CAP_NET_RAW"), "{message}");
    assert!(output.stdout.is_empty());
}

/// Runs a program that must end by itself.
fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .args(["60", program])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");
