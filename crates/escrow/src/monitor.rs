//! A monitor's side: gets live copies, and opens them.
//!
//! Its keys are made for each connection, changed every so often, and never leave its memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use peers::Backoff;
use rustls::ClientConfig;
use wire::Reader;

use crate::client::CannotDeliver;
use crate::client::{Dialer, Ended, LEAST_WAIT, MOST_WAIT};
use crate::clock::now_ms;
use crate::hpke::{Kem, PrivateKey};
use crate::keys::{MonitorKey, SealingKey, Signed, SigningKey, Statement};
use crate::malformed::Malformed;
use crate::seal::{Content, ContextRecord, Opener, SealedRecord};
use crate::tier::Tier;
use crate::wire::{Frame, FrameReader, Link, LinkError, Peer, Wake};

/// Gets live copies until it is dropped.
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a monitor asks for, and as whom.
pub struct MonitorSettings {
    /// Name or address of the service.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name in its certificate, if it is not `host`.
    pub service_name: Option<String>,
    /// Own name, as certificate and grant have it.
    pub name: String,
    /// The authority's grant.
    pub grant: Signed,
    /// The key that the grant names.
    pub signing: SigningKey,
    /// How much is asked for.
    pub tier: Tier,
    /// What keys are of.
    pub kem: Kem,
    /// How long a key is used.
    pub key_lifetime: Duration,
}

/// Counts, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonitorCounters {
    /// Records that were opened.
    pub opened: u64,
    /// Records that could not be.
    pub unopened: u64,
    /// Connections that broke.
    pub disconnected: u64,
}

/// Takes what was opened: who told it, and what.
pub type Sink = dyn FnMut(&str, Content) + Send;

struct Shared {
    wake: Arc<Wake>,
    is_over: AtomicBool,
    is_subscribed: AtomicBool,
    opened: AtomicU64,
    unopened: AtomicU64,
    disconnected: AtomicU64,
}

impl Monitor {
    /// Connects in the background, again and again, until it is dropped. `sink` gets what is opened, and a
    /// record is acknowledged after it has returned.
    ///
    /// # Errors
    /// See [`CannotDeliver`].
    pub fn start(
        settings: MonitorSettings,
        tls: ClientConfig,
        sink: Box<Sink>,
        tell: Box<dyn Fn(&str) + Send>,
    ) -> Result<Self, CannotDeliver> {
        let name = settings.service_name.as_ref().unwrap_or(&settings.host);
        let dialer = Dialer::to(&settings.host, settings.port, name, tls)?;
        let shared = Arc::new(Shared {
            wake: Arc::new(Wake::new()?),
            is_over: AtomicBool::new(false),
            is_subscribed: AtomicBool::new(false),
            opened: AtomicU64::new(0),
            unopened: AtomicU64::new(0),
            disconnected: AtomicU64::new(0),
        });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("escrow-monitor".to_owned());
        let thread = thread.spawn(move || run(&own, &settings, &dialer, sink, &*tell))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether the service sends live copies.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.shared.is_subscribed.load(Ordering::SeqCst)
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> MonitorCounters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MonitorCounters {
            opened: of(&self.shared.opened),
            unopened: of(&self.shared.unopened),
            disconnected: of(&self.shared.disconnected),
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.wake.set();
        if let Some(thread) = self.thread.take() {
            // A panic was printed.
            thread.join().ok();
        }
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Monitor")
    }
}

fn run(
    shared: &Shared,
    settings: &MonitorSettings,
    dialer: &Dialer,
    mut sink: Box<Sink>,
    tell: &dyn Fn(&str),
) {
    let is_over = || shared.is_over.load(Ordering::SeqCst);
    let mut backoff = Backoff::new(LEAST_WAIT, MOST_WAIT);
    let mut told = String::new();
    while !is_over() {
        let ended = dialer.dial(Peer::Monitor, &shared.wake).and_then(|link| {
            let mut connection = Connection::new(shared, settings, link);
            connection.run(&mut *sink)
        });
        let was_subscribed = shared.is_subscribed.swap(false, Ordering::SeqCst);
        let Err(error) = ended else { return };
        if was_subscribed {
            shared.disconnected.fetch_add(1, Ordering::Relaxed);
            backoff.reset();
            told.clear();
        }
        let text = error.to_string();
        if text != told {
            tell(&format!("escrow service at {}:{}: {text}", settings.host, settings.port));
            told = text;
        }
        let until = Instant::now() + backoff.wait();
        while !is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            shared.wake.wait(left);
            shared.wake.clear();
        }
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    settings: &'a MonitorSettings,
    link: Link,
    opener: Opener,
    /// Names of own keys, oldest first.
    keys: VecDeque<[u8; 16]>,
    renew_at: Instant,
    /// Records that came, and how many of them were told to be taken.
    taken: u64,
    told: u64,
    /// Pings that came: the first answers the hello, the others subscriptions.
    pings: u64,
    /// Since when an answer is waited for.
    waits_since: Option<Instant>,
    said_at: Instant,
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, settings: &'a MonitorSettings, link: Link) -> Self {
        let now = Instant::now();
        Self {
            shared,
            settings,
            link,
            opener: Opener::default(),
            keys: VecDeque::new(),
            renew_at: now,
            taken: 0,
            told: 0,
            pings: 0,
            waits_since: Some(now),
            said_at: now,
        }
    }

    fn run(&mut self, sink: &mut Sink) -> Result<(), Ended> {
        let mut frames = FrameReader::default();
        loop {
            if self.pings > 0 && Instant::now() >= self.renew_at {
                self.subscribe()?;
            }
            if self.taken > self.told {
                self.told = self.taken;
                self.say(&Frame::Taken(self.taken));
            } else if self.said_at.elapsed() >= PING_EVERY {
                self.say(&Frame::Ping);
                self.waits_since.get_or_insert(self.said_at);
            }
            self.link.flush()?;
            self.link.wait(TICK);
            self.shared.wake.clear();
            if self.shared.is_over.load(Ordering::SeqCst) {
                return Ok(());
            }
            let mut pieces = Vec::new();
            if self.link.read(&mut |bytes| pieces.extend_from_slice(bytes))? {
                self.waits_since = None;
            } else if self.waits_since.is_some_and(|since| since.elapsed() >= PATIENCE) {
                return Err(LinkError::Silent.into());
            }
            frames.push(&pieces);
            while let Some(frame) = frames.next_frame()? {
                self.take(&frame, sink)?;
            }
        }
    }

    fn say(&mut self, frame: &Frame<'_>) {
        frame.put(self.link.out());
        self.said_at = Instant::now();
    }

    /// Shows a new key. What is sealed to the one before still comes for a while.
    fn subscribe(&mut self) -> Result<(), Ended> {
        let none = |_error| Ended::Unreachable("no key can be made".to_owned());
        let key = PrivateKey::generate(self.settings.kem).map_err(none)?;
        let lifetime = u64::try_from(self.settings.key_lifetime.as_millis()).unwrap_or(u64::MAX);
        let statement = Statement::MonitorKey(MonitorKey {
            name: self.settings.name.clone(),
            tier: self.settings.tier.to_string(),
            sealing: SealingKey::new(key.public()),
            not_after_ms: now_ms().saturating_add(lifetime),
        });
        let signed = statement
            .sign(&self.settings.signing)
            .map_err(|error| Ended::Unreachable(error.to_string()))?;
        self.keys.push_back(key.public().id());
        self.opener.add_key(key);
        if self.keys.len() > 2
            && let Some(oldest) = self.keys.pop_front()
        {
            self.opener.remove_key(&oldest);
        }
        let (grant, key) = (self.settings.grant.to_text(), signed.to_text());
        self.say(&Frame::Subscribe { grant: &grant, key: &key });
        self.waits_since.get_or_insert(self.said_at);
        self.renew_at = Instant::now() + self.settings.key_lifetime / 2;
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else it is nobody sends here")]
    fn take(&mut self, frame: &Frame<'_>, sink: &mut Sink) -> Result<(), Ended> {
        match frame {
            Frame::Ping => {
                self.pings = self.pings.saturating_add(1);
                if self.pings > 1 {
                    self.shared.is_subscribed.store(true, Ordering::SeqCst);
                }
            }
            Frame::Context(bytes) => {
                let context = ContextRecord::parse(&mut Reader::new(bytes))?;
                // One that is not for this monitor, or false, opens nothing: its records are counted.
                self.opener.add_context(&context).ok();
            }
            Frame::Live { agent, record } => {
                let record = SealedRecord::parse(&mut Reader::new(record))?;
                match self.opener.open(&record) {
                    Ok(content) => {
                        sink(agent, content);
                        self.shared.opened.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {
                        self.shared.unopened.fetch_add(1, Ordering::Relaxed);
                    }
                }
                self.taken = self.taken.saturating_add(1);
            }
            Frame::Refused(refusal) => return Err(Ended::Refused(*refusal)),
            _ => return Err(Malformed::Value.into()),
        }
        Ok(())
    }
}

const TICK: Duration = Duration::from_secs(1);

const PING_EVERY: Duration = Duration::from_secs(10);

/// For the service to answer.
const PATIENCE: Duration = Duration::from_secs(10);
