//! Judges what comes in, once each posture of each edge, and all of it again when the policies change
//! or a day has passed.

pub(crate) mod arrivals;
pub(crate) mod pair;
pub(crate) mod rules;
pub(crate) mod sweep;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use event::Timestamp;
use store::{EdgeId, Finding, PostureId, Reported, StoreError, Violation, ViolationId};
use tokio::sync::Notify;

use crate::app::Control;
use crate::clock::DAY;
use rules::RuleSet;

/// Judges, and remembers what it has judged.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    rules: RwLock<Arc<RuleSet>>,
    seen: Mutex<Seen>,
    is_due: AtomicBool,
    due: Notify,
}

/// What need not be judged when it is seen again.
#[derive(Debug, Default)]
struct Seen {
    pairs: HashSet<(EdgeId, PostureId)>,
    /// When violations were found in records that were old already, such as those of a capture of
    /// last year: they are not gone because nothing was seen since.
    history: HashMap<ViolationId, Timestamp>,
    /// Those that a sweep has found open.
    met: HashSet<ViolationId>,
}

impl Judge {
    /// The policies that are in force.
    pub(crate) fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the policies that the store has, and has everything judged anew.
    pub(crate) fn reload(&self, control: &dyn Control) -> Result<(), StoreError> {
        let rules = Arc::new(RuleSet::load(control)?);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        self.seen().pairs.clear();
        self.wake();
        Ok(())
    }

    /// Has everything judged anew.
    pub(crate) fn wake(&self) {
        self.is_due.store(true, Ordering::Relaxed);
        self.due.notify_one();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps findings. Those that are new are told without those that a policy excludes.
fn report(
    judge: &Judge,
    control: &dyn Control,
    findings: Vec<(Finding, Option<store::Exclusion>)>,
    now: Timestamp,
) -> Result<Reported, StoreError> {
    if findings.is_empty() {
        return Ok(Reported::default());
    }
    let mut excluded = HashMap::new();
    let mut all = Vec::with_capacity(findings.len());
    for (finding, exclusion) in findings {
        let id = ViolationId::of(&finding.policy, finding.edge, finding.posture);
        if let Some(exclusion) = exclusion {
            excluded.insert(id, exclusion);
        }
        if now.nanos_since(finding.last_seen) > GONE_AFTER.unsigned_abs() {
            let history = &mut judge.seen().history;
            if history.len() < Violation::MAX_COUNT {
                history.insert(id, now);
            }
        }
        all.push(finding);
    }
    let mut reported = control.report(&all, now)?;
    for violation in &reported.opened {
        if let Some(exclusion) = excluded.get(&violation.id) {
            control.exclude(violation.id, exclusion)?;
        }
    }
    reported.opened.retain(|violation| !excluded.contains_key(&violation.id));
    Ok(reported)
}

/// What was not seen for so long is gone: a job that runs once a week has been seen since.
pub(crate) const GONE_AFTER: i64 = 8 * DAY;
