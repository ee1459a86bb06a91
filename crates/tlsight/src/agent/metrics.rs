//! The metrics, in the text form of OpenMetrics.

use std::fmt;
use std::fs;
use std::sync::Arc;

use event::TlsEvent;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::monitor::{Dropped, Monitor, QUEUE_BYTES, Stage};
use super::{uplink_metrics, watch_metrics};
use crate::output::class_key;

/// Counts that are kept where something happens.
#[derive(Clone, Debug)]
pub(super) struct Meters {
    sessions: Family<Labels<3>, Counter>,
    lag: Family<Labels<1>, Histogram, fn() -> Histogram>,
    /// Lines written.
    pub(super) lines_written: Counter,
    reloads: Family<Labels<1>, Counter>,
}

type Labels<const N: usize> = [(&'static str, &'static str); N];

impl Default for Meters {
    fn default() -> Self {
        Self {
            sessions: Family::default(),
            lag: Family::new_with_constructor(histogram),
            lines_written: Counter::default(),
            reloads: Family::default(),
        }
    }
}

impl Meters {
    /// Counts a session.
    pub(super) fn session(&self, event: &TlsEvent) {
        let class = class_key(event.tlsight.key_exchange.class);
        let protocol = event.tls.version_protocol.unwrap_or("unknown");
        let version = event.tls.version.unwrap_or("unknown");
        let labels = [("protocol", protocol), ("version", version), ("key_exchange", class)];
        self.sessions.get_or_create(&labels).inc();
    }

    /// Takes note of a delay.
    pub(super) fn lag(&self, stage: Stage, seconds: f64) {
        let stage = match stage {
            Stage::Capture => "capture",
            Stage::Analysis => "analysis",
            Stage::Output => "output",
        };
        self.lag.get_or_create(&[("stage", stage)]).observe(seconds);
    }

    /// Counts settings that were read anew.
    pub(super) fn reload(&self, succeeded: bool) {
        let result = if succeeded { "ok" } else { "refused" };
        self.reloads.get_or_create(&[("result", result)]).inc();
    }
}

/// Writes the metrics.
pub(super) struct Metrics(Registry);

impl Metrics {
    /// The metrics of an agent.
    pub(super) fn new(monitor: &Arc<Monitor>) -> Self {
        let mut registry = Registry::with_prefix("tlsight");
        let Meters { sessions, lag, lines_written, reloads } = monitor.meters.clone();
        registry.register("sessions", "TLS sessions reported", sessions);
        registry.register("lag_seconds", "Delay by the stage it came up in", lag);
        registry.register("output_lines", "Lines written", lines_written);
        registry.register("reloads", "Settings read anew, by result", reloads);
        registry.register_collector(Box::new(Counted(Arc::clone(monitor))));
        Self(registry)
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // A string takes whatever is written to it.
        text::encode(&mut text, &self.0).ok();
        text
    }
}

/// Counts that are fetched when somebody asks.
struct Counted(Arc<Monitor>);

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let monitor = &self.0;
        let sum = monitor.sum();
        let (counters, left) = (&sum.counters, sum.left_in_kernel);
        for (name, help, count) in [
            ("packets", "Packets analysed", counters.packets),
            ("packet_bytes", "Their bytes on the wire", counters.bytes),
            ("flows", "Flows seen", counters.flows_opened),
            ("packets_left_in_kernel", "Packets of sessions that are over", left.packets),
            ("packet_bytes_left_in_kernel", "Their bytes on the wire", left.bytes),
        ] {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let help = "What could not be seen or told, by cause";
        let mut losses = encoder.encode_descriptor("losses", help, None, MetricType::Counter)?;
        for (cause, count) in &sum.losses {
            ConstCounter::new(*count).encode(losses.encode_family(&[("cause", *cause)])?)?;
        }
        let help = "Lines that were dropped, by reason";
        let mut lines =
            encoder.encode_descriptor("output_lines_dropped", help, None, MetricType::Counter)?;
        for (reason, name) in
            [(Dropped::QueueFull, "queue_full"), (Dropped::OutputFailed, "output_failed")]
        {
            let counter = ConstCounter::new(monitor.lines_dropped(reason));
            counter.encode(lines.encode_family(&[("reason", name)])?)?;
        }
        for (name, help, value) in [
            ("ring_used_bytes", "Bytes of the kernel's ring that wait to be read", sum.ring_used),
            ("ring_peak_bytes", "The most of them since the start", sum.ring_peak),
            ("ring_size_bytes", "Bytes of the kernel's ring", sum.ring_len),
            ("output_queue_bytes", "Bytes of lines that wait to be written", queued(monitor)),
            ("output_up", "Whether the output takes lines", u64::from(monitor.output_works())),
            ("edges", "Edges of the current interval", monitor.edges().len() as u64),
            ("resident_memory_bytes", "Memory of the agent", resident_bytes()),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        if let Some(feed) = monitor.feed() {
            feed.encode(&mut encoder)?;
        }
        uplink_metrics::encode(monitor, &mut encoder)?;
        monitor.meter().map_or(Ok(()), |meter| watch_metrics::encode(meter, &mut encoder))
    }
}

fn queued(monitor: &Monitor) -> u64 {
    QUEUE_BYTES.saturating_sub(monitor.queue.room()) as u64
}

/// Memory of this process that is in RAM, in bytes: 0 where that is not told.
pub(super) fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}

/// From what no human notices to a minute.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 11))
}
