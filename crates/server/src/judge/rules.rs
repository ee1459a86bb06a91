//! The policies that are in force: those of packs and those that people wrote.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Timestamp;
use policy::{Pack, Policy, PolicyError, Rule};
use serde::{Deserialize, Serialize};
use store::{Collection, Documents, Expected, StoreError};

/// All policies, compiled.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    /// Those of packs first.
    pub(crate) rules: Vec<Arc<Rule>>,
    /// Ids of those that judge.
    enabled: BTreeSet<String>,
    pub(crate) packs: Vec<(Pack, PackChoice)>,
    /// Policies that people wrote and that this version does not understand, with the reason.
    pub(crate) refused: Vec<(String, String)>,
}

/// What somebody chose about a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackChoice {
    pub(crate) enabled: bool,
    /// Ids of its policies that are switched off.
    #[serde(default)]
    pub(crate) disabled: BTreeSet<String>,
}

impl RuleSet {
    /// Reads packs, what was chosen about them, and policies that people wrote.
    pub(crate) fn load(store: &(impl Documents + ?Sized)) -> Result<Self, StoreError> {
        let mut set = Self::default();
        // Packs are constants that a test compiles.
        for pack in Pack::all().unwrap_or_default() {
            let chosen = store.document(Collection::Packs, &pack.id)?;
            let chosen = chosen.and_then(|chosen| serde_json::from_slice(&chosen.body).ok());
            let choice: PackChoice = chosen
                .unwrap_or_else(|| PackChoice { enabled: pack.default, ..PackChoice::default() });
            for policy in &pack.policies {
                let disabled = policy.disabled || choice.disabled.contains(&policy.id);
                set.add(Policy { disabled, ..policy.clone() }, choice.enabled);
            }
            set.packs.push((pack, choice));
        }
        for document in store.documents(Collection::Policies)? {
            match serde_json::from_slice::<Policy>(&document.body) {
                Ok(policy) => set.add(Policy { id: document.key, pack: None, ..policy }, true),
                Err(error) => set.refused.push((document.key, error.to_string())),
            }
        }
        Ok(set)
    }

    fn add(&mut self, policy: Policy, is_on: bool) {
        let (id, is_enabled) = (policy.id.clone(), is_on && !policy.disabled);
        match Rule::compile(policy) {
            Ok(rule) => {
                if is_enabled {
                    self.enabled.insert(id);
                }
                self.rules.push(Arc::new(rule));
            }
            Err(error) => self.refused.push((id, error.to_string())),
        }
    }

    /// Those that judge.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().filter(|rule| self.enabled.contains(&rule.policy().id))
    }

    /// Whether a policy judges.
    pub(crate) fn is_enabled(&self, id: &str) -> bool {
        self.enabled.contains(id)
    }

    /// A policy by its id.
    pub(crate) fn rule(&self, id: &str) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.policy().id == id)
    }

    /// A pack by its id.
    pub(crate) fn pack(&self, id: &str) -> Option<&(Pack, PackChoice)> {
        self.packs.iter().find(|(pack, _)| pack.id == id)
    }
}

/// Keeps a policy that somebody wrote.
pub(crate) fn keep(
    store: &(impl Documents + ?Sized),
    policy: &Policy,
    expected: Expected,
    now: Timestamp,
) -> Result<(), StoreError> {
    let body = serde_json::to_vec(policy).unwrap_or_default();
    store.put_document(Collection::Policies, &policy.id, &body, expected, now).map(|_version| ())
}

/// Keeps what somebody chose about a pack.
pub(crate) fn choose(
    store: &(impl Documents + ?Sized),
    pack: &str,
    choice: &PackChoice,
    now: Timestamp,
) -> Result<(), StoreError> {
    let body = serde_json::to_vec(choice).unwrap_or_default();
    store.put_document(Collection::Packs, pack, &body, Expected::Any, now).map(|_version| ())
}

/// Whether a policy makes sense.
pub(crate) fn check(policy: &Policy) -> Result<(), PolicyError> {
    Rule::compile(policy.clone()).map(|_rule| ())
}
