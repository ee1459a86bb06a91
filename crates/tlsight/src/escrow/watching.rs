//! Secrets of an escrow for `watch`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use escrow::hpke::Kem;
use escrow::{Monitor, MonitorSettings};
use secrets::{KeyLogEntry, KeyStore};
use session::{Budget, Decryption, Extent, Patience, Waits};
use tunnel::Credentials;

use super::folder::identity;
use super::people::statement;
use crate::cli::MonitorArgs;
use crate::message;

/// A subscription, and how sessions are decrypted with what comes of it.
pub(crate) struct Watching {
    monitor: Monitor,
    /// Of records that wait for secrets.
    budget: Arc<Budget>,
    pub(crate) decryption: Decryption,
}

impl Watching {
    /// Subscribes, if the arguments say so. A service that is not there is tried again.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn start(args: &MonitorArgs) -> Result<Option<Self>> {
        let Some(service) = &args.escrow else { return Ok(None) };
        super::forbid_core_dumps();
        let given = "--tier, --escrow-name, --escrow-key, --escrow-grant, --cert, --key and --ca are needed";
        let identity = identity(args.escrow_key.as_ref().context(given)?)?;
        let grant = statement(args.escrow_grant.as_ref().context(given)?)?;
        let [cert, key, ca] =
            [&args.cert, &args.key, &args.ca].map(|it| it.as_ref().context(given));
        let credentials = Credentials::read(cert?, key?, ca?)?;
        let settings = MonitorSettings {
            host: service.host.clone(),
            port: service.port,
            service_name: None,
            name: args.escrow_name.clone().context(given)?,
            grant,
            signing: identity.signing,
            tier: args.tier.context(given)?,
            kem: Kem::XWing,
            key_lifetime: KEY_LIFETIME,
        };
        let keys = Arc::new(KeyStore::new(MAX_SESSIONS));
        let store = Arc::clone(&keys);
        let monitor = Monitor::start(
            settings,
            credentials.client(escrow::wire::ALPN)?,
            Box::new(move |_agent, content| {
                let random = content.facts.client_random;
                for (label, secret) in content.secrets {
                    store.add(KeyLogEntry::Random { label, random, secret });
                }
            }),
            Box::new(|text: &str| message::error(text)),
        )?;
        // Lines of sessions need no more than their handshakes.
        let patience = Patience::default();
        let budget = Arc::clone(&patience.budget);
        let decryption = Decryption { keys, extent: Extent::Handshake, patience: Some(patience) };
        Ok(Some(Self { monitor, budget, decryption }))
    }

    /// Says what came.
    pub(crate) fn finish(self) {
        let counters = self.monitor.counters();
        message::error(&format!(
            "escrow: {} records opened, {} not; disconnected {} times",
            counters.opened, counters.unopened, counters.disconnected
        ));
        let Waits { records, longest_ns, most_bytes, in_vain, no_room } = self.budget.waits();
        message::error(&format!(
            "escrow: {records} records of TLS waited for their secrets, {} ms at the longest, \
             {most_bytes} bytes at the most; {in_vain} in vain; {no_room} found no room",
            longest_ns.div_ceil(1_000_000)
        ));
    }
}

/// Sessions whose secrets are kept: those of ten seconds of a busy network, and a session is seen when its
/// secrets come.
const MAX_SESSIONS: usize = 1 << 16;

/// A monitor that is taken over gives away what was sealed to its last two keys.
const KEY_LIFETIME: Duration = Duration::from_secs(3600);
