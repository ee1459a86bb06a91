//! The agent's side: takes records in and never waits, sends them when the sensor is there.

mod batch;
mod channel;
mod counters;
mod debts;
mod dial;
mod outbox;
mod session;
mod settings;
mod spool;
mod window;
mod worker;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use forge::Record;
use rustix::event::{EventfdFlags, eventfd};
use rustls::pki_types::ServerName;

pub use self::counters::SenderCounters;
use self::dial::Target;
use self::outbox::{Outbox, OutboxLimits};
pub use self::settings::SenderSettings;
use self::spool::Spool;
pub use self::spool::SpoolSettings;
use self::worker::Worker;
use crate::credentials::{Credentials, NoCredentials};
use crate::format::ALPN;

/// Sends records to a sensor, from a thread of its own.
///
/// The sensor can say nothing but what it has and that it wants no more.
pub struct Sender {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// How it stands with the connection to the sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The sensor takes batches.
    Up,
    /// There is no connection; for this reason, if one was tried.
    Down(Option<String>),
}

/// Why a sender cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotSend {
    /// The credentials are of no use.
    #[error(transparent)]
    Credentials(#[from] NoCredentials),
    /// No certificate can be for this name.
    #[error("`{0}` is no name of a sensor")]
    Name(String),
    /// The spool's folder cannot be used.
    #[error("{folder}: {cause}")]
    Spool {
        /// The folder.
        folder: std::path::PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The system has no thread, or no descriptor.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What the worker and those who hand in have in common.
struct Shared {
    outbox: Mutex<Outbox>,
    link: Mutex<Link>,
    /// When the worker has to be done.
    deadline: Mutex<Option<Instant>>,
    wake: OwnedFd,
}

impl Sender {
    /// Starts to send; `tell` is called with each change of the connection, by the thread that sends.
    ///
    /// # Errors
    /// See [`CannotSend`]. A sensor that cannot be reached is no error.
    pub fn start(
        settings: SenderSettings,
        credentials: &Credentials,
        tell: Box<dyn Fn(&Link) + Send>,
    ) -> Result<Self, CannotSend> {
        let name = settings.server_name.as_ref().unwrap_or(&settings.host);
        let target = Target {
            host: settings.host.clone(),
            port: settings.port,
            name: ServerName::try_from(name.clone())
                .map_err(|_error| CannotSend::Name(name.clone()))?,
            tls: Arc::new(credentials.client(ALPN)?),
        };
        let limits =
            OutboxLimits { bytes: settings.queue_bytes, connections: settings.max_connections };
        let mut outbox = Outbox::new(limits);
        let spool = match settings.spool.clone() {
            None => None,
            Some(spool) => {
                let folder = spool.folder.clone();
                let (spool, leftovers) =
                    Spool::open(spool).map_err(|cause| CannotSend::Spool { folder, cause })?;
                outbox.counters.leftover_batches = leftovers;
                Some(spool)
            }
        };
        let shared = Arc::new(Shared {
            outbox: Mutex::new(outbox),
            link: Mutex::new(Link::Down(None)),
            deadline: Mutex::new(None),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map_err(io::Error::from)?,
        });
        let worker = Worker::new(settings, target, spool, Arc::clone(&shared), tell)?;
        let worker = thread::Builder::new().name("tunnel".to_owned()).spawn(|| worker.run())?;
        Ok(Self { shared, worker: Some(worker) })
    }

    /// Hands a record in. It never waits: where there is no room, clear text is dropped, counted, and said
    /// to be missing as soon as there is room.
    pub fn hand_in(&self, record: &Record<'_>) {
        let mut outbox = self.shared.outbox();
        let before = (outbox.full(), outbox.has_open());
        outbox.put(record);
        let after = (outbox.full(), outbox.has_open());
        drop(outbox);
        if after.0 > before.0 || (after.1 && !before.1) {
            self.shared.wake();
        }
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> SenderCounters {
        self.shared.outbox().counters
    }

    /// Bytes of records in memory.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.shared.outbox().used()
    }

    /// How it stands with the connection.
    #[must_use]
    pub fn link(&self) -> Link {
        self.shared.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends what waits, for as long as `patience`, and says goodbye. What waits then is dropped and
    /// counted.
    #[must_use]
    pub fn finish(mut self, patience: Duration) -> SenderCounters {
        self.end(patience);
        self.counters()
    }

    fn end(&mut self, patience: Duration) {
        let Some(worker) = self.worker.take() else { return };
        *self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Instant::now() + patience);
        self.shared.wake();
        // Panics were printed.
        worker.join().ok();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("link", &self.link()).finish_non_exhaustive()
    }
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // It fails only if it was woken four billion times and did not sleep.
        rustix::io::write(&self.wake, &1_u64.to_ne_bytes()).ok();
    }
}
