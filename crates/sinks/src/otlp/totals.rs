//! Sums over all lines since the start, which are told now and then.
//!
//! They are cumulative: a request that is lost costs nothing, because the next one says it again, and one that
//! comes twice counts nothing twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use event::Timestamp;
use serde::Deserialize;

use crate::dataset::Dataset;
use crate::otlp::wire::{
    CUMULATIVE, KeyValue, Metric, MetricsRequest, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum,
};

/// What was counted.
#[derive(Debug)]
pub(crate) struct Totals {
    start: Timestamp,
    sums: Mutex<Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    sessions: BTreeMap<[String; 4], u64>,
    losses: BTreeMap<String, u64>,
}

impl Totals {
    /// Nothing is counted yet.
    pub(crate) const fn new(start: Timestamp) -> Self {
        let sums = Sums { sessions: BTreeMap::new(), losses: BTreeMap::new() };
        Self { start, sums: Mutex::new(sums) }
    }

    /// Counts what a line says.
    pub(crate) fn add(&self, dataset: Dataset, line: &[u8]) {
        if dataset == Dataset::Violation {
            return;
        }
        let Ok(line) = serde_json::from_slice::<CountedLine>(line) else { return };
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if dataset == Dataset::Loss {
            for (cause, count) in line.tlsight.loss {
                let is_full = sums.losses.len() >= MAX_SETS && !sums.losses.contains_key(&cause);
                let sum = sums.losses.entry(if is_full { other() } else { cause }).or_default();
                *sum = sum.saturating_add(count);
            }
            return;
        }
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let sessions = line.tlsight.edge.map_or(1, |edge| edge.sessions);
        let key = [
            or_unknown(line.tls.version_protocol),
            or_unknown(line.tls.version),
            or_unknown(line.tlsight.key_exchange.class),
            or_unknown(line.event.outcome),
        ];
        let is_full = sums.sessions.len() >= MAX_SETS && !sums.sessions.contains_key(&key);
        let key = if is_full { [other(), other(), other(), other()] } else { key };
        let sum = sums.sessions.entry(key).or_default();
        *sum = sum.saturating_add(sessions);
    }

    /// What to tell; none if there is nothing yet.
    pub(super) fn request(&self, now: Timestamp) -> Option<MetricsRequest> {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let point = |attributes, count: u64| NumberDataPoint {
            start_time_unix_nano: nanos(self.start),
            time_unix_nano: nanos(now),
            as_int: Some(i64::try_from(count).unwrap_or(i64::MAX)),
            attributes,
        };
        let sessions = sums.sessions.iter().map(|(key, count)| {
            let names = SESSION_ATTRIBUTES.into_iter().zip(key);
            point(names.map(|(name, text)| KeyValue::text(name, text)).collect(), *count)
        });
        let losses = sums
            .losses
            .iter()
            .map(|(cause, count)| point(vec![KeyValue::text("tlsight.loss.cause", cause)], *count));
        let metrics: Vec<_> = [
            (
                "tlsight.sessions",
                "TLS sessions reported",
                "{session}",
                sessions.collect::<Vec<_>>(),
            ),
            ("tlsight.losses", "What could not be seen or told", "{loss}", losses.collect()),
        ]
        .into_iter()
        .filter(|(_, _, _, points)| !points.is_empty())
        .map(|(name, description, unit, data_points)| Metric {
            name: name.to_owned(),
            description: description.to_owned(),
            unit: unit.to_owned(),
            sum: Some(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true }),
        })
        .collect();
        let scope_metrics = vec![ScopeMetrics { scope: Some(super::scope()), metrics }];
        let is_empty = scope_metrics.iter().all(|scope| scope.metrics.is_empty());
        let resource = Some(super::resource(None));
        (!is_empty).then(|| MetricsRequest {
            resource_metrics: vec![ResourceMetrics { resource, scope_metrics }],
        })
    }
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(0)
}

fn other() -> String {
    "other".to_owned()
}

const SESSION_ATTRIBUTES: [&str; 4] =
    ["tls.protocol.name", "tls.protocol.version", "tlsight.key_exchange.class", "tlsight.outcome"];

/// Values come from closed sets of some dozens each, unless somebody else wrote the line.
const MAX_SETS: usize = 500;

#[derive(Deserialize)]
struct CountedLine {
    #[serde(default)]
    event: CountedEvent,
    #[serde(default)]
    tls: CountedTls,
    #[serde(default)]
    tlsight: CountedBody,
}

#[derive(Default, Deserialize)]
struct CountedEvent {
    outcome: Option<String>,
}

#[derive(Default, Deserialize)]
struct CountedTls {
    version: Option<String>,
    version_protocol: Option<String>,
}

#[derive(Default, Deserialize)]
struct CountedBody {
    #[serde(default)]
    key_exchange: CountedExchange,
    edge: Option<CountedEdge>,
    #[serde(default)]
    loss: BTreeMap<String, u64>,
}

#[derive(Default, Deserialize)]
struct CountedExchange {
    class: Option<String>,
}

#[derive(Deserialize)]
struct CountedEdge {
    sessions: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(totals: &Totals, metric: &str) -> Vec<i64> {
        let request = totals.request(Timestamp::from_nanos(9)).unwrap();
        let scopes = request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
        let found = scopes.flat_map(|it| it.metrics).find(|it| it.name == metric).unwrap();
        let sum = found.sum.unwrap();
        assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (CUMULATIVE, true));
        let points = sum.data_points.into_iter();
        points
            .map(|point| {
                assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (7, 9));
                point.as_int.unwrap()
            })
            .collect()
    }

    #[test]
    fn sessions_and_edges_and_losses_add_up() {
        let totals = Totals::new(Timestamp::from_nanos(7));
        assert!(totals.request(Timestamp::from_nanos(8)).is_none());
        let session =
            br#"{"event":{"outcome":"success"},"tls":{"version":"1.3","version_protocol":"tls"},
            "tlsight":{"key_exchange":{"class":"hybrid_pq"}}}"#;
        let edge =
            br#"{"event":{"outcome":"success"},"tls":{"version":"1.3","version_protocol":"tls"},
            "tlsight":{"key_exchange":{"class":"hybrid_pq"},"edge":{"sessions":40}}}"#;
        totals.add(Dataset::Session, session);
        totals.add(Dataset::Edge, edge);
        totals.add(Dataset::Session, b"{}");
        totals.add(Dataset::Session, b"nonsense");
        assert_eq!(points(&totals, "tlsight.sessions"), [41, 1]);
        for _ in 0..2 {
            totals.add(Dataset::Loss, br#"{"tlsight":{"loss":{"gaps":3,"evicted_flows":1}}}"#);
        }
        assert_eq!(points(&totals, "tlsight.losses"), [2, 6]);
    }

    #[test]
    fn the_number_of_series_has_a_bound() {
        let totals = Totals::new(Timestamp::from_nanos(7));
        for cause in 0..MAX_SETS + 10 {
            let line = format!(r#"{{"tlsight":{{"loss":{{"c{cause}":1}}}}}}"#);
            totals.add(Dataset::Loss, line.as_bytes());
        }
        let points = points(&totals, "tlsight.losses");
        assert_eq!((points.len(), points.iter().sum::<i64>()), (MAX_SETS + 1, 510));
    }
}
