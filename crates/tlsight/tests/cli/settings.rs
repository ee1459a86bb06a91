//! Settings from flags, the environment and a file, as they show in the events.

use std::ffi::OsString;

use serde_json::Value;

use crate::program::{Scratch, capture, tlsight, with_environment};

fn session(flags: &[OsString], variables: &[(&str, &str)]) -> Value {
    let mut args: Vec<OsString> = vec!["read".into(), capture("tls12-chain").into()];
    args.extend_from_slice(flags);
    let run = with_environment(args, variables);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.sessions().swap_remove(0)
}

fn flags(flags: &[&str]) -> Vec<OsString> {
    flags.iter().map(OsString::from).collect()
}

#[test]
fn the_default_shows_certificates_and_details_but_no_pem() {
    let event = session(&[], &[]);
    let server = &event["tls"]["server"];
    assert!(server["x509"].is_object());
    assert!(server["hash"]["sha1"].is_string());
    assert!(server["hash"].get("sha256").is_none());
    assert!(server.get("certificate_chain").is_none());
    assert!(event["tls"]["detailed"]["server_certificate_chain"].is_array());
}

#[test]
fn each_setting_does_what_packetbeat_means_by_it() {
    let event = session(&flags(&["--no-send-certificates"]), &[]);
    assert!(event["tls"]["server"].get("x509").is_none());
    let event = session(&flags(&["--include-raw-certificates"]), &[]);
    let pem = event["tls"]["server"]["certificate_chain"][0].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    let event = session(&flags(&["--no-detailed-fields"]), &[]);
    assert!(event["tls"].get("detailed").is_none());
    assert!(
        event["tls"]["server"].get("x509").is_none() && event["tls"]["server"]["hash"].is_object()
    );
    let event = session(&flags(&["--fingerprints", "sha256,md5"]), &[]);
    let hash = &event["tls"]["server"]["hash"];
    assert!(hash["sha256"].is_string() && hash["md5"].is_string() && hash.get("sha1").is_none());
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let file = Scratch::new(
        "precedence.toml",
        b"fingerprints = [\"md5\"]\ninclude_raw_certificates = true\nsend_certificates = false\n",
    );
    let variables = [
        ("TLSIGHT_CONFIG", file.path().to_str().unwrap()),
        ("TLSIGHT_FINGERPRINTS", "sha1"),
        ("TLSIGHT_SEND_CERTIFICATES", "true"),
    ];
    let event = session(&flags(&["--fingerprints", "sha256"]), &variables);
    assert!(event["tls"]["server"]["hash"]["sha256"].is_string());
    assert!(event["tls"]["server"]["x509"].is_object());
    assert!(event["tls"]["server"]["certificate_chain"].is_array());
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let file = Scratch::new("unknown-key.toml", b"send_certificate = true\n");
    let args = ["read".into(), capture("tls13").into_os_string(), "--config".into()];
    let run = tlsight(args.into_iter().chain([file.path().as_os_str().to_owned()]));
    assert_eq!(run.status, 1);
    for part in ["unknown-key.toml", "send_certificate", "line 1"] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
}

#[test]
fn the_printed_default_can_be_used_as_it_is() {
    let printed = tlsight(["config", "default"]);
    let file = Scratch::new("default.toml", &printed.stdout);
    let with_file = session(&["--config".into(), file.path().into()], &[]);
    assert_eq!(with_file, session(&[], &[]));
}

#[test]
fn an_empty_variable_takes_back_what_a_unit_says() {
    let arguments = ["agent", "--server", "127.0.0.1:1", "--cgroup", "/nowhere"];
    let refused = |output: &str| {
        let run = with_environment(arguments, &[("TLSIGHT_AGENT_OUTPUT", output)]);
        assert_ne!(run.status, 0);
        run.stderr
    };
    assert!(refused("/var/log/lines").contains("to a server (agent.server) or to a file"));
    let said = refused("");
    assert!(!said.contains("to a file (output)"), "{said}");
}
