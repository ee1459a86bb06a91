//! `tlsight policy`.

use std::path::Path;

use serde_json::Value;

use crate::program::{Run, Scratch, capture, tlsight, with_input};

#[test]
fn a_violation_is_told_with_its_reason_and_status_3() {
    let run = check(&["tls10"], &["--pack", "core"]);
    assert_eq!(run.status, 3);
    let line = run.text().lines().nth(1).unwrap();
    for part in ["high", "core.tls-legacy", "192.0.2.1 -> 192.0.2.2:443", "TLS version is 1.0"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(run.text().contains("Sessions  1"), "{}", run.text());
}

#[test]
fn nothing_that_fails_is_status_0() {
    let run = check(&["pq-hybrid"], &["--pack", "core"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let counts = run.text().lines().find(|line| line.starts_with("core.certificate-expired"));
    let counts: Vec<&str> = counts.unwrap().split_whitespace().collect();
    assert_eq!(counts[2..5], ["0", "1", "0"], "what is not seen is unknown, and does not pass");
}

#[test]
fn findings_are_one_object_a_line() {
    let run = check(&["tls10", "tls13"], &["--json", "--pack", "core,stackrox-19001"]);
    assert_eq!(run.status, 3);
    let found = run.json();
    assert!(found.iter().all(|line| line["verdict"] == "fail"));
    let legacy = found.iter().find(|line| line["policy"] == "core.tls-legacy").unwrap();
    assert_eq!(legacy["severity"], "high");
    assert_eq!(legacy["posture"]["version"], "1.0");
    assert_eq!(legacy["source"]["id"], "host:192.0.2.1");
    assert_eq!(legacy["sessions"], 1);
    let all = check(&["tls13"], &["--json", "--all", "--pack", "core"]).json();
    assert!(all.iter().any(|line| line["verdict"] == "unknown"));
    assert!(all.iter().any(|line| line["verdict"] == "pass"));
}

#[test]
fn records_are_judged_like_the_capture_they_came_from() {
    let sample = capture("sample");
    let arguments = [Path::new("read"), Path::new("--json"), &sample];
    let records = tlsight(arguments).stdout;
    let of_capture = check(&["sample"], &["--json"]);
    let of_records = with_input(["policy", "check", "--json", "-"], &records);
    assert_eq!((of_records.status, of_records.stderr.as_str()), (3, ""));
    assert_eq!(of_records.json(), of_capture.json());
    let file = Scratch::new("policy-records.ndjson", &records);
    let arguments = ["policy".as_ref(), "check".as_ref(), "--json".as_ref(), file.path()];
    assert_eq!(tlsight(arguments).json(), of_capture.json());
}

#[test]
fn a_policy_of_ones_own_is_enough() {
    let policy = br#"{ "name": "No plain HTTP/2", "severity": "low", "id": "own.h2",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Server Name", "values": [{ "value": "*.test" }] }] }] }"#;
    let file = Scratch::new("policy-own.json", policy);
    let run = check(&["tls13"], &["--json", "--policy", file.path().to_str().unwrap()]);
    assert_eq!(run.status, 3);
    let ids: Vec<Value> = run.json().into_iter().map(|line| line["policy"].clone()).collect();
    assert_eq!(ids, ["own.h2"]);
}

#[test]
fn a_policy_that_makes_no_sense_says_where() {
    let policy = br#"{ "name": "a", "severity": "low", "policySections": [{ "policyGroups": [
        { "fieldName": "TLS Version", "values": [{ "value": "9" }] }] }] }"#;
    let file = Scratch::new("policy-wrong.json", policy);
    let run = check(&["tls13"], &["--policy", file.path().to_str().unwrap()]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("section 1, group 1, 'TLS Version', value '9'"), "{}", run.stderr);
    let run = check(&["tls13"], &["--pack", "cores"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("there is no pack 'cores'; there are core, "), "{}", run.stderr);
}

#[test]
fn severities_below_the_least_do_not_count() {
    assert_eq!(check(&["tls13"], &[]).status, 3, "no post-quantum key exchange is low");
    assert_eq!(check(&["tls13"], &["--severity", "medium"]).status, 0);
}

#[test]
fn certificates_are_judged_at_the_time_of_the_session_or_at_another() {
    let at = |time: &[&str]| {
        let fixed = ["--pack", "core", "--severity", "high"];
        check(&["tls12-ecdsa"], &[&fixed[..], time].concat()).status
    };
    assert_eq!(at(&[]), 0);
    assert_eq!(at(&["--at", "2126-06-01T00:00:00Z"]), 3);
    assert_eq!(at(&["--at", "now"]), 0);
    assert_eq!(at(&["--at", "tomorrow"]), 2);
}

#[test]
fn what_cannot_be_read_is_told() {
    let run = with_input(["policy", "check", "--pack", "core", "-"], b"{}\nnot json\n");
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("-: line 2: not a record of tlsight"), "{}", run.stderr);
    assert!(run.text().contains("lines that are no records: 2"), "{}", run.text());
    let loss = br#"{"event":{"dataset":"tlsight.loss"},"tlsight":{"loss":{"gaps":7,"mine":2}}}"#;
    let run = with_input(["policy", "check", "--pack", "core", "-"], loss);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.text().contains(": 7\n") && run.text().contains(": 2\n"), "{}", run.text());
    let missing = tlsight(["policy", "check", "no-such.ndjson"]);
    assert_eq!(missing.status, 1);
    assert!(missing.stderr.contains("no-such.ndjson: "), "{}", missing.stderr);
}

#[test]
fn policies_are_listed_and_explained() {
    let list = tlsight(["policy", "list"]);
    assert_eq!(list.status, 0);
    let line = list.text().lines().find(|line| line.starts_with("core.ssl ")).unwrap();
    assert!(line.contains("on") && line.contains("critical"), "{line}");
    let policies: Value =
        serde_json::from_str(tlsight(["policy", "list", "--json"]).text()).unwrap();
    assert!(policies["policies"].as_array().unwrap().len() > 20);
    for (id, expected) in [
        ("core.weak-group", "or if       TLS Diffie-Hellman Size is < 2048"),
        ("core", "Policies    core.ssl: SSL"),
        ("tls version", "Examples    < 1.2, 1.3"),
    ] {
        let run = tlsight(["policy", "explain", id]);
        assert!(run.status == 0 && run.text().contains(expected), "{}", run.text());
    }
    assert_eq!(tlsight(["policy", "explain", "nothing"]).status, 1);
}

#[test]
fn what_is_listed_as_json_can_be_checked_by() {
    let listed = tlsight(["policy", "list", "--json", "--pack", "core"]).stdout;
    let file = Scratch::new("policy-listed.json", &listed);
    let own = check(&["tls10"], &["--json", "--policy", file.path().to_str().unwrap()]);
    assert_eq!(own.json(), check(&["tls10"], &["--json", "--pack", "core"]).json());
}

fn check(cases: &[&str], options: &[&str]) -> Run {
    let captures = cases.iter().map(|case| capture(case).into_os_string());
    let options = ["policy", "check"].iter().chain(options).map(Into::into);
    tlsight(options.chain(captures))
}
