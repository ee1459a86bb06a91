//! One connection: its handshake, who it is, and whether that one may come in.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use peers::HandshakePlace;
use rustls::ServerConnection;

use super::{Shared, agent, monitor};
use crate::audit::AuditEvent;
use crate::malformed::Malformed;
use crate::wire::{Frame, FrameReader, Link, LinkError, Peer, Refusal, Wake};

/// Why a connection ended.
pub(super) enum Ended {
    /// The other side closed it, or the system did.
    Left,
    /// It may not go on, and is told why.
    Refused(Refusal),
    /// It may not go on, and is not told why: there is no TLS.
    Handshake(String),
    /// It was silent.
    Silent,
}

/// Takes a frame of somebody with this name.
pub(super) type TakeFrame<'a> = dyn FnMut(&Arc<str>, Frame<'_>) -> Result<(), Ended> + 'a;

/// Somebody whose handshake is over.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) number: u64,
    pub(super) link: Link,
    pub(super) wake: Arc<Wake>,
    pub(super) frames: FrameReader,
    pub(super) name: Arc<str>,
    heard_at: Instant,
}

/// Serves somebody from a thread, if there is a place.
pub(super) fn start(
    shared: &Arc<Shared>,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Option<JoinHandle<()>> {
    let Some(place) = shared.places.handshake(peer.ip()) else {
        refuse(shared, "", peer, "busy", "too many handshakes");
        return None;
    };
    let own = Arc::clone(shared);
    let thread = thread::Builder::new().name("escrow-peer".to_owned()).stack_size(STACK);
    let spawned = thread.spawn(move || {
        let number = own.next_socket.fetch_add(1, Ordering::Relaxed);
        if let Ok(socket) = tcp.try_clone() {
            own.sockets().insert(number, socket);
        }
        // One that came while all are cut would not be.
        if !own.is_over() {
            serve(&own, tcp, peer, number, place);
        }
        own.sockets().remove(&number);
    });
    if spawned.is_err() {
        refuse(shared, "", peer, "busy", "no thread");
    }
    spawned.ok()
}

fn serve(shared: &Shared, tcp: TcpStream, peer: SocketAddr, number: u64, place: HandshakePlace) {
    let mut name = Arc::from("");
    let ended = admit(shared, tcp, number, place, &mut name);
    match ended {
        Ok(()) | Err(Ended::Left) => {}
        Err(Ended::Refused(why)) => refuse(shared, &name, peer, cause(why), &why.to_string()),
        Err(Ended::Handshake(why)) => refuse(shared, &name, peer, "handshake", &why),
        Err(Ended::Silent) => refuse(shared, &name, peer, "silent", "silent for too long"),
    }
}

fn admit(
    shared: &Shared,
    tcp: TcpStream,
    number: u64,
    place: HandshakePlace,
    name: &mut Arc<str>,
) -> Result<(), Ended> {
    let wake = Arc::new(Wake::new().map_err(|_error| Ended::Refused(Refusal::Busy))?);
    let tls = ServerConnection::new(Arc::clone(&shared.tls))
        .map_err(|error| Ended::Handshake(error.to_string()))?;
    let link = Link::establish(tcp, tls, Arc::clone(&wake), HANDSHAKE_PATIENCE)
        .map_err(|error| Ended::Handshake(error.to_string()))?;
    drop(place);
    let certificate = link.tls().peer_certificates().and_then(<[_]>::first);
    let found = certificate.and_then(shared.settings.name_of);
    let found = found.filter(|name| !name.is_empty() && name.len() <= MAX_NAME_LEN);
    let found = found.ok_or_else(|| Ended::Handshake("no name in the certificate".to_owned()))?;
    *name = found.into();
    let mut session = Session {
        shared,
        number,
        link,
        wake,
        frames: FrameReader::default(),
        name: Arc::clone(name),
        heard_at: Instant::now(),
    };
    let ended = match shared.places.connection() {
        Some(_place) => session.run(),
        None => Err(Ended::Refused(Refusal::Busy)),
    };
    if let Err(Ended::Refused(refusal)) = ended {
        Frame::Refused(refusal).put(session.link.out());
        session.link.part();
    }
    ended
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Ended> {
        let mut peer = None;
        while peer.is_none() {
            self.receive(&mut |_, frame| {
                let Frame::Hello(hello) = frame else { return Err(Malformed::Magic.into()) };
                let is_first = peer.replace(hello).is_none();
                if is_first { Ok(()) } else { Err(Malformed::Magic.into()) }
            })?;
        }
        // Both wait for an answer before they say more: an agent for keys, a monitor for this.
        match peer {
            Some(Peer::Monitor) => {
                Frame::Ping.put(self.link.out());
                monitor::run(self)
            }
            Some(Peer::Agent) | None => agent::run(self),
        }
    }

    /// Waits for something, and hands on the frames that have come.
    pub(super) fn receive(&mut self, take: &mut TakeFrame<'_>) -> Result<(), Ended> {
        let patience = self.shared.settings.limits.patience;
        self.link.flush()?;
        self.link.wait(patience.saturating_sub(self.heard_at.elapsed()).min(TICK));
        self.wake.clear();
        if self.shared.is_over() {
            return Err(Ended::Left);
        }
        let mut frames = std::mem::take(&mut self.frames);
        let mut result = Ok(());
        let name = &self.name;
        let has_any = self.link.read(&mut |bytes| {
            frames.push(bytes);
            while result.is_ok() {
                match frames.next_frame() {
                    Ok(Some(frame)) => result = take(name, frame),
                    Ok(None) => break,
                    Err(malformed) => result = Err(malformed.into()),
                }
            }
        })?;
        self.frames = frames;
        if has_any {
            self.heard_at = Instant::now();
        } else if self.heard_at.elapsed() >= patience {
            return Err(Ended::Silent);
        }
        result
    }
}

fn refuse(shared: &Shared, name: &str, peer: SocketAddr, cause: &'static str, why: &str) {
    shared.counting.refuse(cause);
    shared.auditor.tell_some(AuditEvent::ConnectionRefused {
        name: name.to_owned(),
        peer: peer.to_string(),
        why: why.to_owned(),
    });
}

/// Name of a refusal in counters.
const fn cause(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Version => "version",
        Refusal::Malformed => "malformed",
        Refusal::Busy => "busy",
        Refusal::UnknownKey => "unknown_key",
        Refusal::NotGranted => "not_granted",
        Refusal::Storage => "storage",
        Refusal::NoContext => "no_context",
    }
}

impl From<LinkError> for Ended {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Closed | LinkError::Io(_) => Self::Left,
            LinkError::Tls(error) => Self::Handshake(error.to_string()),
            LinkError::Silent => Self::Silent,
        }
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::Refused(malformed.into())
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Certificates are verified, nothing of which is recursive.
const STACK: usize = 1 << 20;

const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// How late the end is noticed.
const TICK: Duration = Duration::from_secs(1);

/// A name of a host has at most 253 (RFC 1035 section 2.3.4).
const MAX_NAME_LEN: usize = 253;
