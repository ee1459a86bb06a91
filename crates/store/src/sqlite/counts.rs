//! Counts in the file.

use rusqlite::{Connection, params};

use crate::catalog::Catalog;
use crate::intake::{Cell, Counts};

/// Adds to what the file has.
pub(super) fn save(
    counts: &Counts,
    connection: &Connection,
    catalog: &Catalog,
) -> rusqlite::Result<()> {
    let (steps, series) = counts.by_step(catalog);
    let mut add = connection.prepare_cached(
        "INSERT INTO counts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         sessions = sessions + excluded.sessions, failures = failures + excluded.failures",
    )?;
    for (step, cells) in steps {
        for Cell { time, pair, sessions, failures } in cells {
            let (sessions, failures) = (sessions.cast_signed(), failures.cast_signed());
            add.execute(params![step.code(), time, pair, sessions, failures])?;
        }
    }
    let mut add = connection.prepare_cached(
        "INSERT INTO series VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         sessions = sessions + excluded.sessions",
    )?;
    for ((step, time, grade, class), sessions) in series {
        let (grade, class) = (grade as i64, class as i64);
        add.execute(params![step.code(), time, grade, class, sessions.cast_signed()])?;
    }
    save_tallies(counts, connection)
}

fn save_tallies(counts: &Counts, connection: &Connection) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE pairs SET
         first = CASE WHEN sessions = 0 THEN ?1 ELSE min(first, ?1) END,
         last = CASE WHEN sessions = 0 THEN ?2 ELSE max(last, ?2) END,
         sessions = sessions + ?3, failures = failures + ?4 WHERE id = ?5",
    )?;
    for (pair, tally) in &counts.pairs {
        let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
        let (sessions, failures) = (tally.sessions.cast_signed(), tally.failures.cast_signed());
        update.execute(params![first, last, sessions, failures, pair])?;
    }
    let mut update = connection.prepare_cached(
        "UPDATE certificates SET
         first = CASE WHEN sessions = 0 THEN ?1 ELSE min(first, ?1) END,
         last = CASE WHEN sessions = 0 THEN ?2 ELSE max(last, ?2) END,
         sessions = sessions + ?3 WHERE id = ?4",
    )?;
    for (certificate, tally) in &counts.certificates {
        let (first, last) = (tally.first.as_nanos(), tally.last.as_nanos());
        update.execute(params![first, last, tally.sessions.cast_signed(), certificate])?;
    }
    Ok(())
}
