//! The agents' side: what they saw goes into a spool on the disk, and from there to a server until that has it.

mod counters;
mod dial;
mod files;
mod identity;
mod intake;
mod join;
mod orders;
mod report;
mod settings;
mod spooling;
mod window;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use spool::{Spool, SpoolSettings};
use tokio::sync::watch;

pub use counters::{Backlog, Link, UplinkCounters};
pub use settings::{About, ServerAddress, UplinkSettings};

use intake::Intake;
use worker::Worker;

/// What an uplink asks and tells the program that it is a part of. It is called from [`Uplink::start`] and from the
/// uplink's thread, which wait for it.
pub trait Host: Send + Sync {
    /// How the program does.
    fn status(&self) -> Observed;

    /// Judges by these policies from now on.
    ///
    /// # Errors
    /// They make no sense; those of before stay.
    fn take_policies(&self, documents: Vec<String>) -> Result<(), String>;

    /// Does things differently from its own settings from now on: a part of the table `[agent]`, TOML.
    ///
    /// # Errors
    /// They make no sense or cannot be changed; those of before stay.
    fn take_settings(&self, toml: &str) -> Result<(), String>;

    /// Says something to whoever runs the program.
    fn tell(&self, message: &str);
}

/// How the program does, from its start on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Sessions seen.
    pub sessions: u64,
    /// What could not be seen or kept, by cause.
    pub losses: BTreeMap<String, u64>,
    /// Time that processors worked for it, in milliseconds.
    pub cpu_milliseconds: u64,
    /// Its memory, in bytes.
    pub resident_bytes: u64,
}

/// Why there is no uplink.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotStart {
    /// There is no server in its settings.
    #[error("no server to send to")]
    NoServer,
    /// The folder cannot be made.
    #[error("{}: {cause}", .folder.display())]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The spool cannot be opened.
    #[error("the spool cannot be opened: {0}")]
    Spool(#[from] spool::CannotOpen),
    /// There is no thread for it.
    #[error("no thread to send from: {0}")]
    Thread(io::Error),
}

/// Sends lines to a server, with a thread of its own.
pub struct Uplink {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// Tells how an uplink does, as long as anybody wants to know.
#[derive(Clone)]
pub struct UplinkMeter(Arc<Gauges>);

/// What the threads share.
struct Shared {
    gauges: Arc<Gauges>,
    spool: Mutex<Spool>,
    /// Until when to send what waits, once it is to end.
    end: watch::Sender<Option<Instant>>,
}

/// What is told of it, also when it has ended and its spool is closed.
struct Gauges {
    intake: Intake,
    counters: Mutex<UplinkCounters>,
    backlog: Mutex<Backlog>,
    link: Mutex<Link>,
}

impl Uplink {
    /// Opens the spool, with what an earlier process left there, and begins to connect. What the server sent that
    /// process is put in force before this returns.
    ///
    /// # Errors
    /// See [`CannotStart`]. A server that cannot be reached is none.
    pub fn start(settings: UplinkSettings, host: Arc<dyn Host>) -> Result<Self, CannotStart> {
        if settings.servers.is_empty() {
            return Err(CannotStart::NoServer);
        }
        let folder = settings.folder.clone();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|cause| CannotStart::Folder { folder: folder.clone(), cause })?;
        let (spool, recovered) = Spool::open(SpoolSettings {
            folder: folder.join("spool"),
            limit_bytes: settings.spool_bytes.max(UplinkSettings::LEAST_SPOOL),
        })?;
        if recovered.damaged > 0 {
            host.tell(&format!("{} batches of the spool are damaged and lost", recovered.damaged));
        }
        let gauges = Arc::new(Gauges {
            intake: Intake::new(settings.weigh),
            counters: Mutex::default(),
            backlog: Mutex::default(),
            link: Mutex::new(Link::Down(None)),
        });
        let (spool, end) = (Mutex::new(spool), watch::Sender::new(None));
        let shared = Arc::new(Shared { gauges, spool, end });
        shared.look_at_spool();
        let worker = Worker::new(settings, Arc::clone(&shared), host);
        let worker = thread::Builder::new()
            .name("uplink".to_owned())
            .spawn(move || worker.run())
            .map_err(CannotStart::Thread)?;
        Ok(Self { shared, worker: Some(worker) })
    }

    /// Takes whole lines; never waits. False if some of them found no room, because the disk is too slow: those are
    /// lost and counted.
    #[must_use]
    pub fn push(&self, lines: &[u8]) -> bool {
        self.shared.intake.push(lines)
    }

    /// What tells how it does.
    #[must_use]
    pub fn meter(&self) -> UplinkMeter {
        UplinkMeter(Arc::clone(&self.shared.gauges))
    }

    /// Sends what waits for as long as `patience`, if there is a connection. The rest stays in the spool, for the
    /// next process.
    pub fn finish(mut self, patience: Duration) -> UplinkCounters {
        self.end(patience);
        self.meter().counters()
    }

    fn end(&mut self, patience: Duration) {
        let Some(worker) = self.worker.take() else { return };
        self.shared.end.send_replace(Some(Instant::now() + patience));
        // Panics were printed.
        worker.join().ok();
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl UplinkMeter {
    /// The counters.
    #[must_use]
    pub fn counters(&self) -> UplinkCounters {
        let (taken_sessions, dropped_sessions) = self.0.intake.sessions();
        UplinkCounters { taken_sessions, dropped_sessions, ..*self.0.counters() }
    }

    /// What waits in the spool.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        *self.0.backlog()
    }

    /// How it stands with the server.
    #[must_use]
    pub fn link(&self) -> Link {
        self.0.link().clone()
    }
}

impl Shared {
    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing waits, neither in memory nor in the spool.
    fn is_empty(&self) -> bool {
        self.intake.is_empty() && self.spool().entries() == 0
    }

    /// Takes note of how full the spool is, and counts what it has lost since this was called last.
    fn look_at_spool(&self) {
        let mut spool = self.spool();
        let lost = spool.take_lost();
        let backlog = Backlog {
            batches: spool.entries(),
            bytes: spool.bytes(),
            since: spool.oldest_at().map(Timestamp::from_nanos),
        };
        drop(spool);
        let mut counters = self.counters();
        add(&mut counters.evicted_batches, lost.evicted);
        add(&mut counters.evicted_sessions, lost.evicted_weight);
        add(&mut counters.damaged_batches, lost.damaged);
        add(&mut counters.damaged_sessions, lost.damaged_weight);
        drop(counters);
        *self.backlog() = backlog;
    }
}

impl Gauges {
    fn counters(&self) -> MutexGuard<'_, UplinkCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Shared {
    type Target = Gauges;

    fn deref(&self) -> &Gauges {
        &self.gauges
    }
}

impl fmt::Debug for Uplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uplink").field("link", &*self.shared.link()).finish_non_exhaustive()
    }
}

impl fmt::Debug for UplinkMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UplinkMeter").field("link", &*self.0.link()).finish_non_exhaustive()
    }
}

fn add(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}

/// The time, in nanoseconds since 1970.
fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// What somebody else says, in a form that can be shown in one line.
fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MOST_REASON_LEN).map(shown).collect()
}

/// A sentence or two.
const MOST_REASON_LEN: usize = 400;

/// Half of what a batch may be: lines come in pieces, and an answer lost costs one batch only.
const MOST_BATCH_LEN: usize = crate::limits::MOST_LINES_LEN as usize / 2;
