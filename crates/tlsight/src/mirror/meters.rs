//! The totals of a run as metrics.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

use super::report::Report;
use crate::agent::http::{self, Answer};
use crate::agent::settings::Listen;

/// What is served, as it was last set.
#[derive(Clone, Debug)]
pub(crate) struct Meters(Arc<Mutex<Option<Report>>>);

impl Meters {
    /// Serves `/metrics` at an address, if there is one.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub(crate) fn serve(listen: Option<Listen>) -> Result<Self> {
        let meters = Self(Arc::new(Mutex::new(None)));
        serve(listen, "tlsight_mirror", meters.clone())?;
        Ok(meters)
    }

    pub(crate) fn set(&self, report: Report) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

/// Serves what `collector` knows as `/metrics` at an address, if there is one.
///
/// # Errors
/// If it cannot listen there.
pub(super) fn serve(
    listen: Option<Listen>,
    prefix: &str,
    collector: impl Collector + 'static,
) -> Result<()> {
    let Some(listen) = listen else { return Ok(()) };
    let listener =
        TcpListener::bind(listen.0).with_context(|| format!("cannot listen at {listen}"))?;
    let mut registry = Registry::with_prefix(prefix);
    registry.register_collector(Box::new(collector));
    let pages = move |path: &str| {
        let mut body = String::new();
        let is_there = path == "/metrics" && text::encode(&mut body, &registry).is_ok();
        is_there.then_some(Answer { status: "200 OK", kind: KIND, body })
    };
    http::serve(listener, Arc::new(pages));
    Ok(())
}

impl Collector for Meters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let report = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(report) = report else { return Ok(()) };
        for (name, help, value) in [
            (
                "seen_bytes",
                "Clear text that went through functions with a probe",
                report.account.seen,
            ),
            ("connections", "Connections told", report.counts.streams.connections),
            (
                "both_ends",
                "Connections with both ends on this host",
                report.counts.streams.both_ends,
            ),
            (
                "roles_guessed",
                "Connections whose client was told by its port",
                report.counts.streams.roles_guessed,
            ),
            ("notices_lost", "Notices that a ring had no room for", report.counts.notices_lost),
            ("pauses", "Times that a process had exceeded its budget", report.counts.pauses),
            (
                "libraries_detached",
                "Libraries let go because nobody had them mapped",
                report.counts.libraries_detached,
            ),
            (
                "files_refused",
                "Files with code that there was no room for",
                report.counts.files_refused,
            ),
            (
                "mappings_lost",
                "Mapped files that only a sweep could find",
                report.counts.mappings_lost,
            ),
            ("frames", "Frames sent", report.sent.frames),
            ("frames_dropped", "Frames that an output did not take", report.sent.dropped_frames),
            ("overwritten_bytes", "Secrets overwritten", report.overwritten),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let help = "Clear text, by what became of it";
        let mut parts = encoder.encode_descriptor("bytes", help, None, MetricType::Counter)?;
        for (fate, bytes) in report.parts() {
            let labels = [("fate", fate)];
            let metric = parts.encode_family(&labels)?;
            ConstCounter::new(bytes).encode(metric)?;
        }
        Ok(())
    }
}

const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
