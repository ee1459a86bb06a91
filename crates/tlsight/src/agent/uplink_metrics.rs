//! The metrics of the connection to a server, and of what waits for it.

use std::fmt;

use event::Timestamp;
use fleet::agent::Link;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::monitor::{Monitor, seconds};
use super::singles::Reason;
use crate::watch::wall_clock;

/// Writes them, if there is a server.
pub(super) fn encode(monitor: &Monitor, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (Some(uplink), Some(singles)) = (monitor.uplink(), monitor.singles()) else {
        return Ok(());
    };
    let counters = uplink.counters();
    for (name, help, count) in [
        ("uplink_sessions_sent", "Sessions sent, each time", counters.sent_sessions),
        ("uplink_batches_sent", "Batches sent, each time", counters.sent_batches),
        ("uplink_bytes_sent", "Their bytes, compressed", counters.sent_bytes),
        ("uplink_sessions_kept", "Sessions that the server keeps", counters.kept_sessions),
        ("uplink_batches_kept", "Batches that the server keeps", counters.kept_batches),
        ("uplink_batches_refused", "Batches that the server refused", counters.refused_batches),
        ("uplink_batches_evicted", "Batches that left the full spool", counters.evicted_batches),
        ("uplink_batches_damaged", "Batches damaged on the disk", counters.damaged_batches),
        ("uplink_lines_rejected", "Lines that the server rejected", counters.rejected_lines),
        ("uplink_postponed", "Times that the server asked for a pause", counters.postponed),
        ("uplink_connections", "Connections to a server", counters.connections),
        ("uplink_failures", "Attempts and connections that failed", counters.failed_attempts),
        ("uplink_improper", "Connections on which the server erred", counters.improper),
        ("uplink_certificates", "Certificates that were issued", counters.certificates),
        ("singles_over_limit", "Sessions in edges as too many were single", singles.over_limit()),
    ] {
        let counter = ConstCounter::new(count);
        counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    let (name, help) = ("singles", "Sessions with a line of their own, by reason");
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for reason in Reason::ALL {
        let counter = ConstCounter::new(singles.chosen(reason));
        counter.encode(family.encode_family(&[("reason", reason.name())])?)?;
    }
    let backlog = uplink.backlog();
    let waits = |since: Timestamp| seconds(wall_clock().nanos_since(since));
    let (up, ahead) = match uplink.link() {
        Link::Up { clock_ahead, .. } => (1.0, clock_ahead),
        Link::Down(_) | Link::Refused(_) => (0.0, 0),
    };
    let size = |count: u64| count as f64;
    for (name, help, value) in [
        ("uplink_up", "Whether there is a connection to a server", up),
        ("uplink_clock_ahead_seconds", "How far the server's clock is ahead", ahead as f64 / 1e9),
        ("spool_batches", "Batches that wait for the server", size(backlog.batches)),
        ("spool_bytes", "Bytes of the spool on the disk", size(backlog.bytes)),
        ("spool_age_seconds", "Age of the oldest of them", backlog.since.map_or(0.0, waits)),
    ] {
        let gauge = ConstGauge::new(value);
        gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    Ok(())
}
