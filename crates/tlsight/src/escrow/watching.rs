//! Secrets of an escrow for `watch`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use escrow::beacon::{Beacon, BeaconReceiver};
use escrow::hpke::Kem;
use escrow::keys::SigningKey;
use escrow::seal::Content;
use escrow::{Monitor, MonitorSettings};
use event::Timestamp;
use secrets::{KeyLogEntry, KeyStore};
use session::{Budget, DatagramSink, Decryption, Extent, Patience, Waits};
use tunnel::Credentials;

use super::folder::{beacon_key, identity};
use super::people::statement;
use crate::cli::{MonitorArgs, ServiceAddress};
use crate::message;

/// Where secrets come from, and how sessions are decrypted with what comes.
pub(crate) struct Watching {
    monitor: Option<Monitor>,
    beacons: Option<Arc<Mutex<BeaconReceiver>>>,
    /// Of records that wait for secrets.
    budget: Arc<Budget>,
    pub(crate) decryption: Decryption,
}

impl Watching {
    /// Begins, if the arguments say so, to take secrets of sessions that are followed as far as `extent`. A
    /// service that is not there is tried again.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn start(args: &MonitorArgs, extent: Extent) -> Result<Option<Self>> {
        if args.escrow.is_none() && args.beacon_key.is_none() {
            return Ok(None);
        }
        super::forbid_core_dumps();
        let identity = identity(args.escrow_key.as_ref().context(GIVEN)?)?;
        let keys = Arc::new(KeyStore::new(MAX_SESSIONS));
        let beacons = match &args.beacon_key {
            None => None,
            Some(path) => {
                let receiver = BeaconReceiver::new(identity.sealing, beacon_key(path)?);
                Some(Arc::new(Mutex::new(receiver)))
            }
        };
        let monitor = match &args.escrow {
            None => None,
            Some(service) => Some(subscribe(service, args, identity.signing, &keys)?),
        };
        let patience = Patience::default();
        let budget = Arc::clone(&patience.budget);
        let decryption = Decryption { keys, extent, patience: Some(patience) };
        Ok(Some(Self { monitor, beacons, budget, decryption }))
    }

    /// Takes secrets out of beacons among the datagrams that pass, if that was asked for.
    pub(crate) fn datagram_sink(&self) -> Option<DatagramSink> {
        let receiver = Arc::clone(self.beacons.as_ref()?);
        let keys = Arc::clone(&self.decryption.keys);
        Some(Box::new(move |now: Timestamp, datagram: &[u8]| {
            if !Beacon::is_claimed(datagram) {
                return false;
            }
            let now_ms = u64::try_from(now.as_nanos() / 1_000_000).unwrap_or_default();
            let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            let content = receiver.take(now_ms, datagram);
            drop(receiver);
            if let Some(content) = content {
                add(&keys, content);
            }
            true
        }))
    }

    /// Says what came.
    pub(crate) fn finish(self) {
        if let Some(monitor) = self.monitor {
            let counters = monitor.counters();
            message::error(&format!(
                "escrow: {} records opened, {} not; disconnected {} times",
                counters.opened, counters.unopened, counters.disconnected
            ));
        }
        if let Some(beacons) = self.beacons {
            let counters = beacons.lock().unwrap_or_else(PoisonError::into_inner).counters();
            message::error(&format!(
                "beacons: {} opened, {} not; {} for others, {} false, {} came again",
                counters.opened,
                counters.unopened,
                counters.for_others,
                counters.false_ones,
                counters.again
            ));
        }
        let Waits { records, longest_ns, most_bytes, in_vain, no_room } = self.budget.waits();
        message::error(&format!(
            "escrow: {records} records of TLS waited for their secrets, {} ms at the longest, \
             {most_bytes} bytes at the most; {in_vain} in vain; {no_room} found no room",
            longest_ns.div_ceil(1_000_000)
        ));
    }
}

fn subscribe(
    service: &ServiceAddress,
    args: &MonitorArgs,
    signing: SigningKey,
    keys: &Arc<KeyStore>,
) -> Result<Monitor> {
    let grant = statement(args.escrow_grant.as_ref().context(GIVEN)?)?;
    let [cert, key, ca] = [&args.cert, &args.key, &args.ca].map(|it| it.as_ref().context(GIVEN));
    let credentials = Credentials::read(cert?, key?, ca?)?;
    let settings = MonitorSettings {
        host: service.host.clone(),
        port: service.port,
        service_name: None,
        name: args.escrow_name.clone().context(GIVEN)?,
        grant,
        signing,
        tier: args.tier.context(GIVEN)?,
        kem: Kem::XWing,
        key_lifetime: KEY_LIFETIME,
    };
    let store = Arc::clone(keys);
    let monitor = Monitor::start(
        settings,
        credentials.client(escrow::wire::ALPN)?,
        Box::new(move |_agent, content| add(&store, content)),
        Box::new(|text: &str| message::error(text)),
    )?;
    Ok(monitor)
}

fn add(store: &KeyStore, content: Content) {
    let random = content.facts.client_random;
    for (label, secret) in content.secrets {
        store.add(KeyLogEntry::Random { label, random, secret });
    }
}

const GIVEN: &str =
    "--tier, --escrow-name, --escrow-key, --escrow-grant, --cert, --key and --ca are needed";

/// Sessions whose secrets are kept: those of ten seconds of a busy network, and a session is seen when its
/// secrets come.
const MAX_SESSIONS: usize = 1 << 16;

/// A monitor that is taken over gives away what was sealed to its last two keys.
const KEY_LIFETIME: Duration = Duration::from_secs(3600);
