//! `tlsight mirror -C`: packets of what agents send.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use capture::SinkCounters;
use event::Timestamp;
use forge::Record;
use tunnel::{AgentName, Consumer, Receiver, ReceiverCounters, ReceiverLimits, ReceiverSettings};

use super::packets::Packets;
use super::sensor_meters::SensorMeters;
use super::{outputs, tunnel as sending};
use crate::Outcome;
use crate::cli::MirrorArgs;
use crate::watch::wall_clock;
use crate::{message, signals};

/// Takes what agents send until it is told to end.
///
/// # Errors
/// Settings that make no sense, credentials that cannot be used, an output that cannot be opened, or an
/// address that cannot be listened at.
pub(crate) fn run(args: &MirrorArgs) -> Result<Outcome> {
    if args.output.is_none() && args.write.is_none() {
        bail!("there is no output: give an interface with -o or a file with -w");
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    let credentials = sending::credentials(&args.tunnel)?;
    let packets = Packets::new(&args.packets, outputs(args)?);
    let forging = Forging(Arc::new(Mutex::new(packets)));
    let limits = ReceiverLimits {
        agents: args.tunnel.max_agents.into(),
        bytes_per_second: args.tunnel.max_rate_mib.map(|mib| u64::from(mib) << 20),
        ..ReceiverLimits::default()
    };
    let settings = ReceiverSettings { listen: args.tunnel.listen, limits };
    let audit = |incident: &tunnel::Incident| message::error(&format!("audit: {incident}"));
    let consumer = Box::new(forging.clone());
    let receiver = Receiver::start(settings, &credentials, consumer, Box::new(audit))?;
    let meters = SensorMeters::serve(args.metrics)?;
    message::error(&format!("listening for agents at {}", receiver.address()));
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(LONGEST_WAIT);
        let report = SensorReport::new(receiver.counters(), &forging.packets());
        meters.set(report, receiver.agents());
    }
    let received = receiver.stop();
    let mut packets = forging.packets();
    packets.finish(wall_clock());
    message::error(&SensorReport::new(received, &packets).to_string());
    Ok(if packets.has_failed() { Outcome::Incomplete } else { Outcome::Done })
}

/// Makes packets of records. Agents' threads and the end share it.
#[derive(Clone)]
struct Forging(Arc<Mutex<Packets>>);

/// What became of what agents sent.
#[derive(Clone, Debug)]
pub(super) struct SensorReport {
    pub(super) received: ReceiverCounters,
    pub(super) forged: forge::Counters,
    pub(super) sent: SinkCounters,
}

impl Consumer for Forging {
    fn take(&mut self, _: &AgentName, record: &Record<'_>) {
        self.packets().take(record);
    }

    fn flush(&mut self, now: Timestamp) {
        self.packets().pass_time(now);
    }
}

impl Forging {
    fn packets(&self) -> MutexGuard<'_, Packets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SensorReport {
    fn new(received: ReceiverCounters, packets: &Packets) -> Self {
        Self { received, forged: *packets.forged(), sent: packets.sent() }
    }

    /// What became of the bytes received, by name; their sum is that of those received.
    pub(super) const fn parts(&self) -> [(&'static str, u64); 4] {
        let forge_dropped = self.forged.dropped_bytes();
        [
            ("delivered", self.received.delivered_bytes.saturating_sub(forge_dropped)),
            ("duplicate", self.received.duplicate_bytes),
            ("stray", self.received.stray_bytes),
            ("forge_dropped", forge_dropped),
        ]
    }
}

impl std::fmt::Display for SensorReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum: Vec<_> =
            self.parts().iter().map(|(name, bytes)| format!("{bytes} {name}")).collect();
        write!(f, "bytes: {} received = {}", self.received.received_bytes, sum.join(" + "))?;
        write!(
            f,
            "; {} missing, {} of them unexplained; {} connections, {} of them from both ends; {} \
             frames sent, {} dropped; {} connections of agents refused",
            self.received.missing_bytes.saturating_add(self.received.unexplained_bytes),
            self.received.unexplained_bytes,
            self.received.connections,
            self.received.duplicate_connections,
            self.sent.frames,
            self.sent.dropped_frames,
            self.received.refused.values().sum::<u64>(),
        )
    }
}

/// How long a request to end may be unheard, and how old metrics are.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
