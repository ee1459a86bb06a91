//! What is copied, to a sensor.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tunnel::{Credentials, Link, Sender, SenderCounters, SenderSettings, SpoolSettings};

use crate::cli::TunnelArgs;
use crate::message;

/// Starts to send to the sensor that the arguments name, if they name one.
///
/// # Errors
/// Credentials or a spool that cannot be used. A sensor that is not there is none.
pub(crate) fn open(args: &TunnelArgs) -> Result<Option<Sender>> {
    let Some(sensor) = &args.to else { return Ok(None) };
    let credentials = credentials(args)?;
    let spool = args
        .spool
        .clone()
        .map(|folder| SpoolSettings { folder, limit_bytes: u64::from(args.spool_mib) << 20 });
    let settings = SenderSettings {
        server_name: args.sensor_name.clone(),
        queue_bytes: usize::from(args.queue_mib) << 20,
        spool,
        ..SenderSettings::new(sensor.host.clone(), sensor.port)
    };
    let name = sensor.host.clone();
    let tell = move |link: &Link| match link {
        Link::Up => message::error(&format!("sensor {name}: connected")),
        Link::Down(Some(why)) => message::error(&format!("sensor {name}: {why}; trying again")),
        Link::Down(None) => {}
    };
    let sender = Sender::start(settings, &credentials, Box::new(tell))?;
    let left = sender.counters().leftover_batches;
    if left > 0 {
        message::error(&format!(
            "{left} batches that an earlier run left in the spool are removed"
        ));
    }
    Ok(Some(sender))
}

/// Sends what is left, and says what became of all bytes.
pub(crate) fn finish(sender: Sender) -> SenderCounters {
    let counters = sender.finish(LAST_PATIENCE);
    message::error(&format!(
        "tunnel: {} bytes seen = {} acknowledged + {} dropped; {} connections untold",
        counters.seen_bytes,
        counters.acknowledged_bytes,
        counters.dropped_bytes,
        counters.untold_connections,
    ));
    counters
}

/// Reads the certificate, key and authority of the arguments.
///
/// # Errors
/// One is not given or cannot be used.
pub(super) fn credentials(args: &TunnelArgs) -> Result<Credentials> {
    let given = "--cert, --key and --ca are needed";
    let (certificate, key) =
        (args.cert.as_ref().context(given)?, args.key.as_ref().context(given)?);
    Ok(Credentials::read(certificate, key, args.ca.as_ref().context(given)?)?)
}

/// For what waits when the program is told to end.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
