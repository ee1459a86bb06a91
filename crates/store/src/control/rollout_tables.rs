//! Roll-outs of settings in the file.

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::file::{Failure, at_most, no_such_value, time};
use super::fleet::{Labels, Rollout, RolloutState, Stage};
use super::fleet_tables::check_labels;
use crate::error::StoreError;

/// All roll-outs, the latest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Rollout>> {
    connection
        .prepare_cached(
            "SELECT revision, settings, note, created, created_by, stages, begun, state, changed
             FROM rollouts ORDER BY revision DESC",
        )?
        .query_map([], rollout)?
        .collect()
}

/// Refuses what is larger than it may be.
pub(super) fn check(rollout: &Rollout) -> Result<(), StoreError> {
    at_most("length of settings", rollout.settings.len(), Rollout::MAX_SETTINGS_LEN)?;
    at_most("length of a note", rollout.note.len(), Rollout::MAX_NOTE_LEN)?;
    at_most("stages", rollout.stages.len(), Rollout::MAX_STAGES)?;
    rollout.stages.iter().try_for_each(|stage| match stage {
        Stage::Share(_) => Ok(()),
        Stage::Labelled(labels) => check_labels(labels),
    })
}

/// Adds a roll-out, and forgets the oldest if there are too many.
pub(super) fn add(connection: &Connection, rollout: &Rollout) -> Result<u64, Failure> {
    let stages: Vec<StageText> = rollout.stages.iter().map(StageText::from).collect();
    let stages = serde_json::to_string(&stages).unwrap_or_default();
    let created = rollout.created.as_nanos();
    connection
        .prepare_cached(
            "INSERT INTO rollouts (settings, note, created, created_by, stages, begun, state, changed)
             VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
        )?
        .execute(params![
            rollout.settings,
            rollout.note,
            created,
            rollout.created_by,
            stages,
            state_code(RolloutState::Running),
            created,
        ])?;
    let revision = connection.last_insert_rowid();
    let kept = i64::try_from(Rollout::MAX_COUNT).unwrap_or(i64::MAX);
    connection
        .prepare_cached("DELETE FROM rollouts WHERE revision <= ?")?
        .execute([revision.saturating_sub(kept)])?;
    Ok(revision.cast_unsigned())
}

/// Changes how far a roll-out is, if it is as it was.
pub(super) fn change(
    connection: &Connection,
    from: &Rollout,
    state: RolloutState,
    begun: usize,
    now: Timestamp,
) -> Result<(), Failure> {
    let count = |begun: usize| i64::try_from(begun).unwrap_or(i64::MAX);
    let revision = from.revision.cast_signed();
    let changed = connection
        .prepare_cached(
            "UPDATE rollouts SET state = ?, begun = ?, changed = ?
             WHERE revision = ? AND state = ? AND begun = ?",
        )?
        .execute(params![
            state_code(state),
            count(begun),
            now.as_nanos(),
            revision,
            state_code(from.state),
            count(from.begun),
        ])?;
    if changed > 0 {
        return Ok(());
    }
    let found: Option<i64> = connection
        .prepare_cached("SELECT begun FROM rollouts WHERE revision = ?")?
        .query_row([revision], |row| row.get(0))
        .optional()?;
    Err(match found {
        Some(found) => {
            let (expected, found) = (from.begun as u64, found.cast_unsigned());
            StoreError::Conflict { expected, found }
        }
        None => StoreError::Missing { what: "roll-out", name: from.revision.to_string() },
    }
    .into())
}

/// A stage as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StageText {
    PerMille(u16),
    Labels(Labels),
}

impl From<&Stage> for StageText {
    fn from(stage: &Stage) -> Self {
        match stage {
            Stage::Share(share) => Self::PerMille(*share),
            Stage::Labelled(labels) => Self::Labels(labels.clone()),
        }
    }
}

impl From<StageText> for Stage {
    fn from(stage: StageText) -> Self {
        match stage {
            StageText::PerMille(share) => Self::Share(share),
            StageText::Labels(labels) => Self::Labelled(labels),
        }
    }
}

fn rollout(row: &Row<'_>) -> rusqlite::Result<Rollout> {
    let stages: String = row.get(5)?;
    let stages: Vec<StageText> = serde_json::from_str(&stages).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, error.into())
    })?;
    Ok(Rollout {
        revision: row.get::<_, i64>(0)?.cast_unsigned(),
        settings: row.get(1)?,
        note: row.get(2)?,
        created: time(row, 3)?,
        created_by: row.get(4)?,
        stages: stages.into_iter().map(Stage::from).collect(),
        begun: usize::try_from(row.get::<_, i64>(6)?).unwrap_or(0),
        state: state(row, 7)?,
        changed: time(row, 8)?,
    })
}

const fn state_code(state: RolloutState) -> i64 {
    match state {
        RolloutState::Running => 0,
        RolloutState::Paused => 1,
        RolloutState::RolledBack => 2,
    }
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<RolloutState> {
    match row.get::<_, i64>(column)? {
        0 => Ok(RolloutState::Running),
        1 => Ok(RolloutState::Paused),
        2 => Ok(RolloutState::RolledBack),
        other => Err(no_such_value(column, other)),
    }
}
