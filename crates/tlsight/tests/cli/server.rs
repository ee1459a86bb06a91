//! A running `tlsight serve` or `up`, asked by curl.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};

/// A running program, until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open, so that the program can write to it.
    _out: BufReader<ChildStdout>,
    /// Where the API is.
    pub(crate) address: String,
    setup_token: Option<String>,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Server {
    /// Starts it on a free port, and waits until it says where it is; a new one also says how the first
    /// user is made.
    pub(crate) fn start(arguments: &[&str], is_new: bool) -> Self {
        Self::start_in(&[], arguments, is_new)
    }

    /// The same with variables of its environment.
    pub(crate) fn start_in(
        environment: &[(&str, &OsStr)],
        arguments: &[&str],
        is_new: bool,
    ) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .envs(environment.iter().copied())
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut address, mut setup_token) = (None, None);
        while address.is_none() || (is_new && setup_token.is_none()) {
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

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An API token of an administrator, made by the first user.
    pub(crate) fn make_token(&self) -> String {
        let setup = json!({
            "token": self.setup_token.as_ref().expect("a token for the first user"),
            "user": "ann",
            "password": PASSWORD,
        });
        let jar = env::temp_dir().join(format!("tlsight-jar-{}", self.child.id()));
        let jar_text = jar.display().to_string();
        let post = |path: &str, body: &Value, csrf: &str| {
            let mut curl = curl(&self.address, path);
            curl.args(["-b", &jar_text, "-c", &jar_text]);
            curl.args(["-H", &format!("X-CSRF-Token: {csrf}")]);
            answer(with_body(&mut curl, body)).body
        };
        let info = post("setup", &setup, "");
        let csrf = info["csrf_token"].as_str().unwrap_or_else(|| panic!("{info}"));
        let token = post("tokens", &json!({ "name": "test", "role": "admin" }), csrf);
        fs::remove_file(jar).unwrap();
        token["token"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned()
    }

    /// What is at a path.
    pub(crate) fn get(&self, token: &str, path: &str) -> Value {
        let answer = answer(&mut authorised(&self.address, path, token));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Changes something.
    pub(crate) fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let mut curl = authorised(&self.address, path, token);
        answer(with_body(curl.args(["-X", method]), body))
    }

    /// Begins to send a file of lines under a key; [`answer`] waits for the end.
    pub(crate) fn import(&self, token: &str, key: &str, lines: &Path) -> Command {
        let mut curl = authorised(&self.address, "import", token);
        curl.args(["-H", "Content-Type: application/x-ndjson"]);
        curl.args(["-H", &format!("Idempotency-Key: {key}")]);
        curl.args(["--data-binary", &format!("@{}", lines.display())]);
        curl
    }

    /// Kills it, so that it can do nothing more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, which it must.
    pub(crate) fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        wait_until("it ends", || {
            let status = self.child.try_wait().unwrap();
            status.inspect(|status| assert!(status.success(), "{status}")).is_some()
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asks something of the API.
pub(crate) fn curl(address: &str, path: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--max-time", "600", &format!("{address}/{path}")]);
    curl.args(["-w", "\n%{http_code}"]);
    curl
}

fn authorised(address: &str, path: &str, token: &str) -> Command {
    let mut curl = curl(address, path);
    curl.args(["-H", &format!("Authorization: Bearer {token}")]);
    curl
}

/// Adds a body to what curl sends.
pub(crate) fn with_body<'a>(curl: &'a mut Command, body: &Value) -> &'a mut Command {
    curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()])
}

/// What came back; status 0 if nothing did.
pub(crate) fn answer(curl: &mut Command) -> Answer {
    let output = curl.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or_default(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether these programs are here. Says aloud that a test is skipped, which the variable `CI` makes a
/// failure.
pub(crate) fn has(test: &str, programs: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_here = |name: &str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let missing = programs.iter().find(|name| !is_here(name));
    missing.is_none_or(|name| skip(test, &format!("{name} is not installed")))
}

/// Says aloud that a test is skipped, or fails if `CI` is set.
pub(crate) fn skip(test: &str, obstacle: &str) -> bool {
    assert!(env::var_os("CI").is_none(), "{test} cannot run: {obstacle}");
    println!("{test}: skipped: {obstacle}");
    false
}

/// A folder of a test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let name = format!("tlsight-server-{name}-{}", std::process::id());
    let folder = env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");

/// Of the first user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What is waited for has come by then, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
