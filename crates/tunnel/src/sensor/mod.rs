//! The sensor's side: lets agents in, takes their records, and hands them on.
//!
//! Each agent has a thread. It reads, decrypts and decompresses; then it waits for its turn to hand one
//! batch on. An agent that sends more than is handed on is not read from meanwhile, and no other waits
//! for it longer than for one batch.

mod audit;
mod connection;
mod counters;
mod flows;
mod handing;
mod handshake;
mod name;
mod session;
mod settings;
mod switch;
mod turnstile;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use forge::Record;
use peers::{PlaceLimits, Places};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustls::ServerConfig;

use self::audit::Teller;
pub use self::audit::{Audit, Happening, Incident, RefusedHow};
pub use self::counters::ReceiverCounters;
pub use self::name::AgentName;
pub use self::session::AgentStatus;
pub use self::settings::{ReceiverLimits, ReceiverSettings};
use self::switch::Switch;
use self::turnstile::Turnstile;
use crate::credentials::{Credentials, NoCredentials};
use crate::format::ALPN;

/// Takes what agents tell. Connections have numbers that are used once, whichever agent they are of.
pub trait Consumer: Send {
    /// Takes one record. Agents wait for as long as it takes.
    fn take(&mut self, agent: &AgentName, record: &Record<'_>);

    /// Some records were taken, or some time has gone by: what is held back may go out.
    fn flush(&mut self, now: Timestamp);
}

/// Receives records of agents.
pub struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

/// Why a sensor cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotReceive {
    /// The credentials are of no use.
    #[error(transparent)]
    Credentials(#[from] NoCredentials),
    /// Nobody can listen there.
    #[error("{0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The system has no thread, or no descriptor.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// What the threads have in common.
struct Shared {
    tls: Arc<ServerConfig>,
    limits: ReceiverLimits,
    hub: Turnstile<Hub>,
    places: Arc<Places>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    teller: Teller,
    /// Connections that there are, to be cut at the end.
    sockets: Mutex<HashMap<u64, TcpStream>>,
    next_socket: AtomicU64,
    is_over: AtomicBool,
    wake: OwnedFd,
}

/// What one agent has at a time.
struct Hub {
    switch: Switch,
    consumer: Box<dyn Consumer>,
}

impl Receiver {
    /// Listens, and hands what comes to `consumer`. `audit` is told who comes and who is refused.
    ///
    /// # Errors
    /// See [`CannotReceive`].
    pub fn start(
        settings: ReceiverSettings,
        credentials: &Credentials,
        consumer: Box<dyn Consumer>,
        audit: Box<Audit>,
    ) -> Result<Self, CannotReceive> {
        let unheard = |error| CannotReceive::Listen(settings.listen, error);
        let listener = TcpListener::bind(settings.listen).map_err(unheard)?;
        listener.set_nonblocking(true).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let limits = PlaceLimits {
            connections: settings.limits.agents,
            handshakes: settings.limits.handshakes,
            handshakes_of_address: settings.limits.handshakes_of_address,
        };
        let shared = Arc::new(Shared {
            tls: Arc::new(credentials.server(ALPN)?),
            limits: settings.limits,
            hub: Turnstile::new(Hub { switch: Switch::new(settings.limits), consumer }),
            places: Arc::new(Places::new(limits)),
            refused: Mutex::default(),
            teller: Teller::new(audit),
            sockets: Mutex::default(),
            next_socket: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC).map_err(io::Error::from)?,
        });
        let mut receiver = Self { shared, address, threads: Vec::new() };
        let (accepting, ticking) = (Arc::clone(&receiver.shared), Arc::clone(&receiver.shared));
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        receiver.threads.push(spawn("tunnel-accept").spawn(move || accept(&accepting, &listener))?);
        receiver.threads.push(spawn("tunnel-tick").spawn(move || tick(&ticking))?);
        Ok(receiver)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> ReceiverCounters {
        let counters = self.shared.hub.pass(|hub| hub.switch.counters.clone());
        ReceiverCounters { refused: self.shared.refused().clone(), ..counters }
    }

    /// The sessions of agents, those included that may come back.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentStatus> {
        self.shared.hub.pass(|hub| hub.switch.agents())
    }

    /// Stops listening, ends all sessions, and drops the consumer.
    #[must_use]
    pub fn stop(mut self) -> ReceiverCounters {
        self.end();
        self.counters()
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Nobody else writes to it.
        rustix::io::write(&self.shared.wake, &1_u64.to_ne_bytes()).ok();
        for thread in std::mem::take(&mut self.threads) {
            // Panics were printed.
            thread.join().ok();
        }
        let now = wall_clock();
        self.shared.hub.pass(|hub| {
            hub.with(|switch, sink| switch.end(now, sink));
            hub.consumer.flush(now);
        });
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.end();
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn refused(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, peer: SocketAddr, agent: Option<&AgentName>, what: Happening) {
        if let Happening::Refused(how) = &what {
            let mut refused = self.refused();
            let count = refused.entry(how.name()).or_default();
            counters::add(count, 1);
        }
        self.teller.tell(&Incident { peer, agent: agent.cloned(), what });
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the end, or until `listener` has somebody.
    fn wait(&self, listener: Option<&TcpListener>, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let wake = PollFd::new(&self.wake, PollFlags::IN);
        let result = match listener {
            Some(listener) => {
                poll(&mut [wake, PollFd::new(listener, PollFlags::IN)], Some(&timeout))
            }
            None => poll(&mut [wake], Some(&timeout)),
        };
        // An interrupted wait is a short one.
        result.ok();
    }
}

impl Hub {
    /// Uses the switch, with the consumer as its sink.
    fn with<R>(&mut self, use_it: impl FnOnce(&mut Switch, &mut switch::Sink<'_>) -> R) -> R {
        let consumer = &mut *self.consumer;
        use_it(&mut self.switch, &mut |agent, record| consumer.take(agent, record))
    }
}

/// Lets agents in until the end, then waits for their threads.
fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut agents: Vec<JoinHandle<()>> = Vec::new();
    while !shared.is_over() {
        match listener.accept() {
            Ok((tcp, peer)) => {
                agents.retain(|agent| !agent.is_finished());
                agents.extend(connection::start(shared, tcp, peer));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                shared.wait(Some(listener), IDLE);
            }
            // Out of files, for instance; there will be some again.
            Err(_) => shared.wait(None, PAUSE),
        }
    }
    // In order of no importance: each is cut.
    let sockets: BTreeMap<_, _> = std::mem::take(&mut *shared.sockets()).into_iter().collect();
    for socket in sockets.values() {
        // It is closed already.
        socket.shutdown(Shutdown::Both).ok();
    }
    for agent in agents {
        agent.join().ok();
    }
}

fn tick(shared: &Shared) {
    while !shared.is_over() {
        shared.wait(None, TICK);
        let now = wall_clock();
        shared.hub.pass(|hub| {
            hub.with(|switch, sink| switch.tick(now, sink));
            hub.consumer.flush(now);
        });
    }
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

const TICK: Duration = Duration::from_millis(250);

const IDLE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(100);
