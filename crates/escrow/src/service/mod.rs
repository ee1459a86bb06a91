//! The service: takes what agents have sealed, keeps the archive copies, passes the live copies on.
//!
//! It has no key that opens any of it. A thread for each connection reads and checks; one writes to the disk
//! for all of them, one to the audit log, and one looks for new epochs.

mod agent;
mod auditor;
mod connection;
mod counters;
mod epochs;
mod hub;
mod mailbox;
mod monitor;
mod settings;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use peers::{PlaceLimits, Places};
use rustls::ServerConfig;

use self::auditor::Auditor;
use self::counters::Counting;
pub use self::counters::ServiceCounters;
use self::hub::Hub;
pub use self::settings::{ServiceLimits, ServiceSettings};
use crate::audit::{AuditError, AuditEvent, AuditLog, NotVerified, verify};
use crate::clock::wall_clock;
use crate::keys::FileError;
use crate::store::{IndexKey, Store, close_open_segments};
use crate::wire::Wake;

/// A service that runs.
pub struct Service {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotServe {
    /// Nobody can listen there.
    #[error("{0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The audit log was changed.
    #[error("{path}: {cause}")]
    NotVerified {
        /// The log.
        path: PathBuf,
        /// What is wrong with it.
        cause: NotVerified,
    },
    /// The system has no thread, or no descriptor.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What the threads have in common.
struct Shared {
    tls: Arc<ServerConfig>,
    settings: ServiceSettings,
    index_key: IndexKey,
    store: Mutex<Option<Arc<Store>>>,
    hub: Hub,
    auditor: Auditor,
    counting: Counting,
    places: Arc<Places>,
    /// Connections that there are, to be cut at the end.
    sockets: Mutex<HashMap<u64, TcpStream>>,
    next_socket: AtomicU64,
    is_over: AtomicBool,
    wake: Wake,
}

impl Service {
    /// Listens. Segments that an earlier service left open are closed in the audit log first. `tell` is
    /// called with what an operator should know.
    ///
    /// # Errors
    /// See [`CannotServe`].
    pub fn start(
        settings: ServiceSettings,
        tls: ServerConfig,
        mut audit: AuditLog,
        tell: Box<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Self, CannotServe> {
        let unheard = |error| CannotServe::Listen(settings.listen, error);
        let listener = TcpListener::bind(settings.listen).map_err(unheard)?;
        listener.set_nonblocking(true).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let index_key = IndexKey::open(&settings.index_key)?;
        let mut events = close_open_segments(&settings.store, &closed_segments(&settings)?)?;
        events.push(AuditEvent::ServiceStarted { address: address.to_string() });
        audit.append(wall_clock(), &events)?;
        let auditor = Auditor::start(audit, tell)?;
        let hub = Hub::new(settings.trust);
        let telling = auditor.teller();
        let counting = Counting::default();
        let failures = counting.disk_failures();
        let store = Store::start(
            settings.store.clone(),
            Box::new(move |told| match told {
                Ok(event) => telling.tell(event),
                Err(error) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                    telling.say(&error.to_string());
                }
            }),
        )?;
        let limits = PlaceLimits {
            connections: settings.limits.connections,
            handshakes: settings.limits.handshakes,
            handshakes_of_address: settings.limits.handshakes_of_address,
        };
        let shared = Arc::new(Shared {
            tls: Arc::new(tls),
            settings,
            index_key,
            store: Mutex::new(Some(Arc::new(store))),
            hub,
            auditor,
            counting,
            places: Arc::new(Places::new(limits)),
            sockets: Mutex::default(),
            next_socket: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            wake: Wake::new()?,
        });
        epochs::load(&shared);
        let mut service = Self { shared, address, threads: Vec::new() };
        let (accepting, ticking) = (Arc::clone(&service.shared), Arc::clone(&service.shared));
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        service.threads.push(spawn("escrow-accept").spawn(move || accept(&accepting, &listener))?);
        service.threads.push(spawn("escrow-epochs").spawn(move || epochs::run(&ticking))?);
        Ok(service)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> ServiceCounters {
        self.shared.counting.counters()
    }

    /// Cuts all connections, and ends when what was taken is on the disk.
    pub fn stop(mut self) -> ServiceCounters {
        self.end();
        self.counters()
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.wake.set();
        for thread in std::mem::take(&mut self.threads) {
            // Panics were printed.
            thread.join().ok();
        }
        // The last one that has it waits for the disk.
        drop(self.shared.store().take());
        self.shared.auditor.tell(AuditEvent::ServiceStopped {});
        self.shared.auditor.stop();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.end();
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn store(&self) -> MutexGuard<'_, Option<Arc<Store>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names of the segments that the audit log says are closed. The log is verified on the way.
fn closed_segments(settings: &ServiceSettings) -> Result<HashSet<String>, CannotServe> {
    let path = &settings.audit_log;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(cause) => return Err(FileError::Io { path: path.clone(), cause }.into()),
    };
    let mut closed = HashSet::new();
    let mut each = |line: crate::audit::AuditLine| {
        if let AuditEvent::SegmentClosed { segment, .. } = line.event {
            closed.insert(segment);
        }
    };
    match verify(&mut BufReader::new(file), &settings.audit_key, None, &mut each) {
        Ok(_) => Ok(closed),
        Err(cause) => Err(CannotServe::NotVerified { path: path.clone(), cause }),
    }
}

/// Lets others in until the end, then waits for their threads.
fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while !shared.is_over() {
        match listener.accept() {
            Ok((tcp, peer)) => {
                threads.retain(|thread| !thread.is_finished());
                threads.extend(connection::start(shared, tcp, peer));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                shared.wake.wait_with(listener, IDLE);
            }
            // Out of files, for instance; there will be some again.
            Err(_) => shared.wake.wait(PAUSE),
        }
    }
    // In order of no importance: each is cut.
    for (_, socket) in std::mem::take(&mut *shared.sockets()).into_iter().collect::<Vec<_>>() {
        // It may be closed already.
        socket.shutdown(Shutdown::Both).ok();
    }
    for thread in threads {
        thread.join().ok();
    }
}

const IDLE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(100);
