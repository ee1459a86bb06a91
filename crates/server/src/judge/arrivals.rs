//! Judges what has just come in.

use event::Timestamp;
use policy::{Entity, Observation};
use store::{EdgeId, PostureId, Record, Reported, StoreError};

use super::pair::Judged;
use super::{Judge, report};
use crate::app::Control;

/// A record with a posture that its edge was not judged with yet.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// Place of the record in its batch.
    pub(crate) place: usize,
    edge: EdgeId,
    posture: PostureId,
    seen: Observation,
    source: Entity,
    destination: Entity,
}

impl Judge {
    /// Picks the records that are to be judged: one for each posture of each edge that was not yet.
    pub(crate) fn arrivals(&self, records: &[Record]) -> Vec<Arrival> {
        let postures = PostureId::of_all(records.iter().map(|record| &record.seen.posture));
        let mut state = self.seen();
        let mut arrivals = Vec::new();
        for (place, (record, posture)) in records.iter().zip(postures).enumerate() {
            let seen = &record.seen;
            let (port, transport) = (seen.server.port, seen.transport);
            let edge = EdgeId::of(&record.source, &record.destination, port, transport);
            if state.pairs.len() >= MAX_PAIRS {
                // To judge one again does no harm.
                state.pairs.clear();
            }
            if state.pairs.insert((edge, posture)) {
                let (source, destination) = (record.source.clone(), record.destination.clone());
                arrivals.push(Arrival {
                    place,
                    edge,
                    posture,
                    seen: seen.clone(),
                    source,
                    destination,
                });
            }
        }
        arrivals
    }

    /// Has them judged when they are seen again: they could not be kept.
    pub(crate) fn forget(&self, arrivals: &[Arrival]) {
        let mut state = self.seen();
        for arrival in arrivals {
            state.pairs.remove(&(arrival.edge, arrival.posture));
        }
    }

    /// Judges them, and tells the violations that are new.
    pub(crate) fn judge_arrivals(
        &self,
        control: &dyn Control,
        arrivals: &[Arrival],
        now: Timestamp,
    ) -> Result<Reported, StoreError> {
        let rules = self.rules();
        let (mut findings, mut verdicts) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            let judgement = arrival.judged().by(&rules, now);
            verdicts.push((arrival.edge, arrival.posture, judgement.counts));
            findings.extend(judgement.findings);
        }
        if !verdicts.is_empty() {
            control.set_verdicts(&verdicts)?;
        }
        report(self, control, findings, now)
    }
}

impl Arrival {
    fn judged(&self) -> Judged<'_> {
        let seen = &self.seen;
        Judged {
            edge: self.edge,
            posture_id: self.posture,
            posture: &seen.posture,
            source: &self.source,
            destination: &self.destination,
            port: seen.server.port,
            transport: seen.transport,
            server_names: seen.server_name.iter().map(String::as_str).collect(),
            session: seen.is_session.then_some(seen),
            sessions: seen.sessions,
            first_seen: seen.first,
            last_seen: seen.last.max(seen.first),
        }
    }
}

/// Some 30 MiB; a store has fewer.
const MAX_PAIRS: usize = 1 << 19;
