//! `tlsight escrow serve`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use escrow::{Service, ServiceLimits, ServiceSettings};
use tunnel::{AgentName, Credentials};

use super::folder::{Folder, verifying_key};
use crate::cli::EscrowServeArgs;
use crate::{Outcome, message, signals};

/// Serves until it is told to end.
///
/// # Errors
/// Files that are missing or damaged, or an address that cannot be listened at.
pub(super) fn run(args: EscrowServeArgs) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let folder = Folder(&args.folder.dir);
    let tls = folder.tls();
    let [certificate, key, authority] =
        ["sensor.pem", "sensor.key", "ca.pem"].map(|name| tls.join(name));
    let credentials = Credentials::read(&certificate, &key, &authority)?;
    let settings = ServiceSettings {
        listen: args.listen,
        store: folder.store(),
        index_key: folder.index_key(),
        epochs: folder.epochs(),
        grants: folder.grants(),
        audit_log: folder.audit_log(),
        audit_key: verifying_key(&folder.audit_public())?,
        trust: folder.trust()?,
        name_of: |certificate| AgentName::of(certificate).map(|name| name.to_string()),
        limits: ServiceLimits {
            connections: args.max_connections.into(),
            ..ServiceLimits::default()
        },
    };
    let tell = Box::new(|text: &str| message::error(text));
    let service =
        Service::start(settings, credentials.server(escrow::wire::ALPN)?, folder.audit()?, tell)?;
    message::error(&format!("listening for agents and monitors at {}", service.address()));
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(LONGEST_WAIT);
    }
    let counters = service.stop();
    message::error(&format!(
        "{} deliveries with {} records for the archive and {} for monitors; {} missed by a monitor; \
         {} sessions told as gaps; {} failures of the disk; {} connections refused",
        counters.deliveries,
        counters.archive_records,
        counters.live_records,
        counters.live_missed,
        counters.incident_sessions,
        counters.disk_failures,
        counters.refused.values().sum::<u64>(),
    ));
    Ok(if counters.disk_failures > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// How long a request to end may be unheard.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
