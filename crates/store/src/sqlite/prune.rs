//! What nothing refers to any more.

use rusqlite::Connection;

use super::retention;
use crate::catalog::{Catalog, Unused, old_pairs};
use crate::intake::days;
use crate::settings::Retention;
use crate::steps::Step;

/// Removes some entries of the dictionaries that neither sessions nor counts refer to from the file.
pub(super) fn step(
    connection: &Connection,
    catalog: &Catalog,
    retention: Retention,
    now: i64,
) -> rusqlite::Result<Pruned> {
    let cutoff = Step::Day.floor(now.saturating_sub(days(retention.days)));
    let oldest = retention::oldest(connection)?.unwrap_or(i64::MAX).min(cutoff);
    let pairs: Vec<u32> = old_pairs(catalog, oldest).take(STEP_ENTRIES).collect();
    let unused = Unused::find(catalog, &pairs, oldest);
    let mut delete = connection.prepare_cached("DELETE FROM pairs WHERE id = ?")?;
    for number in &pairs {
        delete.execute([number])?;
    }
    delete_unused(connection, &unused)?;
    Ok(Pruned { pairs, unused })
}

/// What a step removed from the file, to be removed from memory when that is certain.
pub(super) struct Pruned {
    pairs: Vec<u32>,
    unused: Unused,
}

impl Pruned {
    /// Whether there may be more.
    pub(super) fn has_more(&self) -> bool {
        self.pairs.len() >= STEP_ENTRIES
    }

    /// Removes it from memory.
    pub(super) fn forget(self, catalog: &mut Catalog) {
        for number in self.pairs {
            catalog.pairs.remove(number);
        }
        self.unused.forget(catalog);
    }
}

fn delete_unused(connection: &Connection, unused: &Unused) -> rusqlite::Result<()> {
    let all = [
        ("DELETE FROM edges WHERE id = ?", &unused.edges),
        ("DELETE FROM server_names WHERE edge = ?", &unused.edges),
        ("DELETE FROM postures WHERE id = ?", &unused.postures),
        ("DELETE FROM entities WHERE id = ?", &unused.entities),
        ("DELETE FROM certificates WHERE id = ?", &unused.certificates),
    ];
    for (statement, numbers) in all {
        let mut delete = connection.prepare_cached(statement)?;
        for number in numbers {
            delete.execute([number])?;
        }
    }
    Ok(())
}

/// Pairs that one step forgets.
const STEP_ENTRIES: usize = 4096;
