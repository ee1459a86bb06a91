//! An agent in a thread.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use courier::Courier;
use endpoint::{Agent, AgentCounts, Peer, Receipt, Remote, Sink};
use handover::{
    Hold, KeyLine, Label, Library, Lookup, Session, Settings, Stage, TakenSecret, Tallies, Told,
};
use secrets::SessionSecrets;
use tempfile::TempDir;

/// What is waited for has come by then, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What came to a sink.
pub(crate) enum Came {
    Secrets(Box<SessionSecrets>, Receipt),
    Miss(Peer, Option<[u8; 32]>, Tallies),
}

pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

pub(crate) struct Running {
    remote: Remote,
    thread: Option<JoinHandle<()>>,
    pub(crate) came: Receiver<Came>,
}

struct Channel(mpsc::Sender<Came>);

impl Sink for Channel {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        self.0.send(Came::Secrets(Box::new(secrets), receipt)).ok();
    }

    fn miss(&mut self, peer: &Peer, client_random: Option<&[u8; 32]>, tallies: &Tallies) {
        self.0.send(Came::Miss(peer.clone(), client_random.copied(), *tallies)).ok();
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("agent.sock")
    }

    pub(crate) fn agent(&self) -> Running {
        let (sender, came) = mpsc::channel();
        let mut agent = Agent::bind(&self.socket(), 0o600, Channel(sender)).unwrap();
        let remote = agent.remote();
        let thread = std::thread::spawn(move || agent.run().unwrap());
        Running { remote, thread: Some(thread), came }
    }

    pub(crate) fn courier(&self, hold: Hold) -> Courier {
        Courier::new(Settings { hold, ..Settings::new(self.socket()) })
    }
}

impl Running {
    pub(crate) fn counts(&self) -> AgentCounts {
        self.remote.counts()
    }

    pub(crate) fn next(&self) -> (Box<SessionSecrets>, Receipt) {
        match self.came.recv_timeout(PATIENCE).unwrap() {
            Came::Secrets(secrets, receipt) => (secrets, receipt),
            Came::Miss(_, _, tallies) => panic!("{tallies:?}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

pub(crate) fn session(number: u8) -> Session {
    Session::new(Library::OpenSsl, [number; 32])
}

pub(crate) fn master(number: u8) -> Told {
    let secret = TakenSecret::new(Label::Master, &[number; 48]).unwrap();
    Told { stage: Stage::Application, secrets: std::iter::once(secret).collect() }
}

/// The secrets of a key log file.
pub(crate) fn lines(path: &Path) -> Vec<(Label, [u8; 32])> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| match KeyLine::read(line.as_bytes()) {
        Lookup::Secret(line) => (line.secret.label(), line.random),
        Lookup::Withheld | Lookup::Malformed => panic!("{line}"),
    };
    text.lines().map(read).collect()
}
