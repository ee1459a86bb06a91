//! The metrics of what is behind the ends of sessions.

use std::fmt;

use event::Knowledge;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use workload::{Meter, Status, WatchStatus};

/// Writes them, if the API of Kubernetes is asked.
pub(super) fn encode(meter: &Meter, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let Some(status) = meter.kubernetes() else { return Ok(()) };
    let name = "kubernetes_watch_up";
    let help = "Whether what was told is up to date, by kind of object";
    let mut up = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for watch in &status.watches {
        let is_known = u64::from(watch.knowledge == Knowledge::Known);
        ConstGauge::new(is_known).encode(up.encode_family(&labels(watch))?)?;
    }
    let (name, help) = ("kubernetes_objects", "Objects held, by kind");
    let mut objects = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for watch in &status.watches {
        ConstGauge::new(watch.objects).encode(objects.encode_family(&labels(watch))?)?;
    }
    ConstGauge::new(status.owners).encode(objects.encode_family(&[("resource", "owners")])?)?;
    for (name, help, count) in COUNTERS {
        let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for watch in &status.watches {
            ConstCounter::new(count(watch)).encode(counter.encode_family(&labels(watch))?)?;
        }
    }
    refused(&status, encoder)?;
    for (name, help, count) in [
        (
            "kubernetes_owner_failures",
            "Owners of pods that could not be had",
            status.owner_failures,
        ),
        ("kubernetes_pods_unknown", "Sessions of pods that were not told", meter.pods_unknown()),
    ] {
        let counter = ConstCounter::new(count);
        counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}

fn refused(status: &Status, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (name, help) = ("kubernetes_objects_refused", "Objects not taken, by kind and reason");
    let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for watch in &status.watches {
        for (reason, count) in [
            ("malformed", watch.malformed),
            ("too_long", watch.too_long),
            ("over_limit", watch.over_limit),
        ] {
            let labels = [("resource", watch.resource.name()), ("reason", reason)];
            ConstCounter::new(count).encode(counter.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

const fn labels(watch: &WatchStatus) -> [(&'static str, &'static str); 1] {
    [("resource", watch.resource.name())]
}

type Count = fn(&WatchStatus) -> u64;

const COUNTERS: [(&str, &str, Count); 4] = [
    ("kubernetes_lists", "How often all objects were listed", |watch| watch.lists),
    ("kubernetes_watches", "How often a watch was begun", |watch| watch.watches),
    (
        "kubernetes_watches_gone",
        "How often the API had forgotten from where to go on (410)",
        |watch| watch.gone,
    ),
    (
        "kubernetes_watch_failures",
        "How often the API was not there, refused, or broke off",
        |watch| watch.failures,
    ),
];
