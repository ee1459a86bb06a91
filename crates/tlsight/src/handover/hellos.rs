//! What hellos say of sessions, seen at the sockets of this host: a probe in a TLS library sees secrets
//! and the client's random, and neither the server's name nor its random.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use event::{Evidence, Party, TlsEvent};
use flow::Limits;
use probe::{Batch, CommandLines, Options, SocketCapture};
use secrets::Role;
use session::{Analyzer, Settings};
use tls::registry::CipherSuite;

use crate::message;
use crate::watch::wall_clock;

/// What the hellos of a session said, at an end of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// The process, if it was seen at a socket.
    pub(super) pid: Option<u32>,
    pub(super) role: Role,
    /// Name that the client asked for.
    pub(super) server_name: Option<Arc<str>>,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    /// 0 if it is not one of TLS 1.0 to 1.3.
    pub(super) version: u16,
    pub(super) cipher_suite: u16,
    pub(super) server_random: Option<[u8; 32]>,
}

/// Hellos of the last sessions, as they come.
pub(super) struct Hellos {
    known: KnownHellos,
    /// None if sockets are not looked at.
    thread: Option<JoinHandle<()>>,
}

/// Hellos that are known, from wherever they were seen.
#[derive(Clone, Default)]
pub(super) struct KnownHellos(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    by_random: HashMap<[u8; 32], Vec<Hello>>,
    /// When they came, oldest first.
    order: VecDeque<(Instant, [u8; 32])>,
}

impl Hellos {
    /// Begins to look; it ends when it is stopped.
    ///
    /// # Errors
    /// A kernel or rights that do not suffice.
    pub(super) fn start(known: KnownHellos, stop: Arc<AtomicBool>) -> Result<Self> {
        let options = Options { command_lines: CommandLines::Omitted, ..Options::default() };
        let capture = SocketCapture::open(&options).context("cannot see hellos at sockets")?;
        let own = known.clone();
        let thread = thread::Builder::new().name("hellos".to_owned());
        let thread = thread.spawn(move || look(capture, &own, &stop));
        Ok(Self { known, thread: Some(thread.context("cannot start a thread")?) })
    }

    /// Only those that somebody else sees.
    pub(super) const fn seen_elsewhere(known: KnownHellos) -> Self {
        Self { known, thread: None }
    }

    /// What is known of a session of a process. Several hellos may have one random, and each counts: one that
    /// somebody has forged adds to the true one, which came before the session had secrets. A hello of another
    /// process says nothing of this one.
    pub(super) fn of(&self, pid: u32, random: &[u8; 32]) -> Vec<Hello> {
        let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hellos = known.by_random.get(random).into_iter().flatten();
        hellos.filter(|hello| hello.pid.is_none_or(|own| own == pid)).cloned().collect()
    }

    /// Waits for the end.
    pub(super) fn finish(self) {
        // A panic was printed.
        self.thread.map(JoinHandle::join);
    }
}

impl KnownHellos {
    /// Adds one.
    pub(super) fn add(&self, random: [u8; 32], hello: Hello) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(random, hello);
    }
}

impl Known {
    fn add(&mut self, random: [u8; 32], hello: Hello) {
        let now = Instant::now();
        while self.order.len() >= MAX_SESSIONS
            || self.order.front().is_some_and(|(since, _)| now.duration_since(*since) > KEPT)
        {
            let Some((_, oldest)) = self.order.pop_front() else { break };
            self.by_random.remove(&oldest);
        }
        let hellos = self.by_random.entry(random).or_default();
        if hellos.is_empty() {
            self.order.push_back((now, random));
        }
        if let Some(same) = hellos.iter_mut().find(|other| other.may_be(&hello)) {
            same.pid = same.pid.or(hello.pid);
        } else if hellos.len() < MAX_HELLOS {
            hellos.push(hello);
        }
    }
}

impl Hello {
    /// Whether both say the same, and not of two processes.
    fn may_be(&self, other: &Self) -> bool {
        let is_other_process = self.pid.is_some() && other.pid.is_some() && self.pid != other.pid;
        !is_other_process && *self == Self { pid: self.pid, ..other.clone() }
    }
}

fn look(mut capture: SocketCapture, known: &KnownHellos, stop: &AtomicBool) {
    let mut limits = Limits::for_memory(MEMORY_BYTES);
    limits.hash_seed = RandomState::new().build_hasher().finish();
    let settings = Settings {
        send_certificates: false,
        memory_bytes: MEMORY_BYTES,
        evidence: Evidence::Socket,
        ..Settings::default()
    };
    let mut analyzer = Analyzer::new(settings, limits);
    let mut batch = Batch::default();
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = capture.poll(WAIT, &mut batch) {
            return message::error(&format!("hellos are not seen any more: {error}"));
        }
        for (connection, packet) in batch.packets() {
            analyzer.handle_packet(&packet);
            if !analyzer.follows(&packet) {
                capture.dismiss(connection);
            }
        }
        analyzer.handle_timeout(wall_clock());
        while let Some((mut event, connection)) = analyzer.poll_event_with_network() {
            if let Some(connection) = connection {
                capture.complete(connection, &mut event);
            }
            let Some((random, hellos)) = hellos_of(&event) else { continue };
            hellos.into_iter().for_each(|hello| known.add(random, hello));
        }
    }
}

/// The client's random of a session, and what was said at each of its ends that is here.
fn hellos_of(event: &TlsEvent) -> Option<([u8; 32], Vec<Hello>)> {
    let detailed = event.tls.detailed.as_ref()?;
    let random = *detailed.client_hello.as_ref()?.random.as_bytes().as_array()?;
    let server_hello = detailed.server_hello.as_ref();
    let cipher = event.tls.cipher.as_ref().and_then(|name| CipherSuite::named(name));
    let ends = [
        (&event.client, &event.server, Role::Client),
        (&event.server, &event.client, Role::Server),
    ];
    let hellos = ends.into_iter().filter_map(|(own, other, role)| {
        Some(Hello {
            pid: Some(own.process.as_ref()?.pid),
            role,
            server_name: event.tls.client.server_name.clone(),
            local: address(own),
            peer: address(other),
            version: version(event),
            cipher_suite: cipher.map_or(0, |suite| suite.0),
            server_random: server_hello
                .and_then(|hello| hello.random.as_bytes().as_array().copied()),
        })
    });
    Some((random, hellos.collect()))
}

fn address(party: &Party) -> Option<SocketAddr> {
    Some(SocketAddr::new(party.ip.as_str().parse().ok()?, party.port))
}

fn version(event: &TlsEvent) -> u16 {
    match (event.tls.version_protocol, event.tls.version) {
        (Some("tls"), Some("1.0")) => 0x0301,
        (Some("tls"), Some("1.1")) => 0x0302,
        (Some("tls"), Some("1.2")) => 0x0303,
        (Some("tls"), Some("1.3")) => 0x0304,
        _ => 0,
    }
}

/// How long a request to end may wait.
const WAIT: Duration = Duration::from_millis(50);

/// Secrets come when hellos do.
const KEPT: Duration = Duration::from_secs(30);

/// As many as a busy host begins in that time.
const MAX_SESSIONS: usize = 1 << 16;

/// Two ends on this host, and some that somebody has sent again.
const MAX_HELLOS: usize = 8;

/// Handshakes that are under way.
const MEMORY_BYTES: usize = 64 << 20;
