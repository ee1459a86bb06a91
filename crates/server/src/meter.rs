//! The server's metrics.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::StoreError;

use crate::app::{App, Outlet};
use crate::fleet::verdict::{AgentState, troubles};
use crate::ingest::Taken;
use crate::notify::notifier::Kind;

/// Counts where something happens.
#[derive(Debug)]
pub(crate) struct Meter {
    records: Family<Labels, Counter>,
    notifications: Family<[(&'static str, &'static str); 2], Counter>,
    logins_failed: Counter,
    batches: Family<Labels, Counter>,
    enrolments: Family<Labels, Counter>,
    violations_left_out: Counter,
}

type Labels = [(&'static str, &'static str); 1];

impl Default for Meter {
    /// All counts are there from the start: an increase from nothing to one is an increase.
    fn default() -> Self {
        let meter = Self {
            records: Family::default(),
            notifications: Family::default(),
            logins_failed: Counter::default(),
            batches: Family::default(),
            enrolments: Family::default(),
            violations_left_out: Counter::default(),
        };
        meter.took(&Taken::default());
        for kind in Kind::ALL.map(name) {
            for result in ["sent", "failed"] {
                drop(meter.notifications.get_or_create(&[("kind", kind), ("result", result)]));
            }
        }
        meter
    }
}

impl Meter {
    /// Counts what became of lines.
    pub(crate) fn took(&self, taken: &Taken) {
        for (result, count) in [
            ("accepted", taken.accepted),
            ("duplicate", taken.duplicates),
            ("rejected", taken.rejected),
        ] {
            self.records.get_or_create(&[("result", result)]).inc_by(count);
        }
    }

    /// Counts what a notifier took.
    pub(crate) fn sent(&self, kind: Kind) {
        self.notifications.get_or_create(&[("kind", name(kind)), ("result", "sent")]).inc();
    }

    /// Counts a try that failed.
    pub(crate) fn not_sent(&self, kind: Kind) {
        self.notifications.get_or_create(&[("kind", name(kind)), ("result", "failed")]).inc();
    }

    /// Counts what became of an agent's batch.
    pub(crate) fn batch(&self, result: &'static str) {
        self.batches.get_or_create(&[("result", result)]).inc();
    }

    /// Counts what became of an agent's request for a certificate.
    pub(crate) fn enrolment(&self, result: &'static str) {
        self.enrolments.get_or_create(&[("result", result)]).inc();
    }

    /// Counts findings that there was no room for; says whether they are the first.
    pub(crate) fn violations_left_out(&self, count: u64) -> bool {
        self.violations_left_out.inc_by(count) == 0
    }

    /// Counts a log-in with a wrong password or of nobody.
    pub(crate) fn login_failed(&self) {
        self.logins_failed.inc();
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// The store does not say how it does.
    pub(crate) fn text(&self, app: &App) -> Result<String, StoreError> {
        let status = app.parts.sessions.status()?;
        let mut registry = Registry::with_prefix("tlsight_server");
        registry.register("records", "Records that came in", self.records.clone());
        registry.register("notifications", "Notices sent", self.notifications.clone());
        registry.register("logins_failed", "Log-ins that failed", self.logins_failed.clone());
        registry.register("batches", "Batches of agents", self.batches.clone());
        registry.register("enrolments", "Certificates for agents", self.enrolments.clone());
        let (name, help) = ("violations_left_out", "Findings that there was no room for");
        registry.register(name, help, self.violations_left_out.clone());
        let agents = Family::<Labels, Gauge>::default();
        let now = app.parts.clock.now();
        for agent in app.fleet.register.all() {
            let troubles = troubles(&agent, now);
            let state = troubles.first().map_or(AgentState::Ok, |trouble| trouble.state);
            agents.get_or_create(&[("state", state.name())]).inc();
        }
        registry.register("agents", "Agents with a certificate", agents);
        let violations = Family::<Labels, Gauge>::default();
        let by_severity = app.parts.control.violation_counts()?;
        for (severity, count) in policy::Severity::ALL.into_iter().zip(by_severity) {
            violations.get_or_create(&[("severity", severity.name())]).set(gauge(count));
        }
        registry.register("violations_active", "Active violations", violations);
        for (name, help, value) in [
            ("store_bytes", "Size of the store", status.bytes),
            ("store_sessions", "Sessions in the store", status.sessions),
            ("live_clients", "Clients that look on", app.live.clients() as u64),
        ] {
            let one = Gauge::<i64>::default();
            one.set(gauge(value));
            registry.register(name, help, one);
        }
        for (name, help, value) in [
            ("store_sessions_evicted", "Sessions forgotten", status.evicted_sessions),
            ("live_dropped", "Events that slow clients missed", app.live.dropped()),
        ] {
            let one = Counter::<u64>::default();
            one.inc_by(value);
            registry.register(name, help, one);
        }
        if let Some(outlet) = &app.parts.outlet {
            registry.register_collector(Box::new(OutletMetrics(Arc::clone(outlet))));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        encode(&mut text, &registry).ok();
        Ok(text)
    }
}

/// The metrics of the outlet, beside those of the server.
struct OutletMetrics(Arc<dyn Outlet>);

impl fmt::Debug for OutletMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutletMetrics")
    }
}

impl Collector for OutletMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.encode(&mut encoder)
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Webhook => "webhook",
        Kind::Alertmanager => "alertmanager",
        Kind::Syslog => "syslog",
        Kind::Slack => "slack",
        Kind::Email => "email",
    }
}
