//! How an agent sends.

use std::time::Duration;

use super::spool::SpoolSettings;
use crate::DEFAULT_PORT;

/// Settings of a [`Sender`](super::Sender).
#[derive(Clone, Debug)]
pub struct SenderSettings {
    /// Name or address of the sensor.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name that its certificate must have, if that is not `host`.
    pub server_name: Option<String>,
    /// Most bytes of records in memory; what comes beyond is dropped.
    pub queue_bytes: usize,
    /// Most connections at a time; of others nothing is told.
    pub max_connections: usize,
    /// Where batches go while the sensor is away. Without it, clear text never touches a disk.
    pub spool: Option<SpoolSettings>,
    /// How long records wait for others to be sent with.
    pub flush_after: Duration,
    /// After how much silence of its own the agent says that it is there.
    pub heartbeat: Duration,
    /// How long the sensor may leave something unanswered.
    pub patience: Duration,
    /// Shortest and longest wait between attempts to connect.
    pub retry: (Duration, Duration),
}

impl SenderSettings {
    /// The default settings for a sensor.
    #[must_use]
    pub fn new(host: impl Into<String>, port: Option<u16>) -> Self {
        Self {
            host: host.into(),
            port: port.unwrap_or(DEFAULT_PORT),
            server_name: None,
            queue_bytes: 64 << 20,
            max_connections: 65_536,
            spool: None,
            flush_after: Duration::from_millis(20),
            heartbeat: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            retry: (Duration::from_millis(200), Duration::from_secs(30)),
        }
    }
}
