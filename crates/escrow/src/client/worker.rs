//! The thread that has the connection.

use std::collections::HashSet;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use peers::Backoff;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use wire::Reader;

use super::outbox::Next;
use super::recipients::Recipients;
use super::settings::ClientSettings;
use super::{CannotDeliver, Shared};
use crate::clock::{now_ms, wall_clock};
use crate::malformed::Malformed;
use crate::seal::ContextRecord;
use crate::wire::{Frame, FrameReader, Link, LinkError, Peer, Refusal, Wake};

/// Connects to the service.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("what the service sent is malformed: {0}")]
    Malformed(#[from] Malformed),
    #[error("refused by the service: {0}")]
    Refused(Refusal),
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

impl Dialer {
    pub(super) fn new(settings: &ClientSettings, tls: ClientConfig) -> Result<Self, CannotDeliver> {
        let name = settings.service_name.as_ref().unwrap_or(&settings.host);
        Self::to(&settings.host, settings.port, name, tls)
    }

    pub(crate) fn to(
        host: &str,
        port: u16,
        name: &str,
        tls: ClientConfig,
    ) -> Result<Self, CannotDeliver> {
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_error| CannotDeliver::Name(name.to_owned()))?;
        Ok(Self { host: host.to_owned(), port, name: server, tls: Arc::new(tls) })
    }

    /// Connects, and says who it is.
    pub(crate) fn dial(&self, peer: Peer, wake: &Arc<Wake>) -> Result<Link, Ended> {
        let unreachable = |error: std::io::Error| Ended::Unreachable(error.to_string());
        let addresses = (self.host.as_str(), self.port).to_socket_addrs().map_err(unreachable)?;
        let mut last = Ended::Unreachable("no address".to_owned());
        for address in addresses.take(MAX_ADDRESSES) {
            let tcp = match TcpStream::connect_timeout(&address, DIAL_PATIENCE) {
                Ok(tcp) => tcp,
                Err(error) => {
                    last = unreachable(error);
                    continue;
                }
            };
            let tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone())
                .map_err(LinkError::Tls)?;
            let mut link = Link::establish(tcp, tls, Arc::clone(wake), DIAL_PATIENCE)?;
            Frame::Hello(peer).put(link.out());
            link.flush()?;
            return Ok(link);
        }
        Err(last)
    }
}

/// Keeps the connection until the end.
pub(super) fn run(shared: &Shared, dialer: &Dialer, tell: &dyn Fn(&str)) {
    let mut backoff = Backoff::new(LEAST_WAIT, MOST_WAIT);
    let mut told = String::new();
    while !is_over(shared) {
        let ended = match dialer.dial(Peer::Agent, &shared.outbox.wake) {
            Ok(link) => {
                let mut connection = Connection::new(shared, link);
                let ended = connection.run(tell);
                if connection.was_announced {
                    backoff.reset();
                }
                ended
            }
            Err(error) => Err(error),
        };
        let Err(error) = ended else { return };
        let refusal = if let Ended::Refused(refusal) = error { Some(refusal) } else { None };
        shared.outbox.disconnected(refusal);
        let text = error.to_string();
        if text != told {
            tell(&format!("escrow service at {}:{}: {text}", dialer.host, dialer.port));
            told = text;
        }
        let until = Instant::now() + backoff.wait();
        while !is_over(shared) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            shared.outbox.wake.wait(left);
            shared.outbox.wake.clear();
        }
    }
}

fn is_over(shared: &Shared) -> bool {
    shared.outbox.is_over.load(Ordering::SeqCst)
}

struct Connection<'a> {
    shared: &'a Shared,
    link: Link,
    frames: FrameReader,
    /// Contexts that were told on this connection.
    told: HashSet<[u8; 16]>,
    was_announced: bool,
    /// Since when an answer is waited for.
    waits_since: Option<Instant>,
    sent_at: Instant,
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, link: Link) -> Self {
        let now = Instant::now();
        Self {
            shared,
            link,
            frames: FrameReader::default(),
            told: HashSet::new(),
            was_announced: false,
            waits_since: Some(now),
            sent_at: now,
        }
    }

    /// Serves the connection; gives nothing if the client is over.
    fn run(&mut self, tell: &dyn Fn(&str)) -> Result<(), Ended> {
        loop {
            if self.was_announced {
                self.send();
            }
            self.link.flush()?;
            let has_more = self.was_announced
                && self.shared.outbox.has_unsent()
                && self.link.queued() < MAX_QUEUED;
            self.link.wait(if has_more { Duration::ZERO } else { TICK });
            self.shared.outbox.wake.clear();
            if is_over(self.shared) {
                return Ok(());
            }
            self.receive(tell)?;
            self.shared.withheld.expire(wall_clock());
            let patience = self.shared.settings.patience;
            if self.waits_since.is_some_and(|since| since.elapsed() > patience) {
                return Err(LinkError::Silent.into());
            }
        }
    }

    fn send(&mut self) {
        let Self { link, told, shared, sent_at, waits_since, .. } = self;
        if link.queued() >= MAX_QUEUED {
            return;
        }
        let mut has_any = false;
        shared.outbox.each_unsent(&mut |next| {
            let out = link.out();
            match next {
                Next::Delivery { contexts, frame } => {
                    for context in contexts {
                        let parsed = ContextRecord::parse(&mut Reader::new(context));
                        if parsed.is_ok_and(|parsed| told.insert(parsed.context)) {
                            Frame::Context(context).put(out);
                        }
                    }
                    out.extend_from_slice(frame);
                    has_any = true;
                }
                Next::Frame(frame) => frame.put(out),
            }
            link.queued() < MAX_QUEUED
        });
        // The service forgets the oldest.
        if told.len() > MAX_TOLD {
            told.clear();
        }
        if !has_any && sent_at.elapsed() >= PING_EVERY {
            Frame::Ping.put(link.out());
            has_any = true;
        }
        // Deliveries are acknowledged and pings are answered.
        if has_any {
            *sent_at = Instant::now();
            waits_since.get_or_insert(*sent_at);
        }
    }

    fn receive(&mut self, tell: &dyn Fn(&str)) -> Result<(), Ended> {
        let Self { shared, link, frames, was_announced, .. } = self;
        let mut result = Ok(());
        let has_any = link.read(&mut |bytes| {
            frames.push(bytes);
            while result.is_ok() {
                match frames.next_frame() {
                    Ok(Some(frame)) => result = take(shared, &frame, was_announced, tell),
                    Ok(None) => break,
                    Err(malformed) => result = Err(malformed.into()),
                }
            }
        })?;
        if has_any {
            self.waits_since = None;
        }
        result
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else it is the service does not send")]
fn take(
    shared: &Shared,
    frame: &Frame<'_>,
    was_announced: &mut bool,
    tell: &dyn Fn(&str),
) -> Result<(), Ended> {
    match frame {
        Frame::Announcement(bytes) => {
            let before = shared.recipients();
            let trust = &shared.settings.trust;
            let (next, refused) = Recipients::announced(&before, bytes, trust, now_ms())?;
            for error in refused {
                tell(&format!("a key that the service told is passed over: {error}"));
            }
            shared.set_recipients(next);
            if !*was_announced {
                *was_announced = true;
                shared.outbox.connected();
            }
            Ok(())
        }
        Frame::Acknowledge { received, durable, live } => {
            shared.outbox.acknowledged(*received, *durable, *live);
            Ok(())
        }
        Frame::Missed(sequence) => {
            shared.outbox.missed(*sequence);
            Ok(())
        }
        Frame::Ping => Ok(()),
        Frame::Refused(refusal) => Err(Ended::Refused(*refusal)),
        _ => Err(Malformed::Value.into()),
    }
}

/// Bytes that the service did not take, beyond which others wait in the outbox.
const MAX_QUEUED: usize = 256 << 10;

/// Contexts that the service is told once: it keeps four times as many.
const MAX_TOLD: usize = 1024;

/// How late the end is noticed, and a silent service.
const TICK: Duration = Duration::from_secs(1);

const PING_EVERY: Duration = Duration::from_secs(10);

const DIAL_PATIENCE: Duration = Duration::from_secs(5);

/// A name with more addresses than that is no service's.
const MAX_ADDRESSES: usize = 8;

pub(crate) const LEAST_WAIT: Duration = Duration::from_millis(50);
pub(crate) const MOST_WAIT: Duration = Duration::from_secs(10);
