//! An escrow with persons, and a service that runs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use escrow::keys::{Trust, VerifyingKey};
use escrow::{Client, ClientSettings};
use tempfile::TempDir;
use tunnel::Credentials;

use crate::program::{Run, command, tlsight, with_environment};

/// An escrow in a folder, with persons who have keys.
pub(super) struct Escrow {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    /// URI of the token that has the keys of epochs.
    token: Option<String>,
}

/// A service that runs.
pub(super) struct Serving {
    pub(super) child: Child,
    pub(super) port: u16,
}

impl Escrow {
    pub(super) fn new() -> Self {
        Self::made(&[], None, &[])
    }

    /// One whose keys are in a token, which needs variables.
    pub(super) fn in_token(
        variables: &[(&'static str, String)],
        token: &str,
        schedule: &[&str],
    ) -> Self {
        Self::made(variables, Some(token.to_owned()), schedule)
    }

    fn made(
        variables: &[(&'static str, String)],
        token: Option<String>,
        schedule: &[&str],
    ) -> Self {
        let escrow = Self { folder: TempDir::new().unwrap(), variables: variables.to_vec(), token };
        let init = ["init", "--service", "localhost", "--agent", "web-1", "--monitor", "soc"];
        escrow.done(&[&init, schedule].concat());
        for (name, roles) in [("alice", "requester"), ("bob", "approver"), ("carol", "approver")] {
            let key = escrow.path(name);
            let public = escrow.path(&format!("{name}.pub"));
            done(&tlsight(["escrow", "keys", "identity", key.to_str().unwrap()]));
            escrow.done(&[
                "keys",
                "grant",
                name,
                "--public",
                public.to_str().unwrap(),
                "--role",
                roles,
                "--tier",
                "t4",
            ]);
        }
        escrow
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.path("escrow")
    }

    /// Runs `tlsight escrow ARGS... --dir DIR`, with the token where it can be used.
    pub(super) fn run(&self, args: &[&str]) -> Run {
        let uses_token =
            matches!(args, ["init" | "release", ..] | ["keys", "rotate" | "list" | "destroy", ..]);
        let token = self.token.as_deref().filter(|_| uses_token);
        let with_token: Vec<&str> =
            args.iter().copied().chain(token.iter().flat_map(|uri| ["--token", uri])).collect();
        self.run_without_token(&with_token)
    }

    /// Runs `tlsight escrow ARGS... --dir DIR`.
    pub(super) fn run_without_token(&self, args: &[&str]) -> Run {
        let dir = self.dir();
        let all = ["escrow"].into_iter().chain(args.iter().copied());
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        with_environment(all.chain(["--dir", dir.to_str().unwrap()]), &variables)
    }

    #[track_caller]
    pub(super) fn done(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        done(&run);
        run
    }

    pub(super) fn serve(&self) -> Serving {
        let dir = self.dir();
        let args = ["escrow", "serve", "--listen", "127.0.0.1:0", "--dir", dir.to_str().unwrap()];
        let mut child = command(args, &[]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said =
            lines.find(|line| line.as_ref().unwrap().contains("listening")).unwrap().unwrap();
        let port = said.rsplit(':').next().unwrap().parse().unwrap();
        // It is to be able to say more.
        thread::spawn(move || lines.for_each(drop));
        Serving { child, port }
    }

    pub(super) fn client(&self, port: u16, with_master: bool) -> Client {
        let dir = self.dir();
        let key = fs::read_to_string(dir.join("authority.pub")).unwrap();
        let trust = Trust::new(VerifyingKey::parse(&key).unwrap());
        let tls = |name: &str| dir.join("tls").join(name);
        let credentials =
            Credentials::read(&tls("web-1.pem"), &tls("web-1.key"), &tls("ca.pem")).unwrap();
        let settings =
            ClientSettings { with_master, ..ClientSettings::new("localhost", port, trust) };
        let tls = credentials.client(escrow::wire::ALPN).unwrap();
        let client = Client::start(settings, tls, Box::new(|_: &str| {})).unwrap();
        wait_for("the client", || client.is_ready());
        client
    }

    /// Asks as Alice, with approvals of others.
    pub(super) fn request(
        &self,
        name: &str,
        tier: &str,
        approvers: &[&str],
        filter: &[&str],
    ) -> String {
        let (file, key) = (self.path(name), self.path("alice"));
        let args = [
            "escrow",
            "request",
            "--case",
            "INC-7",
            "--reason",
            "a drill",
            "--tier",
            tier,
            "--requester",
            "alice",
            "--key",
            key.to_str().unwrap(),
            "-o",
            file.to_str().unwrap(),
        ];
        done(&tlsight(args.iter().chain(filter).copied().collect::<Vec<_>>()));
        for approver in approvers {
            let key = self.path(approver);
            let shown = tlsight([
                "escrow",
                "approve",
                file.to_str().unwrap(),
                "--key",
                key.to_str().unwrap(),
            ]);
            done(&shown);
            assert!(shown.text().contains("INC-7"), "an approver sees what it is");
        }
        file.to_str().unwrap().to_owned()
    }

    /// The key log of what is released for a request.
    pub(super) fn released(&self, request: &str) -> PathBuf {
        let answer = format!("{request}.answer");
        self.done(&["release", request, "-o", &answer]);
        let log = PathBuf::from(format!("{request}.keys"));
        let key = self.path("alice");
        let opened = tlsight([
            "escrow",
            "open",
            &answer,
            "--key",
            key.to_str().unwrap(),
            "-w",
            log.to_str().unwrap(),
        ]);
        done(&opened);
        log
    }

    pub(super) fn audit(&self) -> String {
        self.done(&["audit", "--json"]).text().to_owned()
    }
}

#[track_caller]
pub(super) fn done(run: &Run) {
    assert_eq!(run.status, 0, "{}", run.stderr);
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Has a service end as an operator does.
pub(super) fn stop(serving: &mut Serving) {
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(serving.child.wait().unwrap().success());
}

pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // A window that begins otherwise is the most of them.
    bytes.iter().enumerate().any(|(at, byte)| *byte == needle[0] && bytes[at..].starts_with(needle))
}

pub(super) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
