//! Judges everything again, and finds what is gone.

use std::collections::HashSet;

use event::Timestamp;
use store::{OpenViolation, Page, Reported, Resolve, Sessions, StoreError, Violation, ViolationId};

use super::pair::Judged;
use super::{GONE_AFTER, Judge, report};
use crate::app::Control;

/// What a sweep changed.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) new: Vec<Violation>,
    pub(crate) gone: Vec<Violation>,
    /// Findings that there was no room for.
    pub(crate) left_out: u64,
}

impl Judge {
    /// Judges every posture of every edge by the policies that are in force, and resolves what passes,
    /// what no policy forbids any more and what was not seen for long.
    pub(crate) fn sweep(
        &self,
        sessions: &dyn Sessions,
        control: &dyn Control,
        now: Timestamp,
    ) -> Result<Swept, StoreError> {
        let rules = self.rules();
        let mut swept = Swept { new: control.wake(now)?, ..Swept::default() };
        let open = control.open_violations()?;
        let known: HashSet<_> = open.iter().map(|violation| violation.id).collect();
        if control.position().is_some() {
            self.meet(&open, now);
        }
        let mut passing = HashSet::new();
        let mut page = Page::first(Page::MAX_LIMIT);
        loop {
            let pairs = sessions.pairs(page)?;
            let (mut findings, mut verdicts) = (Vec::new(), Vec::with_capacity(pairs.items.len()));
            for pair in &pairs.items {
                let judgement = Judged::from(pair).by(&rules, now);
                verdicts.push((pair.edge, pair.posture_id, judgement.counts));
                passing.extend(judgement.passes.into_iter().filter(|id| known.contains(id)));
                let is_old = now.nanos_since(pair.last_seen) > GONE_AFTER.unsigned_abs();
                // What is old and resolved stays resolved.
                findings.extend(judgement.findings.into_iter().filter(|(finding, _)| {
                    let id = ViolationId::of(&finding.policy, finding.edge, finding.posture);
                    !is_old || known.contains(&id)
                }));
            }
            control.set_verdicts(&verdicts)?;
            let reported = report_known(self, control, findings, now)?;
            swept.new.extend(reported.opened);
            swept.left_out = swept.left_out.saturating_add(reported.left_out);
            match pairs.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        let gone = open.iter().filter(|violation| {
            passing.contains(&violation.id)
                || !rules.is_enabled(&violation.policy)
                || self.is_gone(violation, now)
        });
        let gone: Vec<_> = gone.map(|violation| violation.id).collect();
        if !gone.is_empty() {
            swept.gone = control.resolve(&Resolve::Ids(gone), now)?;
        }
        self.forget_gone(&swept.gone, now);
        Ok(swept)
    }

    /// Another server may have found violations in records that were old already: those that are old
    /// when a sweep meets them first are not gone because of that.
    fn meet(&self, open: &[OpenViolation], now: Timestamp) {
        let mut seen = self.seen();
        for violation in open {
            let is_old = now.nanos_since(violation.last_seen) > GONE_AFTER.unsigned_abs();
            if is_old && !seen.met.contains(&violation.id) {
                seen.history.entry(violation.id).or_insert(now);
            }
        }
        seen.met = open.iter().map(|violation| violation.id).collect();
    }

    fn is_gone(&self, violation: &OpenViolation, now: Timestamp) -> bool {
        let long = GONE_AFTER.unsigned_abs();
        let found = self.seen().history.get(&violation.id).copied();
        now.nanos_since(violation.last_seen) > long
            && found.is_none_or(|found| now.nanos_since(found) > long)
    }

    /// What comes back is judged at once.
    fn forget_gone(&self, gone: &[Violation], now: Timestamp) {
        let mut seen = self.seen();
        for violation in gone {
            seen.pairs.remove(&(violation.finding.edge, violation.finding.posture));
            seen.history.remove(&violation.id);
        }
        seen.history.retain(|_, found| now.nanos_since(*found) <= GONE_AFTER.unsigned_abs());
    }

    /// Waits until the policies change, or for `longest`.
    pub(crate) async fn due(&self, longest: std::time::Duration) -> bool {
        tokio::time::timeout(longest, self.due.notified()).await.ok();
        self.is_due.swap(false, std::sync::atomic::Ordering::Relaxed)
    }
}

/// Keeps findings of what is known for long; history is only noted where it comes in.
fn report_known(
    judge: &Judge,
    control: &dyn Control,
    findings: Vec<(store::Finding, Option<store::Exclusion>)>,
    now: Timestamp,
) -> Result<Reported, StoreError> {
    let (old, recent): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|(finding, _)| now.nanos_since(finding.last_seen) > GONE_AFTER.unsigned_abs());
    let old: Vec<_> = old.into_iter().map(|(finding, _)| finding).collect();
    let left_out = if old.is_empty() { 0 } else { control.report(&old, now)?.left_out };
    let reported = report(judge, control, recent, now)?;
    Ok(Reported { left_out: reported.left_out.saturating_add(left_out), ..reported })
}
