//! An agent's side: seals what ends of sessions tell, and delivers it.
//!
//! Any number of threads deliver; each seals what it brings. One thread has the connection. What is sealed
//! waits until the service has it on the disk, within a bound, and is sent again after a connection broke.
//! Nothing waits in clear but secrets of handshakes, which monitors get with those of application data.

mod outbox;
mod recipients;
mod settings;
mod withheld;
mod worker;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use event::Timestamp;
use rustls::ClientConfig;
use secrets::SessionSecrets;

pub use self::outbox::ClientCounters;
use self::outbox::{Outbox, Pushed};
use self::recipients::Recipients;
pub use self::settings::{ClientSettings, HandshakeSecrets};
use self::withheld::Withheld;
pub(crate) use self::worker::{Dialer, Ended, LEAST_WAIT, MOST_WAIT};
use crate::beacon::{Beacons, CannotBeacon};
use crate::clock::{now_ms, wall_clock};
use crate::keys::NotTrusted;
use crate::tier::{Divided, Indivisible, Part, divide};
pub use crate::wire::IncidentKind;
use crate::wire::Refusal;

/// Delivers secrets to a service.
pub struct Client {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Nothing: it is sealed and waits to be sent.
    None,
    /// The service has it in memory.
    Received,
    /// All monitors that are subscribed have it, and there is one.
    Live,
    /// The service has it on the disk.
    Durable,
}

/// What became of a delivery. What is not refused goes on being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has come as far as was waited for.
    Acknowledged(Wait),
    /// It has not within the deadline.
    Deadline,
    /// It will not.
    Refused(RefusedDelivery),
}

/// Why something is not delivered, or will not come as far as was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedDelivery {
    /// The secrets are none that may be told, or no keys of one side follow from them.
    #[error(transparent)]
    Indivisible(#[from] Indivisible),
    /// There is no key to seal to: the service was not reached yet, or no epoch covers this time.
    #[error("no key to seal to")]
    NoKey,
    /// There is no room for it: the service is away or slow.
    #[error("no room for what is not delivered")]
    Full,
    /// There is no connection, so nothing is waited for. It is sent when there is one.
    #[error("not connected")]
    Disconnected,
    /// No monitor is subscribed. The archive gets it.
    #[error("no monitor is subscribed")]
    NoMonitor,
    /// A monitor that was subscribed did not take it. The archive gets it.
    #[error("a monitor did not take it")]
    Missed,
    /// The service ended the connection for this reason. It is sent again.
    #[error("refused by the service: {0}")]
    Service(Refusal),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotDeliver {
    /// The name of the service is none.
    #[error("`{0}` is no name of a service")]
    Name(String),
    /// The system has no thread, or no descriptor.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    /// An epoch that was given is not to be believed.
    #[error(transparent)]
    Epoch(#[from] NotTrusted),
    /// Beacons cannot be sent.
    #[error(transparent)]
    Beacon(#[from] CannotBeacon),
}

struct Shared {
    settings: ClientSettings,
    outbox: Outbox,
    recipients: RwLock<Arc<Recipients>>,
    withheld: Withheld,
    beacons: Beacons,
}

impl Client {
    /// Connects in the background, again and again, until it is dropped. `tell` is called with what an
    /// operator should know.
    ///
    /// # Errors
    /// See [`CannotDeliver`].
    pub fn start(
        settings: ClientSettings,
        tls: ClientConfig,
        tell: Box<dyn Fn(&str) + Send>,
    ) -> Result<Self, CannotDeliver> {
        let mut recipients = Recipients::new(settings.sealer);
        recipients.set_epochs(&settings.epochs, &settings.trust)?;
        let shared = Arc::new(Shared {
            outbox: Outbox::new(settings.queue_bytes)?,
            recipients: RwLock::new(Arc::new(recipients)),
            withheld: Withheld::default(),
            beacons: Beacons::new(&settings.beacons, &settings.trust, now_ms())?,
            settings,
        });
        let dialer = Dialer::new(&shared.settings, tls)?;
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("escrow-client".to_owned());
        let thread = thread.spawn(move || worker::run(&own, &dialer, &*tell))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Seals and delivers what an end of a session told, and waits for it to come as far as `wait`, at the
    /// longest until `deadline`.
    ///
    /// What is lost is counted, and told to the service as a gap.
    pub fn deliver(&self, told: SessionSecrets, wait: Wait, deadline: Instant) -> Outcome {
        let client_random = told.client_random;
        match self.push(told) {
            Ok(pushed) => self.wait(&pushed, wait, deadline),
            Err(refused) => {
                self.shared.outbox.count_lost();
                self.report(IncidentKind::Gap, 1, Some(&client_random), &refused.to_string());
                Outcome::Refused(refused)
            }
        }
    }

    /// Tells the service that sessions went on or were ended because their secrets had not arrived. The audit
    /// log has it then.
    pub fn report(
        &self,
        kind: IncidentKind,
        sessions: u32,
        client_random: Option<&[u8; 32]>,
        reason: &str,
    ) {
        self.shared.outbox.push_incident(kind, sessions, client_random, reason);
    }

    /// Whether the service is connected and there is a key to seal to.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.outbox.is_connected() && self.shared.recipients().has_epoch(now_ms())
    }

    /// How many monitors are subscribed.
    #[must_use]
    pub fn monitors(&self) -> usize {
        self.shared.recipients().monitors()
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> ClientCounters {
        self.shared.outbox.counters()
    }

    /// Beacons that were sent, and those that could not be.
    #[must_use]
    pub fn beacons(&self) -> (u64, u64) {
        self.shared.beacons.counts()
    }

    /// Waits until all that was delivered is on the disk of the service; false if it is not in time.
    #[must_use]
    pub fn drain(&self, deadline: Instant) -> bool {
        self.shared.outbox.drain(deadline)
    }

    fn push(&self, told: SessionSecrets) -> Result<Pushed, RefusedDelivery> {
        let divided = divide(told, self.shared.settings.with_master)?;
        let recipients = self.shared.recipients();
        let now = wall_clock();
        let mut sealed = Sealed::default();
        let archived = seal_archive(&recipients, &divided, now, &mut sealed);
        let beacons = &self.shared.beacons;
        let earlier =
            self.shared.withheld.exchange(&self.shared.settings, divided, now, |divided| {
                sealed.client_random = divided.facts.client_random;
                sealed.monitors = recipients.monitors();
                beacons.send(divided, &Part::ALL, now, now_ms());
                seal_live(&recipients, divided, &Part::ALL, now, &mut sealed);
            });
        if let Some(earlier) = earlier {
            // Whose it is was told before.
            beacons.send(&earlier, &[Part::Handshake], now, now_ms());
            seal_live(&recipients, &earlier, &[Part::Handshake], now, &mut sealed);
        }
        archived?;
        self.shared.outbox.push(sealed).ok_or(RefusedDelivery::Full)
    }

    fn wait(&self, pushed: &Pushed, wait: Wait, deadline: Instant) -> Outcome {
        if wait == Wait::Live && pushed.monitors == 0 {
            return Outcome::Refused(RefusedDelivery::NoMonitor);
        }
        self.shared.outbox.wait(pushed.sequence, wait, deadline)
    }
}

/// What is delivered at once.
#[derive(Default)]
struct Sealed {
    client_random: [u8; 32],
    archive: Vec<u8>,
    live: Vec<u8>,
    /// What has to be told before it.
    contexts: Vec<Arc<[u8]>>,
    monitors: usize,
}

/// The secrets of a part; none if there is no such part.
fn secrets_of(divided: &Divided, part: Part) -> Option<&[(secrets::Label, secrets::Secret)]> {
    if part == Part::Metadata {
        return Some(&[]);
    }
    divided.parts.iter().find(|(other, _)| *other == part).map(|(_, secrets)| secrets.as_slice())
}

/// Seals all of `divided` to the keys of the epoch.
fn seal_archive(
    recipients: &Recipients,
    divided: &Divided,
    now: Timestamp,
    sealed: &mut Sealed,
) -> Result<(), RefusedDelivery> {
    let epoch = recipients.epoch(now_ms()).ok_or(RefusedDelivery::NoKey)?;
    for part in Part::ALL {
        let Some(secrets) = secrets_of(divided, part) else { continue };
        let origin = (part == Part::Metadata).then_some(&divided.origin);
        let context = epoch.seal(part, now, &divided.facts, origin, secrets, &mut sealed.archive);
        sealed.contexts.push(context.map_err(|_error| RefusedDelivery::NoKey)?);
    }
    Ok(())
}

/// Seals some parts of `divided` to each monitor that may have them.
fn seal_live(
    recipients: &Recipients,
    divided: &Divided,
    parts: &[Part],
    now: Timestamp,
    sealed: &mut Sealed,
) {
    for monitor in recipients.each_monitor(now_ms()) {
        for part in parts.iter().copied() {
            let Some(secrets) = secrets_of(divided, part) else { continue };
            let origin = (part == Part::Metadata).then_some(&divided.origin);
            // A key that cannot be sealed to is the monitor's loss.
            if let Some(Ok(context)) =
                monitor.seal(part, now, &divided.facts, origin, secrets, &mut sealed.live)
            {
                sealed.contexts.push(context);
            }
        }
    }
}

impl Shared {
    fn recipients(&self) -> Arc<Recipients> {
        Arc::clone(&self.recipients.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_recipients(&self, recipients: Recipients) {
        *self.recipients.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(recipients);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.outbox.is_over.store(true, Ordering::SeqCst);
        self.shared.outbox.wake.set();
        if let Some(thread) = self.thread.take() {
            // A panic was printed.
            thread.join().ok();
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}
