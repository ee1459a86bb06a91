//! Secrets that are taken while a capture runs, and what they open in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::network::{Network, in_namespace, skip, wait_until, with_network};
use crate::servers::{Identity, OpensslServer, PAGE};
use crate::watcher::Watcher;

#[test]
fn what_a_preloaded_program_hands_over_opens_the_capture() {
    with_network("run", &["curl", "openssl", "tcpdump"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("run", obstacle);
        }
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        let capture = Capture::start(network);
        let keys = network.folder().join("keys.log");
        let arguments = ["--", "curl", "-sS", "-k", URL];
        let output = in_namespace(&network.client(), env!("CARGO_BIN_EXE_tlsight"))
            .args(["run", "--wait", "received", "--deadline", "60s", "--keylog"])
            .arg(&keys)
            .args(arguments)
            .env("HOME", network.folder())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), PAGE);
        assert_eq!(lines(&keys).len(), 4);
        opens(capture, &keys);
    });
}

#[test]
fn what_is_taken_of_a_server_that_runs_opens_the_capture() {
    with_network("attach", &["curl", "openssl", "tcpdump"], |network| {
        let identity = Identity::new(network);
        // A server whose file is no other's runs before anybody attaches to it.
        let server = OwnServer::start(network, &identity);
        let keys = network.folder().join("keys.log");
        let socket = network.folder().join("agent.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
        command.args(["escrow", "agent", "--keylog"]).arg(&keys).arg("--socket").arg(&socket);
        command.arg("--attach").arg(&server.program);
        let agent =
            Watcher::run(&mut command, "the agent listens", |_| socket.exists() && keys.exists());
        let capture = Capture::start(network);
        wait_until("a session is taken", || {
            let page = network.run(&network.client(), "curl", &["-sS", "-k", URL]);
            page == PAGE && lines(&keys).len() >= 4
        });
        let end = agent.interrupt();
        assert_eq!(end.status, Some(0), "{}", end.messages);
        assert!(end.messages.contains(" secrets in "), "{}", end.messages);
        opens(capture, &keys);
    });
}

#[test]
fn a_doctor_says_how_the_secrets_of_a_process_can_be_taken() {
    with_network("ways", &["openssl"], |network| {
        let identity = Identity::new(network);
        let server = OwnServer::start(network, &identity);
        let output = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["doctor", "--secrets", "--json"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let processes = report["processes"].as_array().unwrap();
        let way = processes.iter().find(|one| one["pid"] == server.process.id()).unwrap();
        assert_eq!((&way["attach"], &way["run"]), (&"OpenSSL".into(), &true.into()), "{way}");
        assert!(way["file"].as_str().unwrap().contains("libssl"), "{way}");
    });
}

#[test]
fn a_program_ends_as_it_would_by_itself_and_is_not_run_without_an_agent() {
    if let Some(obstacle) = without_library() {
        return skip("run", obstacle);
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
        command.arg("run").args(arguments).current_dir(folder.path()).output().unwrap()
    };
    for (script, status) in [("exit 7", 7), ("kill -TERM $$", 128 + 15), ("true", 0)] {
        let output = run(&["--keylog", "keys.log", "--", "sh", "-c", script]);
        assert_eq!(output.status.code(), Some(status), "{script}: {output:?}");
    }
    for (arguments, said) in [
        (&["--socket", "none.sock", "--", "touch", "ran"][..], "no agent listens on"),
        (&["--keylog", "keys.log", "--", "./none"], "cannot run ./none"),
        (&["--keylog", "keys.log", "--shim", "none.so", "--", "touch", "ran"], "cannot find"),
        (&["--keylog", "keys.log", "--deny-sni", "a b", "--", "touch", "ran"], "white space"),
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && stderr.contains(said), "{stderr}");
    }
    assert!(!folder.path().join("ran").exists());
}

/// Why nothing can be preloaded: a build of this package alone does not build the library.
pub(crate) fn without_library() -> Option<&'static str> {
    let library = Path::new(env!("CARGO_BIN_EXE_tlsight")).with_file_name("libtlsight_shim.so");
    (!library.exists()).then_some("libtlsight_shim.so is missing (`cargo build -p shim`)")
}

/// An `openssl s_server` whose executable is no other's.
pub(crate) struct OwnServer {
    process: Child,
    pub(crate) program: PathBuf,
}

impl OwnServer {
    pub(crate) fn start(network: &Network, identity: &Identity) -> Self {
        let program = network.folder().join("own-openssl");
        fs::copy("/usr/bin/openssl", &program).unwrap();
        fs::write(network.folder().join("hello"), PAGE).unwrap();
        let process = in_namespace(&network.server(), &program)
            .args(["s_server", "-accept", "443", "-quiet", "-WWW", "-cert"])
            .arg(&identity.certificate)
            .arg("-key")
            .arg(&identity.key)
            .current_dir(network.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, program };
        wait_until("the server listens", || {
            let tables = ["tcp", "tcp6"].map(|table| {
                fs::read_to_string(format!("/proc/{}/net/{table}", server.process.id()))
            });
            tables.iter().flatten().any(|table| table.contains(":01BB "))
        });
        server
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A tcpdump on the client's interface.
pub(crate) struct Capture {
    process: Child,
    pub(crate) file: PathBuf,
}

impl Capture {
    pub(crate) fn start(network: &Network) -> Self {
        let file = network.folder().join("capture.pcap");
        // One before it is no sign that it captures.
        fs::remove_file(&file).ok();
        let process = in_namespace(&network.client(), "tcpdump")
            .args(["-i", "veth0", "-U", "--immediate-mode", "-Z", "root", "-B", "16384"])
            .args(["--time-stamp-precision=nano", "-w"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let capture = Self { process, file };
        wait_until("tcpdump captures", || {
            let sockets = fs::read_to_string(format!("/proc/{}/net/packet", capture.process.id()));
            sockets.unwrap_or_default().lines().count() > 1
                && fs::metadata(&capture.file).is_ok_and(|it| it.len() > 0)
        });
        capture
    }

    /// What is written so far.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Ends it.
    pub(crate) fn finish(mut self) -> PathBuf {
        kill_process(Pid::from_child(&self.process), Signal::INT).unwrap();
        self.process.wait().unwrap();
        self.file
    }
}

/// The clear text and the certificate are there with the secrets that were taken, and not without them.
fn opens(capture: Capture, keys: &Path) {
    let run = |arguments: &[&str], capture: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
        command.args(arguments).arg("--keylog").arg(keys).arg(capture);
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    };
    // What was sent last may be on its way into the file.
    wait_until("the answer is in the capture", || {
        let text = run(&["decrypt"], &capture.file);
        text.contains("GET /hello HTTP/1.1") && text.contains(PAGE.trim_end())
    });
    let file = capture.finish();
    let sessions = run(&["read", "--json"], &file);
    assert!(sessions.contains("\"evidence\":\"secrets\""), "{sessions}");
    assert!(sessions.contains("CN=server.test"), "{sessions}");
    fs::write(keys, "").unwrap();
    assert!(!run(&["decrypt"], &file).contains("GET /hello"));
}

/// The lines of a key log, each once.
pub(crate) fn lines(keys: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(keys).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

pub(crate) const URL: &str = "https://192.0.2.2/hello";
