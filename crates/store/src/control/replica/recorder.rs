//! Notes what a transaction changes.
//!
//! Triggers of this connection alone note the rows that are touched, with what they were before. At the
//! end these are compared with what they are then, so that only what differs is told: a row that was
//! replaced by its like, or made and removed again, is no change. SQLite's own session extension does
//! the same, but its bindings are made when it is compiled, for which each machine that builds tlsight
//! would need libclang.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::change::{Change, Changes, Row};
use super::tables::Table;

/// A connection whose changes are noted.
pub(in crate::control) struct Recorder {
    pub(super) connection: Connection,
    pub(super) tables: Vec<Table>,
}

impl Recorder {
    /// Has the changes of a connection noted from now on.
    pub(in crate::control) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let tables = Table::all(&connection)?;
        // So that a row that another one replaces is noted as well.
        connection.pragma_update(None, "recursive_triggers", true)?;
        for table in &tables {
            connection.execute_batch(&triggers(table))?;
        }
        // For each table there are two statements here, besides those of the work.
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection, tables })
    }
}

/// What the transaction that goes on has changed. It is forgotten then.
pub(super) fn take(connection: &Connection, tables: &[Table]) -> rusqlite::Result<Changes> {
    let mut changes = Vec::new();
    for table in tables {
        let rows = taken(connection, table)?;
        if !rows.is_empty() {
            let (name, columns) = (table.name.clone(), table.columns.clone());
            changes.push(Change { table: name, columns, rows });
        }
    }
    Ok(Changes(changes))
}

/// The statements that have the changes of a table noted.
fn triggers(table: &Table) -> String {
    let name = &table.name;
    let (keys, befores) = (numbered("k", table.key.len()), numbered("b", table.columns.len()));
    let of = |row: &str| -> Vec<String> {
        table.key_columns().map(|column| format!("{row}.{column}")).collect()
    };
    let is_new = |row: &str| {
        let pairs = keys.iter().zip(of(row));
        let same: Vec<_> = pairs.map(|(key, value)| format!("{key} IS {value}")).collect();
        // An `OR` of the statement that fires a trigger would count for what the trigger does.
        format!("WHERE NOT EXISTS (SELECT 1 FROM touched_{name} WHERE {})", same.join(" AND "))
    };
    let note_new = format!(
        "INSERT INTO touched_{name} SELECT {}, 0, {} {};",
        of("NEW").join(", "),
        vec!["NULL"; befores.len()].join(", "),
        is_new("NEW")
    );
    let old: Vec<_> = table.columns.iter().map(|column| format!("OLD.{column}")).collect();
    let note_old = format!(
        "INSERT INTO touched_{name} SELECT {}, 1, {} {};",
        of("OLD").join(", "),
        old.join(", "),
        is_new("OLD")
    );
    format!(
        "CREATE TEMP TABLE touched_{name} ({keys}, existed, {befores}, PRIMARY KEY ({keys}));
         CREATE TEMP TRIGGER inserted_{name} AFTER INSERT ON main.{name} BEGIN {note_new} END;
         CREATE TEMP TRIGGER updated_{name} AFTER UPDATE ON main.{name}
         BEGIN {note_old} {note_new} END;
         CREATE TEMP TRIGGER deleted_{name} AFTER DELETE ON main.{name} BEGIN {note_old} END;",
        keys = keys.join(", "),
        befores = befores.join(", "),
    )
}

fn taken(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<Row>> {
    let name = &table.name;
    let (keys, befores) = (numbered("k", table.key.len()), numbered("b", table.columns.len()));
    let on: Vec<_> = table
        .key_columns()
        .zip(&keys)
        .map(|(column, key)| format!("it.{column} = touched.{key}"))
        .collect();
    let same: Vec<_> = table
        .columns
        .iter()
        .zip(&befores)
        .map(|(column, before)| format!("it.{column} IS touched.{before}"))
        .collect();
    let is_there =
        table.key_columns().next().map_or("0".to_owned(), |it| format!("it.{it} IS NOT NULL"));
    let columns: Vec<_> = table.columns.iter().map(|column| format!("it.{column}")).collect();
    let query = format!(
        "SELECT existed, {is_there}, {}, {} FROM temp.touched_{name} AS touched
         LEFT JOIN main.{name} AS it ON {}
         WHERE (existed OR {is_there}) AND NOT (existed AND {is_there} AND {})
         ORDER BY touched.rowid",
        keys.join(", "),
        columns.join(", "),
        on.join(" AND "),
        same.join(" AND "),
    );
    let mut read = connection.prepare_cached(&query)?;
    let mut found = read.query([])?;
    let mut rows = Vec::new();
    let first_column = keys.len().saturating_add(2);
    let behind = first_column.saturating_add(columns.len());
    while let Some(row) = found.next()? {
        let values = |from: usize, to: usize| -> rusqlite::Result<Vec<Value>> {
            (from..to).map(|column| row.get(column)).collect()
        };
        rows.push(match (row.get(0)?, row.get(1)?) {
            (true, false) => Row::Deleted(values(2, first_column)?),
            (true, true) => Row::Updated(values(first_column, behind)?),
            (false, _) => Row::Inserted(values(first_column, behind)?),
        });
    }
    drop(found);
    connection.prepare_cached(&format!("DELETE FROM temp.touched_{name}"))?.execute([])?;
    Ok(rows)
}

fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}")).collect()
}

/// Statements that a connection keeps prepared: two for each of some twenty tables, and those of the work.
const STATEMENTS: usize = 256;
