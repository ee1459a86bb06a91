//! Counts of the sessions that were reported.

use std::collections::BTreeMap;

use event::{Losses, Timestamp, TlsEvent, Totals};

use super::words;

/// Counts of sessions; each worker keeps its own and they are added up at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    sessions: u64,
    versions: Counts,
    classes: Counts,
    ciphers: Counts,
    anomalies: Counts,
    span: Span,
}

/// How much was looked at, whether it was TLS or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Packets read.
    pub(crate) packets: u64,
    /// Packets that were left in the kernel.
    pub(crate) packets_left_in_kernel: u64,
    /// Their bytes on the wire.
    pub(crate) bytes: u64,
    /// Flows seen.
    pub(crate) flows: u64,
}

/// The first and the last point in time that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span(Option<(Timestamp, Timestamp)>);

impl Span {
    /// Widens the span to `time`.
    pub(crate) fn extend(&mut self, time: Timestamp) {
        self.0 = Some(match self.0 {
            None => (time, time),
            Some((first, last)) => (first.min(time), last.max(time)),
        });
    }

    /// The first point, if there is any.
    pub(crate) fn first(self) -> Option<Timestamp> {
        self.0.map(|(first, _)| first)
    }

    /// The last point, if there is any.
    pub(crate) fn last(self) -> Option<Timestamp> {
        self.0.map(|(_, last)| last)
    }
}

impl Tally {
    /// Counts a session.
    pub(crate) fn add(&mut self, event: &TlsEvent) {
        self.sessions = self.sessions.saturating_add(1);
        let tls = &event.tls;
        match (tls.version_protocol, tls.version) {
            (Some("tls"), Some("1.3")) => self.versions.add("TLS 1.3"),
            (Some("tls"), Some("1.2")) => self.versions.add("TLS 1.2"),
            _ => self.versions.add(words::version(tls).as_deref().unwrap_or(UNKNOWN)),
        }
        self.classes.add(words::class_key(event.tlsight.key_exchange.class));
        self.ciphers.add(tls.cipher.as_deref().unwrap_or(UNKNOWN));
        for anomaly in &event.tlsight.anomalies {
            self.anomalies.add(anomaly);
        }
    }

    /// Takes note that the capture spans `span`, and what was noted before.
    pub(crate) fn reach(&mut self, span: Span) {
        for time in [span.first(), span.last()].into_iter().flatten() {
            self.span.extend(time);
        }
    }

    /// What the capture spans.
    pub(crate) const fn span(&self) -> Span {
        self.span
    }

    /// Adds what another worker counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.sessions = self.sessions.saturating_add(other.sessions);
        for (mine, theirs) in [
            (&mut self.versions, other.versions),
            (&mut self.classes, other.classes),
            (&mut self.ciphers, other.ciphers),
            (&mut self.anomalies, other.anomalies),
        ] {
            mine.merge(theirs);
        }
        self.reach(other.span);
    }

    /// The totals of a run, with what the analysis counted.
    pub(crate) fn into_totals(self, traffic: Traffic, loss: Losses) -> Totals {
        Totals {
            packets: traffic.packets.saturating_add(traffic.packets_left_in_kernel),
            packets_left_in_kernel: traffic.packets_left_in_kernel,
            bytes: traffic.bytes,
            flows: traffic.flows,
            sessions: self.sessions,
            versions: self.versions.0,
            key_exchange_classes: self.classes.0,
            ciphers: self.ciphers.0,
            anomalies: self.anomalies.0,
            loss,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, key: &str) {
        self.add_many(key, 1);
    }

    fn add_many(&mut self, key: &str, count: u64) {
        if let Some(sum) = self.0.get_mut(key) {
            *sum = sum.saturating_add(count);
        } else if self.0.len() < MAX_KEYS {
            self.0.insert(key.to_owned(), count);
        } else {
            let others = self.0.entry(OTHERS.to_owned()).or_default();
            *others = others.saturating_add(count);
        }
    }

    fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            self.add_many(&key, count);
        }
    }
}

const UNKNOWN: &str = "unknown";

const OTHERS: &str = "others";

/// There are some 350 cipher suites with a name; the rest are code points that a peer made up, of
/// which there may be 65,536.
const MAX_KEYS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn totals(tally: Tally) -> Totals {
        tally.into_totals(Traffic::default(), Losses::new())
    }

    #[test]
    fn sessions_are_counted_by_what_they_negotiated() {
        let mut unanswered = sample::tls13();
        unanswered.tls.version = None;
        unanswered.tls.cipher = None;
        unanswered.tlsight.key_exchange.class = None;
        let mut tally = Tally::default();
        tally.add(&sample::tls12());
        let mut other = Tally::default();
        for event in [sample::tls13(), sample::tls13(), unanswered] {
            other.add(&event);
        }
        tally.merge(other);
        let totals = totals(tally);
        assert_eq!(totals.sessions, 4);
        let versions = [("TLS 1.2", 1), ("TLS 1.3", 2), ("unknown", 1)];
        assert_eq!(totals.versions, versions.map(|(key, count)| (key.to_owned(), count)).into());
        assert_eq!(totals.key_exchange_classes.get("hybrid_pq"), Some(&2));
        assert_eq!(totals.ciphers.get("unknown"), Some(&1));
    }

    #[test]
    fn made_up_code_points_do_not_grow_the_counts_without_bound() {
        let mut tally = Tally::default();
        let mut event = sample::tls13();
        for code in 0..2000 {
            event.tls.cipher = Some(format!("0x{code:04x}").into());
            tally.add(&event);
        }
        let totals = totals(tally);
        assert_eq!(totals.ciphers.len(), MAX_KEYS + 1);
        assert_eq!(totals.ciphers.values().sum::<u64>(), 2000);
    }

    #[test]
    fn the_span_covers_what_came_out_of_order() {
        let mut span = Span::default();
        for nanos in [5, 1, 9, 3] {
            span.extend(Timestamp::from_nanos(nanos));
        }
        assert_eq!(span.first().map(Timestamp::as_nanos), Some(1));
        assert_eq!(span.last().map(Timestamp::as_nanos), Some(9));
    }
}
