//! An agent for one program, which writes a key log.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use endpoint::{Agent, AgentCounts, KeyLogFile, Remote};

use super::missed::Missed;
use crate::message;

/// An agent in a thread of this process.
pub(super) struct BuiltIn {
    folder: PathBuf,
    remote: Remote,
    failures: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

impl BuiltIn {
    /// Begins to write to a key log.
    ///
    /// # Errors
    /// A file or a socket that cannot be made.
    pub(super) fn start(keylog: &Path) -> Result<Self> {
        let mut missed = Missed::new();
        let sink = KeyLogFile::open(keylog, move |peer, tallies| missed.say(peer, tallies))?;
        let failures = sink.failures();
        let folder = private_folder().context("cannot make a folder for a socket")?;
        let mut agent = Agent::bind(&folder.join(SOCKET), 0o600, sink)?;
        let remote = agent.remote();
        let thread = thread::Builder::new().name("agent".to_owned());
        let thread = thread.spawn(move || agent.run()).context("cannot start a thread")?;
        Ok(Self { folder, remote, failures, thread })
    }

    /// Where the program connects to.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }

    /// Takes what was sent so far, ends, and says what was not as it should be.
    pub(super) fn finish(self) -> AgentCounts {
        self.remote.stop();
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => message::error(&format!("the agent ended: {error}")),
            Err(_) => message::error("the agent ended"),
        }
        fs::remove_dir_all(&self.folder).ok();
        let failures = self.failures.load(Ordering::Relaxed);
        if failures > 0 {
            message::error(&format!("{failures} messages could not be written to the key log"));
        }
        self.remote.counts()
    }
}

/// A folder that only this user looks into.
fn private_folder() -> io::Result<PathBuf> {
    let place = std::env::temp_dir();
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    let mut number = 0_u32;
    loop {
        let folder = place.join(format!("tlsight-run-{}-{number}", std::process::id()));
        match builder.create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MAX_TRIALS => {
                number += 1;
            }
            result => return result.map(|()| folder),
        }
    }
}

const SOCKET: &str = "agent.sock";

/// Names that others may have taken.
const MAX_TRIALS: u32 = 1000;
