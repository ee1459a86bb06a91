//! The totals of a sensor as metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tunnel::AgentStatus;

use super::meters;
use super::sensor::SensorReport;
use crate::agent::settings::Listen;

/// What is served, as it was last set.
#[derive(Clone, Debug)]
pub(super) struct SensorMeters(Arc<Mutex<Option<Set>>>);

type Set = (SensorReport, Vec<AgentStatus>);

impl SensorMeters {
    /// Serves `/metrics` at an address, if there is one.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub(super) fn serve(listen: Option<Listen>) -> Result<Self> {
        let meters = Self(Arc::new(Mutex::new(None)));
        meters::serve(listen, "tlsight_sensor", meters.clone())?;
        Ok(meters)
    }

    pub(super) fn set(&self, report: SensorReport, agents: Vec<AgentStatus>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((report, agents));
    }
}

impl Collector for SensorMeters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let set = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((report, agents)) = set else { return Ok(()) };
        let received = &report.received;
        for (name, help, value) in [
            ("received_bytes", "Clear text that agents sent", received.received_bytes),
            ("missing_bytes", "Clear text that agents said is missing", received.missing_bytes),
            ("unexplained_bytes", "Clear text that is missing", received.unexplained_bytes),
            ("connections", "Connections told", received.connections),
            ("both_ends", "Connections that two agents told", received.duplicate_connections),
            ("takeovers", "Connections that the other end went on with", received.takeovers),
            ("connections_refused", "Connections beyond a bound", received.refused_connections),
            ("sessions", "Sessions of agents", received.sessions),
            ("sessions_resumed", "Times that a session went on", received.resumed_sessions),
            ("batches", "Batches taken", received.batches),
            ("frames", "Frames sent", report.sent.frames),
            ("frames_dropped", "Frames that an output did not take", report.sent.dropped_frames),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let parts = report.parts().into_iter().collect();
        counters(&mut encoder, "bytes", "Clear text, by what became of it", ("fate", &parts))?;
        let refused = ("reason", &received.refused);
        counters(&mut encoder, "refused", "Connections refused, by reason", refused)?;
        let connected = agents.iter().filter(|agent| agent.is_connected).count();
        let help = "Agents that are connected";
        let gauge = encoder.encode_descriptor("agents", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(connected).unwrap_or(i64::MAX)).encode(gauge)
    }
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    (label, values): (&str, &BTreeMap<&'static str, u64>),
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in values {
        let labels = [(label, *value)];
        let metric = family.encode_family(&labels)?;
        ConstCounter::new(*count).encode(metric)?;
    }
    Ok(())
}
