//! Which sessions the server is sent singly, while the others are counted in edges.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use event::{Edge, Timestamp, TlsEvent};

use super::rules::Rules;
use super::sightings::{Allowance, Sightings};

/// Chooses them, each for the first of these reasons that it has.
#[derive(Debug)]
pub(super) struct Singles {
    state: Mutex<State>,
    rules: Mutex<Arc<Rules>>,
    /// One of so many, for no other reason; none if 0.
    sample: AtomicU64,
    turn: AtomicU64,
    chosen: [AtomicU64; Reason::ALL.len()],
    over_limit: AtomicU64,
}

/// Why a session is sent singly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It breaks a policy of the server.
    Violation,
    /// Its handshake failed, or one of its ends said that something is wrong with it.
    Failure,
    /// Its edge was not seen with this posture before.
    First,
    /// It is one of so many.
    Sample,
}

#[derive(Debug)]
struct State {
    edges: Sightings,
    /// What was judged: edges with all else that policies may ask of a session.
    judged: Sightings,
    allowance: Allowance,
}

impl Singles {
    /// Has seen nothing, and has no policies.
    pub(super) fn new(sample: u64) -> Self {
        Self {
            state: Mutex::new(State {
                edges: Sightings::default(),
                judged: Sightings::default(),
                allowance: Allowance::new(Instant::now()),
            }),
            rules: Mutex::default(),
            sample: AtomicU64::new(sample),
            turn: AtomicU64::new(0),
            chosen: Default::default(),
            over_limit: AtomicU64::new(0),
        }
    }

    /// Takes other policies: what breaks them is told by the next session of each edge.
    pub(super) fn set_rules(&self, rules: Rules) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.state().judged.clear();
    }

    /// Has one of so many sent singly.
    pub(super) fn set_sample(&self, sample: u64) {
        self.sample.store(sample, Ordering::Relaxed);
    }

    /// Whether a session is sent singly, and why.
    pub(super) fn choose(&self, event: &TlsEvent, edge: &Edge, now: Timestamp) -> Option<Reason> {
        let reason = self.reason(event, edge, now).or_else(|| self.is_sample());
        if let Some(chosen) = reason.and_then(|reason| self.chosen.get(reason as usize)) {
            chosen.fetch_add(1, Ordering::Relaxed);
        }
        reason
    }

    /// Sessions that were chosen for a reason.
    pub(super) fn chosen(&self, reason: Reason) -> u64 {
        self.chosen.get(reason as usize).map_or(0, |chosen| chosen.load(Ordering::Relaxed))
    }

    /// Sessions that there was a reason for, and which were counted in edges because there were too many.
    pub(super) fn over_limit(&self) -> u64 {
        self.over_limit.load(Ordering::Relaxed)
    }

    fn reason(&self, event: &TlsEvent, edge: &Edge, now: Timestamp) -> Option<Reason> {
        let has_failed = has_failed(event);
        let (is_first, is_unjudged) = {
            let mut state = self.state();
            let State { edges, judged, allowance } = &mut *state;
            let (own, whole) = (edges.number(edge), judged.number(&sort_of(event, edge)));
            let (is_first, is_unjudged) = (edges.is_first(own), judged.is_first(whole));
            if !(is_first || is_unjudged || has_failed) {
                return None;
            }
            if !allowance.allows(Instant::now()) {
                // The next one of its kind is asked again.
                if is_first {
                    edges.forget(own);
                }
                if is_unjudged {
                    judged.forget(whole);
                }
                drop(state);
                self.over_limit.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            (is_first, is_unjudged)
        };
        if is_unjudged && self.rules().are_broken_by(event, now) {
            return Some(Reason::Violation);
        }
        let first = is_first.then_some(Reason::First);
        if has_failed { Some(Reason::Failure) } else { first }
    }

    fn is_sample(&self) -> Option<Reason> {
        let sample = self.sample.load(Ordering::Relaxed);
        if sample == 0 {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        turn.is_multiple_of(sample).then_some(Reason::Sample)
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reason {
    /// All reasons, in their order.
    pub(super) const ALL: [Self; 4] = [Self::Violation, Self::Failure, Self::First, Self::Sample];

    /// The name that the metrics use.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Failure => "failure",
            Self::First => "first_sighting",
            Self::Sample => "sample",
        }
    }
}

/// What policies may ask of a session, and nothing that differs each time.
fn sort_of<'a>(event: &'a TlsEvent, edge: &'a Edge) -> impl std::hash::Hash + 'a {
    let (tls, own) = (&event.tls, &event.tlsight);
    let alerts = tls.detailed.as_ref().map(|detailed| &detailed.alert_types);
    (edge, &tls.client.ja3, &own.ja4, &tls.server.ja3s, alerts, &own.partial, &own.anomalies)
}

fn has_failed(event: &TlsEvent) -> bool {
    let alerts = event.tls.detailed.as_ref().map(|detailed| detailed.alerts.as_slice());
    let mut alerts = alerts.unwrap_or_default().iter();
    event.event.outcome == "failure" || alerts.any(|alert| alert.severity == "fatal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn choose(singles: &Singles, event: &TlsEvent) -> Option<Reason> {
        singles.choose(event, &Edge::of(event, None), sample::START)
    }

    #[test]
    fn an_edge_is_sent_singly_once_for_each_posture() {
        let singles = Singles::new(0);
        let mut event = sample::tls13();
        assert_eq!(choose(&singles, &event), Some(Reason::First));
        event = sample::between(event, ("192.0.2.17", 4711), ("198.51.100.7", 443));
        choose(&singles, &event);
        assert_eq!(choose(&singles, &event), None);
        event.tls.cipher = Some("TLS_AES_256_GCM_SHA384".into());
        assert_eq!(choose(&singles, &event), Some(Reason::First));
        assert_eq!(singles.chosen(Reason::Failure), 0);
    }

    #[test]
    fn each_failure_is_sent_singly() {
        let singles = Singles::new(0);
        let mut event = sample::tls12();
        event.event.outcome = "failure";
        for _ in 0..3 {
            assert_eq!(choose(&singles, &event), Some(Reason::Failure));
        }
        assert_eq!(singles.chosen(Reason::Failure), 3);
    }

    #[test]
    fn a_known_edge_is_sent_again_when_new_policies_find_it_wanting() {
        let singles = Singles::new(0);
        let event = sample::tls12();
        assert_eq!(choose(&singles, &event), Some(Reason::First));
        let policy = r#"{ "id": "p", "name": "Below 1.3", "severity": "low", "policySections": [
            { "policyGroups": [{ "fieldName": "TLS Version", "values": [{ "value": "< 1.3" }] }] }
        ] }"#;
        singles.set_rules(Rules::read(&[policy.to_owned()]).unwrap());
        assert_eq!(choose(&singles, &event), Some(Reason::Violation));
        assert_eq!(choose(&singles, &event), None);
    }

    #[test]
    fn one_of_so_many_is_a_sample() {
        let singles = Singles::new(10);
        let event = sample::tls13();
        choose(&singles, &event);
        let samples = (0..100).filter(|_| choose(&singles, &event) == Some(Reason::Sample));
        assert_eq!(samples.count(), 10);
        singles.set_sample(0);
        assert_eq!((0..100).filter_map(|_| choose(&singles, &event)).count(), 0);
    }

    #[test]
    fn a_scan_is_not_sent_singly_and_what_is_left_out_comes_later() {
        let singles = Singles::new(0);
        let mut last = sample::tls13();
        let mut sent = 0_u64;
        for number in 0..6000_u32 {
            let client = format!("10.1.{}.{}", number >> 8, number & 255);
            last = sample::between(last, (&client, 1), ("198.51.100.7", 443));
            sent += u64::from(choose(&singles, &last).is_some());
        }
        assert!((2000..6000).contains(&sent), "{sent}");
        assert_eq!(sent + singles.over_limit(), 6000);
    }
}
