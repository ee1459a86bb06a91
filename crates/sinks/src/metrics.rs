//! The metrics of all sinks, for whoever serves them.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::meter::SinkState;

/// Writes the metrics of these sinks.
pub(crate) fn encode(states: &[SinkState], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if states.is_empty() {
        return Ok(());
    }
    type Read = fn(&SinkState) -> u64;
    let counters: [(&str, &str, Read); 4] = [
        ("sink_queued_lines", "Lines put into the queue of a sink", |it| it.queued),
        ("sink_delivered_lines", "Lines that the receiver has taken", |it| it.delivered),
        ("sink_damaged_entries", "Entries of the queue damaged on the disk", |it| {
            it.damaged_entries
        }),
        ("sink_failures", "Requests that failed and were tried again", |it| it.failures),
    ];
    for (name, help, read) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for state in states {
            ConstCounter::new(read(state)).encode(family.encode_family(&labels(state))?)?;
        }
    }
    let help = "Lines that a sink has lost, by reason";
    let mut family =
        encoder.encode_descriptor("sink_lost_lines", help, None, MetricType::Counter)?;
    for state in states {
        for (reason, count) in state.lost {
            let [name, kind] = labels(state);
            let labels = [name, kind, ("reason", reason)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    type Gauge = fn(&SinkState) -> f64;
    let gauges: [(&str, &str, Gauge); 3] = [
        ("sink_up", "Whether the receiver took what it was handed last", |it| {
            if it.is_up { 1.0 } else { 0.0 }
        }),
        ("sink_queue_bytes", "Bytes of the queue on the disk", |it| it.queue_bytes as f64),
        ("sink_lag_seconds", "For how long the oldest line waits", |it| it.lag_seconds),
    ];
    for (name, help, read) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for state in states {
            ConstGauge::new(read(state)).encode(family.encode_family(&labels(state))?)?;
        }
    }
    Ok(())
}

fn labels(state: &SinkState) -> [(&'static str, &str); 2] {
    [("sink", &state.name), ("kind", state.kind)]
}
