//! Every capture in `testdata` gives the events that its `expect.toml` asks for, and every line is
//! valid by the schema that the program prints.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{capture, testdata, tlsight};
use jsonschema::Validator;
use serde_json::Value;

#[test]
fn every_capture_gives_the_events_expected_of_it() {
    let validator = validator();
    let mut cases: Vec<_> = fs::read_dir(testdata())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("expect.toml").exists())
        .collect();
    cases.sort();
    assert!(cases.len() > 100, "only {} captures", cases.len());
    let mut report = String::new();
    let mut failed = 0;
    for folder in &cases {
        let problems = check(folder, &validator);
        if !problems.is_empty() {
            failed += 1;
            writeln!(report, "{}", folder.file_name().unwrap().display()).unwrap();
            for problem in problems {
                writeln!(report, "    {problem}").unwrap();
            }
        }
    }
    assert!(failed == 0, "{failed} of {} captures:\n{report}", cases.len());
}

#[test]
fn totals_and_losses_are_valid_lines() {
    let validator = validator();
    let run = tlsight([Path::new("read"), Path::new("--summary"), &capture("file-truncated")]);
    let lines = run.json();
    let datasets: Vec<&Value> = lines.iter().map(|line| &line["event"]["dataset"]).collect();
    assert_eq!(datasets, ["tls", "tlsight.loss", "tlsight.summary"]);
    for line in &lines {
        assert!(validator.is_valid(line), "{line}");
    }
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(tlsight(["schema"]).text()).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn check(folder: &Path, validator: &Validator) -> Vec<String> {
    let mut problems = Vec::new();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let expected: toml::Table =
        toml::from_str(&fs::read_to_string(folder.join("expect.toml")).unwrap()).unwrap();
    let mut arguments = vec![PathBuf::from("read"), capture(name)];
    for (option, file) in [("--keylog", "keys.log"), ("--rsa-key", "rsa.key")] {
        if folder.join(file).exists() {
            arguments.extend([option.into(), folder.join(file)]);
        }
    }
    let run = tlsight(arguments);
    if run.status != i32::from(!run.stderr.is_empty()) {
        problems.push(format!("status {} and {:?}", run.status, run.stderr));
    }
    for line in run.json() {
        problems.extend(
            validator.iter_errors(&line).map(|error| {
                format!("not valid by the schema: {error} at {}", error.instance_path())
            }),
        );
    }
    let sessions = run.sessions();
    let wanted: Vec<&toml::Table> = expected
        .get("session")
        .map(|list| {
            list.as_array().unwrap().iter().map(|table| table.as_table().unwrap()).collect()
        })
        .unwrap_or_default();
    if sessions.len() != wanted.len() {
        problems.push(format!("{} sessions, not {}", sessions.len(), wanted.len()));
    }
    for (index, (session, wanted)) in sessions.iter().zip(wanted).enumerate() {
        problems
            .extend(compare(session, wanted).into_iter().map(|text| format!("[{index}] {text}")));
    }
    problems
}

fn compare(session: &Value, wanted: &toml::Table) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, expected) in wanted {
        if path == "absent" {
            for path in expected.as_array().unwrap() {
                let path = path.as_str().unwrap();
                if let Some(found) = look_up(session, path) {
                    problems.push(format!("{path}: {found}, not absent"));
                }
            }
            continue;
        }
        let expected = serde_json::to_value(expected).unwrap();
        let (path, holds): (&str, fn(&Value, &Value) -> bool) = match path.strip_suffix("[]") {
            Some(path) => (path, |found, expected| {
                found.as_array().is_some_and(|members| members.contains(expected))
            }),
            None => (path, |found, expected| found == expected),
        };
        match look_up(session, path) {
            Some(found) if holds(found, &expected) => {}
            Some(found) => problems.push(format!("{path}: {found}, not {expected}")),
            None => problems.push(format!("{path}: absent, not {expected}")),
        }
    }
    problems
}

fn look_up<'a>(session: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(session, |value, key| match value.as_array() {
        Some(members) => members.get(key.parse::<usize>().ok()?),
        None => value.get(key),
    })
}
