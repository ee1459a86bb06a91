//! What agents are told: policies to judge by, and settings of roll-outs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use fleet::{policies_digest, v1};
use store::{Labels, Rollout, RolloutState, Stage, StoreError};

use super::register::Known;
use crate::app::Control;
use crate::judge::rules::RuleSet;

/// What agents are told, put together once for all of them.
#[derive(Debug, Default)]
pub(crate) struct Guidance {
    policies: Mutex<Option<(Arc<RuleSet>, Arc<v1::Policies>)>>,
    rollouts: Mutex<Arc<Vec<Rollout>>>,
}

impl Guidance {
    /// Reads the roll-outs.
    pub(crate) fn load(&self, control: &dyn Control) -> Result<(), StoreError> {
        *lock(&self.rollouts) = Arc::new(control.rollouts()?);
        Ok(())
    }

    /// All roll-outs, the latest first.
    pub(crate) fn rollouts(&self) -> Arc<Vec<Rollout>> {
        Arc::clone(&lock(&self.rollouts))
    }

    /// The policies that are in force.
    pub(crate) fn policies(&self, rules: &Arc<RuleSet>) -> Arc<v1::Policies> {
        let mut made = lock(&self.policies);
        if let Some((of, policies)) = &*made
            && Arc::ptr_eq(of, rules)
        {
            return Arc::clone(policies);
        }
        let documents: Vec<String> =
            rules.enabled().filter_map(|rule| serde_json::to_string(rule.policy()).ok()).collect();
        let digest = policies_digest(&documents).to_vec();
        let policies = Arc::new(v1::Policies { digest, documents });
        *made = Some((Arc::clone(rules), Arc::clone(&policies)));
        policies
    }

    /// The settings that an agent is to have.
    pub(crate) fn settings(&self, agent: &Known) -> v1::Settings {
        let rollouts = self.rollouts();
        match assigned(&rollouts, agent) {
            Some(rollout) => {
                v1::Settings { revision: rollout.revision, toml: rollout.settings.clone() }
            }
            None => v1::Settings { revision: 0, toml: String::new() },
        }
    }
}

/// The roll-out whose settings an agent is to have: the latest that has come to it.
pub(crate) fn assigned<'a>(rollouts: &'a [Rollout], agent: &Known) -> Option<&'a Rollout> {
    rollouts.iter().find(|rollout| match rollout.state {
        RolloutState::Running => is_reached(rollout, agent),
        RolloutState::Paused => agent.report.settings_revision == rollout.revision,
        RolloutState::RolledBack => false,
    })
}

/// Whether a stage that has begun is for an agent.
pub(crate) fn is_reached(rollout: &Rollout, agent: &Known) -> bool {
    let labels = labels(agent);
    rollout.stages.iter().take(rollout.begun).any(|stage| match stage {
        Stage::Share(share) => place(&agent.enrolled.id) < *share,
        Stage::Labelled(asked) => asked.iter().all(|(key, value)| labels.get(key) == Some(value)),
    })
}

/// What an agent is: what its token says of it counts before what it says itself.
pub(crate) fn labels(agent: &Known) -> Labels {
    let mut labels = agent.report.labels.clone();
    labels.extend(agent.enrolled.labels.clone());
    labels
}

/// The place of an agent among a thousand, which is always the same.
fn place(id: &str) -> u16 {
    let digest = digest::digest(&digest::SHA256, id.as_bytes());
    let begin = digest.as_ref().first_chunk().copied().unwrap_or_default();
    u16::try_from(u32::from_be_bytes(begin) % THOUSAND).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shares are of a thousand.
const THOUSAND: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_agents_is_about_that_and_each_stage_has_those_of_the_one_before() {
        let ids: Vec<String> = (0..5000).map(|n| format!("node-{n}.abcdef")).collect();
        let of = |share: u16| ids.iter().filter(|id| place(id) < share).count();
        assert!((20..=90).contains(&of(10)), "{}", of(10));
        assert!((400..=600).contains(&of(100)), "{}", of(100));
        assert_eq!(of(1000), 5000);
        assert_eq!(place("node-7"), place("node-7"));
    }
}
