//! `tlsight report`, of all captures of the repository and, where they are, of those of other projects.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{Run, Scratch, capture, testdata, tlsight, with_input};

#[test]
fn a_cbom_is_valid_by_the_schemas_of_both_versions() {
    let Some(python) = validators() else { return };
    for (name, captures) in [("testdata", captures()), ("corpora", corpora())] {
        if captures.is_empty() {
            println!("skipped: there are no captures of {name}");
            continue;
        }
        // Both bills come from the records of one reading, which takes longest.
        let read = [OsString::from("read"), "--json".into(), "--no-detailed-fields".into()];
        let records = Scratch::new(
            &format!("cbom-{name}.ndjson"),
            &tlsight(read.into_iter().chain(captures)).stdout,
        );
        let records = [records.path().into()];
        for version in ["1.6", "1.7"] {
            let text = bill(&records, version).stdout;
            let file = Scratch::new(&format!("cbom-{name}-{version}.json"), &text);
            let run = Command::new(&python)
                .args(["-c", VALIDATE, version])
                .arg(file.path())
                .output()
                .expect("python runs");
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(
                run.status.success(),
                "{name} {version}: {said}{}",
                String::from_utf8_lossy(&run.stderr)
            );
        }
    }
}

#[test]
fn each_reference_of_a_cbom_leads_to_a_component_of_its_own() {
    for version in ["1.6", "1.7"] {
        let bill = cbom(&captures(), version);
        let components = bill["components"].as_array().expect("a list");
        let mut references = BTreeSet::new();
        for component in components {
            let reference = component["bom-ref"].as_str().expect("a text");
            assert!(references.insert(reference), "{reference} is there twice");
        }
        for dependency in bill["dependencies"].as_array().expect("a list") {
            assert!(references.contains(dependency["ref"].as_str().expect("a text")));
            for other in dependency["dependsOn"].as_array().into_iter().flatten() {
                assert!(references.contains(other.as_str().expect("a text")), "{other}");
            }
        }
        let protocols = components.iter().map(|it| &it["cryptoProperties"]["protocolProperties"]);
        for protocol in protocols.filter(|it| it.is_object()) {
            let suites = protocol["cipherSuites"].as_array().expect("suites");
            assert!(!suites.is_empty());
            let referred =
                if version == "1.6" { "cryptoRefArray" } else { "relatedCryptographicAssets" };
            assert!(!protocol[referred].as_array().expect("references").is_empty());
            for suite in suites {
                for algorithm in suite["algorithms"].as_array().expect("algorithms") {
                    assert!(references.contains(algorithm.as_str().expect("a text")));
                }
            }
        }
    }
}

#[test]
fn a_cbom_says_what_was_negotiated_and_how_strong_that_is() {
    let bill = cbom(&[capture("pq-hybrid").into(), capture("tls12-rsa").into()], "1.7");
    let level = |name: &str| {
        let components = bill["components"].as_array().expect("a list");
        let found = components.iter().find(|it| it["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name}"));
        found["cryptoProperties"]["algorithmProperties"]["nistQuantumSecurityLevel"].as_i64()
    };
    assert_eq!(level("X25519MLKEM768"), Some(3));
    assert_eq!(level("AES-256-GCM"), Some(5));
    assert_eq!(level("AES-256-CBC"), Some(5));
    assert_eq!(level("RSA-2048"), Some(0));
    let protocol = "TLS 1.3 on 192.0.2.2:443";
    let components = bill["components"].as_array().expect("a list");
    let protocol = components.iter().find(|it| it["name"] == protocol).expect("the protocol");
    let properties = &protocol["cryptoProperties"]["protocolProperties"];
    assert_eq!(properties["cipherSuites"][0]["identifiers"], serde_json::json!(["0x13", "0x02"]));
    assert_eq!(properties["cipherSuites"][0]["tlsGroups"], serde_json::json!(["X25519MLKEM768"]));
}

#[test]
fn the_same_captures_give_the_same_report() {
    let without_number = |mut bill: Value| {
        bill["serialNumber"] = Value::Null;
        bill
    };
    let one = cbom(&captures(), "1.7");
    let other = cbom(&captures(), "1.7");
    assert_ne!(one["serialNumber"], other["serialNumber"]);
    assert_eq!(without_number(one), without_number(other));
}

#[test]
fn readiness_says_who_is_to_act() {
    let blockers = |cases: &[&str]| {
        let captures: Vec<OsString> = cases.iter().map(|case| capture(case).into()).collect();
        let report: Value = serde_json::from_str(run("pqc", &captures, &[]).text()).expect("JSON");
        let names = ["client", "server", "both", "unknown"];
        names.into_iter().filter(|name| report["blockers"][name] == 1).collect::<Vec<_>>()
    };
    assert_eq!(blockers(&["tls13"]), ["client"]);
    assert_eq!(blockers(&["pq-not-accepted"]), ["server"]);
    // Other sessions show that this server refuses.
    assert_eq!(blockers(&["tls13", "pq-not-accepted"]), ["both"]);
    assert_eq!(blockers(&["server-only"]), ["unknown"]);
    assert!(blockers(&["pq-hybrid"]).is_empty());
}

#[test]
fn certificates_are_counted_from_the_time_of_the_report() {
    let captures = [capture("tls12-ecdsa").into(), capture("tls13").into()];
    let report = |time: &str| -> Value {
        let run = run("certificates", &captures, &["--at", time]);
        serde_json::from_str(run.text()).expect("JSON")
    };
    let early = report("2026-11-21T00:00:00Z");
    assert_eq!((&early["total"], &early["expired"]), (&1.into(), &0.into()));
    assert_eq!(early["sessions_without_certificate"]["encrypted"], 1);
    assert_eq!(report("2125-12-28T00:00:00Z")["expiring_7"], 1);
    assert_eq!(report("2126-06-01T00:00:00Z")["expired"], 1);
    let calendar = run("certificates", &captures, &["--format", "ics"]);
    assert!(calendar.text().contains("\r\nDTSTART;VALUE=DATE:21260101\r\n"), "{}", calendar.text());
}

#[test]
fn the_inventory_lists_suites_with_the_places_where_they_are_used() {
    let captures = [capture("tls12-rc4").into(), capture("starttls-smtp").into()];
    let csv = run("pci", &captures, &["--format", "csv"]);
    let lines: Vec<&str> = csv.text().lines().collect();
    assert!(lines[0].starts_with("version,cipher_suite,group,assessment,"), "{}", lines[0]);
    assert!(lines.iter().any(|line| {
        line.starts_with("TLS 1.2,TLS_RSA_WITH_RC4_128_SHA,,weak,port 443,192.0.2.2:443,1,1,")
    }));
    assert!(lines.iter().any(|line| line.contains(",strong,smtp,192.0.2.2:25,1,1,")));
    let whole: Value = serde_json::from_str(run("pci", &captures, &[]).text()).expect("JSON");
    assert_eq!(whole["trusted_certificates"]["total"], 1);
}

#[test]
fn every_report_is_written_in_every_format_it_has() {
    let captures = [capture("sample").into()];
    for kind in ["cbom", "pqc", "certificates", "pci"] {
        for (format, start) in
            [("json", "{"), ("csv", ""), ("html", "<!doctype html>"), ("ics", "BEGIN:VCALENDAR")]
        {
            let run = run(kind, &captures, &["--format", format]);
            if format == "ics" && kind != "certificates" {
                assert_eq!(run.status, 1, "{kind}");
                assert!(run.stderr.contains("is not written as ics"), "{}", run.stderr);
            } else {
                assert_eq!(run.status, 0, "{kind} {format}: {}", run.stderr);
                assert!(run.text().starts_with(start) && run.text().len() > 50, "{kind} {format}");
            }
        }
    }
}

#[test]
fn names_from_the_network_stay_text_in_pages_and_sheets() {
    let line = tlsight([Path::new("read"), Path::new("--json"), &capture("tls12-ecdsa")]);
    let mut line = line.json().remove(0);
    line["tls"]["server"]["subject"] = "=1+1</td><script>alert(1)</script>".into();
    line["client"]["process"] = serde_json::json!({ "name": "<img src=x onerror=alert(1)>" });
    line["client"]["process"]["executable"] = "@evil".into();
    let line = line.to_string();
    for kind in ["cbom", "pqc", "certificates", "pci"] {
        let write =
            |format: &str| with_input(["report", kind, "--format", format, "-"], line.as_bytes());
        let page = write("html");
        assert_eq!(page.status, 0, "{}", page.stderr);
        assert!(!page.text().contains("<script") && !page.text().contains("<img"), "{kind}");
        let sheet = write("csv");
        let is_formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '@']);
        assert!(!sheet.text().split([',', '\n']).any(is_formula), "{kind}: {}", sheet.text());
    }
}

fn cbom(captures: &[OsString], version: &str) -> Value {
    serde_json::from_str(bill(captures, version).text()).expect("a bill is JSON")
}

fn bill(captures: &[OsString], version: &str) -> Run {
    run("cbom", captures, &["--version", version, "--at", "2026-11-21T00:00:00Z"])
}

fn run(kind: &str, captures: &[OsString], options: &[&str]) -> Run {
    let options = ["report", kind].into_iter().chain(options.iter().copied()).map(OsString::from);
    tlsight(options.chain(captures.iter().cloned()))
}

fn captures() -> Vec<OsString> {
    below(&testdata())
}

/// Captures of other projects, where somebody has put them.
fn corpora() -> Vec<OsString> {
    let beside = testdata().join("../../shared/corpora");
    below(&env::var_os("TLSIGHT_TEST_CORPORA").map_or(beside, PathBuf::from))
}

fn below(folder: &Path) -> Vec<OsString> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let is_capture = name.is_some_and(|name| {
                [".pcap", ".pcapng", ".cap", ".trace", ".pcap.gz"]
                    .iter()
                    .any(|end| name.ends_with(end))
            });
            if path.is_dir() {
                folders.push(path);
            } else if is_capture {
                found.push(path.into_os_string());
            }
        }
    }
    found.sort();
    found
}

/// A Python with the validators of CycloneDX; `None`, after saying why, where there can be none. The
/// variable `CI` makes that a failure.
fn validators() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cyclonedx");
    let python = folder.join("bin/python");
    let has = |python: &Path| {
        let run = Command::new(python)
            .args(["-c", "import cyclonedx.validation.json, jsonschema"])
            .output();
        run.is_ok_and(|run| run.status.success())
    };
    if has(&python) {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    let installed = made.is_ok_and(|run| run.status.success())
        && Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "cyclonedx-python-lib[json-validation]>=11.12,<12"])
            .output()
            .is_ok_and(|run| run.status.success());
    if installed && has(&python) {
        return Some(python);
    }
    let obstacle = "python3 with venv and cyclonedx-python-lib of PyPI are not to be had";
    assert!(env::var_os("CI").is_none(), "{obstacle}");
    println!("skipped: {obstacle}");
    None
}

const VALIDATE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.from_version(sys.argv[1]))
errors = list(validator.validate_str(open(sys.argv[2]).read(), all_errors=True) or [])
for error in errors[:5]:
    print(str(error)[:2000])
sys.exit(1 if errors else 0)
";
