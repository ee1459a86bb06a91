//! Roll-outs of settings, as clients are told.

use event::Timestamp;
use serde::{Deserialize, Serialize};
use store::Labels;
use utoipa::ToSchema;

use crate::fleet::guidance::{assigned, is_reached};
use crate::fleet::register::Known;

/// Settings on their way to agents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rollout {
    /// Revision of the settings.
    pub(crate) revision: u64,
    /// What they say: a part of the table `[agent]`, in TOML.
    pub(crate) settings: String,
    /// What it is for.
    pub(crate) note: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created: Timestamp,
    /// Who began it.
    pub(crate) created_by: String,
    /// Which agents get the settings, stage by stage; each adds to those before.
    pub(crate) stages: Vec<Stage>,
    /// How many stages have begun.
    pub(crate) begun: usize,
    /// Whether it goes on.
    pub(crate) state: RolloutState,
    /// When its state or stage changed last.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) changed: Timestamp,
    /// How agents stand to it.
    pub(crate) agents: RolloutCounts,
}

/// How agents stand to a roll-out.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct RolloutCounts {
    /// Those that the stages which have begun are for.
    pub(crate) reached: u64,
    /// Those that are to have these settings, and not later ones.
    pub(crate) asked: u64,
    /// Those that have them.
    pub(crate) have: u64,
    /// Those that are to have them and refuse.
    pub(crate) refuse: u64,
}

/// Some of the agents: either a share or labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) enum Stage {
    /// So many of a thousand, 1 to 1000, by a hash of their names that stays.
    #[schema(value_type = u16)]
    PerMille(u16),
    /// Those with all of these labels.
    #[schema(value_type = Object)]
    Labels(Labels),
}

/// Whether a roll-out goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RolloutState {
    /// Agents of the stages that have begun get the settings.
    Running,
    /// Agents that have the settings keep them, and no other one gets them.
    Paused,
    /// No agent is to have them.
    RolledBack,
}

/// Settings to roll out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRollout {
    /// A part of the table `[agent]`, in TOML.
    #[schema(max_length = 65_536)]
    pub(crate) settings: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub(crate) note: String,
    /// Which agents get the settings, stage by stage; the first begins at once.
    #[schema(min_items = 1, max_items = 16)]
    pub(crate) stages: Vec<Stage>,
}

/// What is to become of a roll-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// The next stage begins.
    Advance,
    /// No further agent gets the settings.
    Pause,
    /// It goes on.
    Resume,
    /// Agents go back to what they had before.
    RollBack,
}

/// A step of a roll-out.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextStep {
    /// What is to become of it.
    pub(crate) step: Step,
    /// How many stages have begun, as far as is known: if there are more meanwhile, nothing is done.
    pub(crate) begun: usize,
}

impl Rollout {
    /// A roll-out among all, and how agents stand to it.
    pub(crate) fn of(rollout: &store::Rollout, all: &[store::Rollout], agents: &[Known]) -> Self {
        let mut counts = RolloutCounts::default();
        for agent in agents.iter().filter(|agent| agent.enrolled.revoked.is_none()) {
            let has = agent.report.settings_revision == rollout.revision;
            let is_asked =
                assigned(all, agent).is_some_and(|other| other.revision == rollout.revision);
            counts.reached += u64::from(is_reached(rollout, agent));
            counts.have += u64::from(has);
            counts.asked += u64::from(is_asked);
            counts.refuse += u64::from(is_asked && !has && !agent.report.settings_error.is_empty());
        }
        Self {
            revision: rollout.revision,
            settings: rollout.settings.clone(),
            note: rollout.note.clone(),
            created: rollout.created,
            created_by: rollout.created_by.clone(),
            stages: rollout.stages.iter().cloned().map(Stage::from).collect(),
            begun: rollout.begun,
            state: rollout.state.into(),
            changed: rollout.changed,
            agents: counts,
        }
    }
}

impl From<store::Stage> for Stage {
    fn from(stage: store::Stage) -> Self {
        match stage {
            store::Stage::Share(share) => Self::PerMille(share),
            store::Stage::Labelled(labels) => Self::Labels(labels),
        }
    }
}

impl From<Stage> for store::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::PerMille(share) => Self::Share(share),
            Stage::Labels(labels) => Self::Labelled(labels),
        }
    }
}

impl From<store::RolloutState> for RolloutState {
    fn from(state: store::RolloutState) -> Self {
        match state {
            store::RolloutState::Running => Self::Running,
            store::RolloutState::Paused => Self::Paused,
            store::RolloutState::RolledBack => Self::RolledBack,
        }
    }
}
