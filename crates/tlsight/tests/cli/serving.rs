//! `serve` and `up` as their users run them: over TLS, by curl.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::json;

use crate::server::{PASSWORD, PROGRAM, Server, answer, curl, folder, has, skip, with_body};

#[test]
fn the_demo_has_a_cluster_in_it_and_is_gone_at_the_end() {
    if !has("the_demo_has_a_cluster_in_it_and_is_gone_at_the_end", &["curl"]) {
        return;
    }
    let server = Server::start(&["up", "--demo"], true);
    let token = server.make_token();
    assert_eq!(server.get(&token, "session")["demo"], true);
    assert!(server.get(&token, "overview")["sessions"].as_u64().unwrap() > 2000);
    let graph = server.get(&token, "graph").to_string();
    for namespace in ["ingress", "shop", "payments", "platform", "legacy"] {
        assert!(graph.contains(&format!("\"namespace\":\"{namespace}\"")), "{namespace}");
    }
    assert!(!server.get(&token, "violations?state=active")["items"].as_array().unwrap().is_empty());
    let store = env::temp_dir().join(format!("tlsight-demo-{}", server.id()));
    assert!(store.is_dir());
    server.end();
    assert!(!store.exists());
}

#[test]
fn who_guesses_passwords_has_to_wait() {
    if !has("who_guesses_passwords_has_to_wait", &["curl"]) {
        return;
    }
    let folder = folder("guessing");
    let server = Server::start(&["serve", "--data", folder.to_str().unwrap()], true);
    server.make_token();
    let login = |password: &str| {
        let body = json!({ "user": "ann", "password": password });
        answer(with_body(&mut curl(&server.address, "login"), &body))
    };
    let guesses: Vec<_> = (0..8).map(|number| login(&format!("guess number {number}"))).collect();
    let statuses: Vec<_> = guesses.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..5], [401; 5]);
    assert!(statuses[5..].contains(&429), "{guesses:?}");
    // Who waits is not told whether the password is right.
    assert_eq!(login(PASSWORD).status, 429);
    server.end();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_token_is_made_beside_a_running_server_and_told_as_one_line() {
    if !has("a_token_is_made_beside_a_running_server_and_told_as_one_line", &["curl"]) {
        return;
    }
    let folder = folder("joining");
    let server = Server::start(&["serve", "--data", folder.to_str().unwrap()], true);
    let of_admin = server.make_token();
    let made = Command::new(PROGRAM)
        .args(["serve", "token", "--data", folder.to_str().unwrap(), "--expires", "1d"])
        .args(["--labels", "cluster=prod,tenant=blue", "--uses", "10", "--address", "h.test:9471"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let line = String::from_utf8(made.stdout).unwrap();
    let command = "tlsight agent --server h.test:9471 --enrol tlj1-";
    assert!(line.starts_with(command) && line.lines().count() == 1, "{line}");
    let tokens = server.get(&of_admin, "enrolment-tokens");
    assert_eq!((&tokens[0]["most_uses"], &tokens[0]["uses"]), (&10.into(), &0.into()), "{tokens}");
    assert_eq!(tokens[0]["labels"], json!({ "cluster": "prod", "tenant": "blue" }));
    assert!(!tokens.to_string().contains("tlj1-"));
    server.end();
    let refused = Command::new(PROGRAM)
        .args(["serve", "token", "--agents", "off", "--data", folder.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!refused.status.success(), "{refused:?}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_api_is_what_its_description_says() {
    let test = "the_api_is_what_its_description_says";
    if !has(test, &["curl", "python3"]) {
        return;
    }
    let Some(schemathesis) = schemathesis() else {
        skip(test, &format!("schemathesis {SCHEMATHESIS} of PyPI cannot be installed"));
        return;
    };
    let folder = folder("description");
    let server = Server::start(&["up", "--demo"], true);
    let token = server.make_token();
    let description = server.address.replace("api/v1", "openapi.json");
    // The stream does not end, and of NDJSON it makes nothing.
    let output = Command::new(schemathesis)
        .args(["run", &description, "--tls-verify=false", "--no-color"])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["--exclude-path", "/api/v1/live", "--exclude-path", "/api/v1/import"])
        .args(["--checks", CHECKS, "--phases", "examples,fuzzing", "--max-examples", "15"])
        .args(["--generation-deterministic"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Test cases:"), "{text}");
    server.end();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn settings_that_make_no_sense_are_refused_before_anything_is_opened() {
    let folder = folder("refused");
    for (arguments, named) in [
        (&["serve", "--listen", "nowhere"][..], "nowhere"),
        (&["serve", "--tls-cert", "x.pem"], "--tls-key"),
        (&["up", "--demo", "--data", "x"], "--demo"),
    ] {
        let output = Command::new(PROGRAM).args(arguments).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(named), "{text}");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// The program, in a place of its own beside what cargo builds.
fn schemathesis() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let program = place.join("bin/schemathesis");
    if !program.exists() {
        let works = |command: &mut Command| {
            let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
            quiet.status().is_ok_and(|status| status.success())
        };
        let made = works(Command::new("python3").args(["-m", "venv"]).arg(&place));
        let package = format!("schemathesis=={SCHEMATHESIS}");
        if !made || !works(Command::new(place.join("bin/pip")).args(["install", &package])) {
            fs::remove_dir_all(&place).ok();
            return None;
        }
    }
    Some(program)
}

const SCHEMATHESIS: &str = "4.32.5";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
