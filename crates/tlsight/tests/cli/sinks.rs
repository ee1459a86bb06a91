//! Sinks of a server: what is imported goes there, and violations.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::server::{Server, answer, folder, has, wait_until};

#[test]
fn what_a_server_takes_in_and_what_it_finds_reach_its_sinks_once() {
    if !has("what_a_server_takes_in_and_what_it_finds_reach_its_sinks_once", &["curl"]) {
        return;
    }
    let folder = folder("sinks");
    let (data, out, settings) = (folder.join("data"), folder.join("out"), folder.join("s.toml"));
    let table = |name: &str, datasets: &str| {
        let path = out.join(name);
        format!(
            "[[sinks]]\nname = {name:?}\ntype = \"file\"\npath = {path:?}\ndatasets = {datasets}\n"
        )
    };
    let text = table("all", "[\"sessions\", \"edges\", \"loss\"]")
        + &table("violations", "[\"violations\"]");
    fs::write(&settings, text).unwrap();
    let arguments =
        ["serve", "--data", data.to_str().unwrap(), "--config", settings.to_str().unwrap()];
    let server = Server::start(&arguments, true);
    let token = server.make_token();
    let lines = folder.join("lines");
    let samples = root().join("crates/store/tests/samples/templates.ndjson");
    let mut text = fs::read_to_string(samples).unwrap();
    text.push_str(
        "{\"event\":{\"dataset\":\"tlsight.loss\"},\"tlsight\":{\"loss\":{\"gaps\":2}}}\n",
    );
    fs::write(&lines, &text).unwrap();
    let imported = answer(&mut server.import(&token, "first", &lines));
    assert_eq!(imported.status, 200, "{imported:?}");
    let accepted = usize::try_from(imported.body["accepted"].as_u64().unwrap()).unwrap();
    assert!(accepted > 5, "{imported:?}");
    // The same again, under another key: the store knows the sessions.
    let again = answer(&mut server.import(&token, "second", &lines));
    assert_eq!(again.body["accepted"], 0, "{again:?}");
    server.end();
    // There was no folder yet: all of it waits for the next run.
    assert!(!out.exists());
    fs::create_dir(&out).unwrap();
    let server = Server::start(&arguments, false);
    let violations = || read(&out.join("violations"));
    wait_until("violations are told", || !violations().is_empty());
    let count = |dataset: &str| {
        let all = read(&out.join("all"));
        all.iter().filter(|it| it["event"]["dataset"] == dataset).count()
    };
    wait_until("each session is told", || count("tls") + count("tlsight.edge") == accepted);
    // Losses have no identity: those of another import are others.
    assert_eq!(count("tlsight.loss"), 2);
    let told = violations().remove(0);
    assert_eq!(told["event"]["dataset"], "tlsight.violation");
    assert_eq!(told["event"]["action"], "active");
    assert!(told["rule"]["id"].is_string() && told["destination"]["port"].is_u64(), "{told}");
    assert!(told["tlsight"]["violation"]["posture"].is_object());
    let schema = fs::read(root().join("docs/event.schema.json")).unwrap();
    let schema = serde_json::from_slice::<Value>(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for line in violations() {
        assert!(validator.is_valid(&line), "{line}");
    }
    server.end();
    fs::remove_dir_all(folder).unwrap();
}

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap()
}
