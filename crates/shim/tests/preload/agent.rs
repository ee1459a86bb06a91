//! An agent that keeps what comes, and answers or not.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use endpoint::{Agent, Peer, Receipt, Remote, Sink};
use handover::{Reached, Tallies};
use secrets::{Label, Origin, SessionSecrets, SessionStage};

use crate::place::PATIENCE;

/// What an agent does with those who wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    Never,
}

/// What came of one session at one stage.
pub(crate) struct Came {
    pub(crate) client_random: [u8; 32],
    pub(crate) server_random: Option<[u8; 32]>,
    pub(crate) version: u16,
    pub(crate) cipher_suite: u16,
    pub(crate) stage: SessionStage,
    pub(crate) labels: Vec<Label>,
    pub(crate) lines: String,
    pub(crate) origin: Origin,
}

pub(crate) struct Running {
    socket: PathBuf,
    remote: Remote,
    kept: Arc<Mutex<Kept>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Kept {
    came: Vec<Came>,
    missed: Vec<Tallies>,
}

struct Keeper(Arc<Mutex<Kept>>, Answers);

impl Sink for Keeper {
    fn take(&mut self, secrets: SessionSecrets, receipt: Receipt) {
        let lines = secrets::dangerous_key_log_lines(&secrets.client_random, &secrets.secrets);
        self.0.lock().unwrap().came.push(Came {
            client_random: secrets.client_random,
            server_random: secrets.server_random,
            version: secrets.version,
            cipher_suite: secrets.cipher_suite,
            stage: secrets.stage,
            labels: secrets.secrets.iter().map(|(label, _)| *label).collect(),
            lines: String::from_utf8(lines.to_vec()).unwrap(),
            origin: secrets.origin,
        });
        if self.1 == Answers::AtOnce {
            receipt.reach(Reached::Durable);
        }
    }

    fn miss(&mut self, _: &Peer, _: Option<&[u8; 32]>, tallies: &Tallies) {
        self.0.lock().unwrap().missed.push(*tallies);
    }
}

impl Running {
    pub(crate) fn start(folder: &Path, answers: Answers) -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let socket = folder.join("agent.sock");
        let mut agent = Agent::bind(&socket, 0o666, Keeper(Arc::clone(&kept), answers)).unwrap();
        let remote = agent.remote();
        let thread = std::thread::spawn(move || agent.run().unwrap());
        Self { socket, remote, kept, thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Waits until so much has come.
    pub(crate) fn wait_for(&self, messages: usize) {
        let began = Instant::now();
        while self.kept.lock().unwrap().came.len() < messages {
            assert!(began.elapsed() < PATIENCE, "{messages} messages do not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it; gives what came, and what processes told of what did not.
    pub(crate) fn finish(mut self) -> (Vec<Came>, Vec<Tallies>) {
        self.end();
        let mut kept = self.kept.lock().unwrap();
        (std::mem::take(&mut kept.came), std::mem::take(&mut kept.missed))
    }

    fn end(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
