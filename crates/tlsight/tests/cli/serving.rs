//! `serve` and `up` as their users run them: over TLS, by curl.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_counts_twice() {
    if !has_curl("what_was_acknowledged_survives_a_kill_and_nothing_counts_twice") {
        return;
    }
    let folder = folder("kill");
    let lines = folder.join("lines.ndjson");
    fs::write(&lines, many(SESSIONS)).unwrap();
    let mut server = Server::start(&["serve"], &folder, true);
    let token = server.make_token();
    for round in 0..3 {
        let mut upload = import(&server.address, &token, &lines);
        thread::sleep(Duration::from_millis(300 + 400 * round));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        upload.wait().unwrap();
        server = Server::start(&["serve"], &folder, false);
    }
    assert!(import(&server.address, &token, &lines).wait().unwrap().success());
    let overview = server.get(&token, "overview?last=24h");
    assert_eq!(overview["sessions"], SESSIONS, "{overview}");
    server.end();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_demo_has_a_cluster_in_it_and_is_gone_at_the_end() {
    if !has_curl("the_demo_has_a_cluster_in_it_and_is_gone_at_the_end") {
        return;
    }
    let folder = folder("demo");
    let mut server = Server::start(&["up", "--demo"], &folder, true);
    let token = server.make_token();
    assert_eq!(server.get(&token, "session")["demo"], true);
    assert!(server.get(&token, "overview")["sessions"].as_u64().unwrap() > 2000);
    let graph = server.get(&token, "graph").to_string();
    for namespace in ["ingress", "shop", "payments", "platform", "legacy"] {
        assert!(graph.contains(&format!("\"namespace\":\"{namespace}\"")), "{namespace}");
    }
    assert!(!server.get(&token, "violations?state=active")["items"].as_array().unwrap().is_empty());
    let store = std::env::temp_dir().join(format!("tlsight-demo-{}", server.child.id()));
    assert!(store.is_dir());
    server.end();
    assert!(!store.exists());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_api_is_what_its_description_says() {
    let test = "the_api_is_what_its_description_says";
    if !has_curl(test) {
        return;
    }
    let Some(schemathesis) = schemathesis() else {
        println!(
            "{test}: skipped: there is no schemathesis {SCHEMATHESIS}, or it cannot be installed"
        );
        return;
    };
    let folder = folder("description");
    let mut server = Server::start(&["up", "--demo"], &folder, true);
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

/// A running program.
struct Server {
    child: Child,
    /// Kept open, so that the program can write to it.
    _out: BufReader<ChildStdout>,
    address: String,
    setup_token: Option<String>,
}

impl Server {
    fn start(arguments: &[&str], folder: &Path, is_first: bool) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--listen", "127.0.0.1:0"]);
        if !arguments.contains(&"--demo") {
            command.arg("--data").arg(folder.join("data"));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut address, mut setup_token) = (None, None);
        while address.is_none() || (is_first && setup_token.is_none()) {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended");
            if let Some(at) = line.trim().strip_prefix("tlsight is at ") {
                address = Some(format!("{at}api/v1"));
            }
            if let Some((_, token)) = line.trim().split_once("with this token: ") {
                setup_token = Some(token.to_owned());
            }
        }
        Self { child, _out: out, address: address.unwrap_or_default(), setup_token }
    }

    /// An API token, made by the first user.
    fn make_token(&self) -> String {
        let setup = json!({
            "token": self.setup_token.as_ref().expect("a token for the first user"),
            "user": "ann",
            "password": "correct horse battery",
        });
        let jar = std::env::temp_dir().join(format!("tlsight-jar-{}", self.child.id()));
        let jar_text = jar.display().to_string();
        let post = |path: &str, body: &Value, csrf: &str| {
            let output = curl(&self.address, path)
                .args(["-b", &jar_text, "-c", &jar_text])
                .args(["-H", "Content-Type: application/json"])
                .args(["-H", &format!("X-CSRF-Token: {csrf}")])
                .args(["-d", &body.to_string()])
                .output()
                .unwrap();
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let info = post("setup", &setup, "");
        let csrf = info["csrf_token"].as_str().unwrap_or_else(|| panic!("{info}"));
        let token = post("tokens", &json!({ "name": "test", "role": "operator" }), csrf);
        fs::remove_file(jar).unwrap();
        token["token"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned()
    }

    fn get(&self, token: &str, path: &str) -> Value {
        let header = format!("Authorization: Bearer {token}");
        let output = curl(&self.address, path).args(["-H", &header]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{path}: {output:?}"))
    }

    fn end(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn curl(address: &str, path: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--max-time", "60", &format!("{address}/{path}")]);
    curl
}

fn import(address: &str, token: &str, lines: &Path) -> Child {
    curl(address, "import")
        .args(["--fail", "-H", "Content-Type: application/x-ndjson", "-H", "Idempotency-Key: all"])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["--data-binary", &format!("@{}", lines.display())])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lines of so many sessions of the last hour.
fn many(count: u64) -> String {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tls12-rsa/input.pcap");
    let output = Command::new(PROGRAM).args(["read", "--json"]).arg(capture).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut event: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
    let now = String::from_utf8(output.stdout).unwrap();
    let mut lines = String::new();
    for number in 0..count {
        let time = format!("{}.{number:06}Z", now.trim());
        event["@timestamp"] = time.clone().into();
        event["event"]["start"] = time.clone().into();
        event["event"]["end"] = time.into();
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    lines
}

fn has_curl(test: &str) -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        println!("{test}: skipped: curl is not installed");
    }
    found
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

fn folder(name: &str) -> PathBuf {
    let name = format!("tlsight-serving-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");

const SCHEMATHESIS: &str = "4.32.5";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Enough for a dozen batches.
const SESSIONS: u64 = 20_000;

const PATIENCE: Duration = Duration::from_secs(20);
