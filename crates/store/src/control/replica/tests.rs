//! What a transaction changed, told and made again elsewhere, makes the same of another file.

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::change::{Change, Changes, Row};
use super::recorder::{Recorder, take};
use super::tables::Table;

/// Statements on tables with keys of every kind. `?1` and `?2` are small numbers.
const STATEMENTS: [&str; 12] = [
    "INSERT OR REPLACE INTO documents VALUES (?1 % 2, 'k' || ?2, ?1, ?2, zeroblob(?1))",
    "UPDATE documents SET version = version + 1 WHERE key = 'k' || ?2",
    "UPDATE documents SET key = 'k' || ?1 WHERE key = 'k' || ?2 AND NOT EXISTS
     (SELECT 1 FROM documents WHERE key = 'k' || ?1)",
    "DELETE FROM documents WHERE collection = ?1 % 2",
    "INSERT OR REPLACE INTO verdicts VALUES (zeroblob(?1), zeroblob(?2), ?1, ?2, 0)",
    "DELETE FROM verdicts WHERE pass = ?1",
    "INSERT OR IGNORE INTO tokens VALUES ('t' || ?1, zeroblob(?2), 'n', 0, ?1, NULL, NULL)",
    "INSERT OR REPLACE INTO tokens VALUES ('t' || ?1, zeroblob(?2), 'm', 1, ?1, ?2, NULL)",
    "UPDATE tokens SET last_used = ?1 WHERE id = 't' || ?2",
    "INSERT INTO audit (time, actor, action, target, address, outcome)
     VALUES (?1, ?2, 'a', 't', 'x', 0)",
    "DELETE FROM audit WHERE id <= ?1",
    "INSERT INTO queues (notifier, dropped) VALUES ('n' || ?1, ?2)
     ON CONFLICT DO UPDATE SET dropped = dropped + excluded.dropped",
];

fn opened() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for step in super::super::file::SCHEMA.migrations {
        connection.execute_batch(step).unwrap();
    }
    connection
}

fn rows(connection: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let dump = |table: Table| {
        let query = format!("SELECT * FROM main.{} ORDER BY 1, 2", table.name);
        let mut read = connection.prepare(&query).unwrap();
        let all =
            read.query_map([], |row| (0..table.columns.len()).map(|at| row.get(at)).collect());
        (table.name, all.unwrap().collect::<rusqlite::Result<_>>().unwrap())
    };
    Table::all(connection).unwrap().into_iter().map(dump).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_made_again_elsewhere_make_the_same_of_another_file(
        transactions in prop::collection::vec(
            (prop::collection::vec((0..STATEMENTS.len(), 0..5_i64, 0..5_i64), 0..8), any::<bool>()),
            0..12,
        )
    ) {
        let mut original = Recorder::new(opened()).unwrap();
        let replica = opened();
        for (statements, is_kept) in transactions {
            let before = rows(&original.connection);
            let Recorder { connection, tables } = &mut original;
            let transaction = connection.transaction().unwrap();
            for (statement, a, b) in statements {
                // One that breaks a constraint changes nothing.
                let mut prepared = transaction.prepare(STATEMENTS[statement]).unwrap();
                let count = prepared.parameter_count();
                let bound = [a, b];
                prepared.execute(rusqlite::params_from_iter(&bound[..count])).ok();
            }
            let changes = take(&transaction, tables).unwrap();
            if !is_kept {
                transaction.rollback().unwrap();
                prop_assert_eq!(rows(&original.connection), before);
                continue;
            }
            transaction.commit().unwrap();
            prop_assert_eq!(changes.is_empty(), rows(&original.connection) == before);
            let (told, schema) = Changes::from_bytes(&changes.to_bytes(7)).unwrap();
            prop_assert_eq!((&told, schema), (&changes, 7));
            let applied = replica.unchecked_transaction().unwrap();
            prop_assert!(told.apply(&applied).is_ok());
            applied.commit().unwrap();
            prop_assert_eq!(rows(&original.connection), rows(&replica));
        }
    }

    #[test]
    fn bytes_that_are_no_changes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        Changes::from_bytes(&bytes).ok();
    }
}

#[test]
fn a_change_that_is_cut_is_refused_and_so_is_one_of_another_state() {
    let values = vec![
        Value::Integer(0),
        Value::Text("key".to_owned()),
        Value::Integer(-1),
        Value::Integer(i64::MAX),
        Value::Blob(vec![0, 255]),
    ];
    let columns: Vec<String> =
        ["collection", "key", "version", "updated", "body"].map(str::to_owned).to_vec();
    let change = |row| {
        let table = "documents".to_owned();
        Changes(vec![Change { table, columns: columns.clone(), rows: vec![row] }])
    };
    let inserted = change(Row::Inserted(values.clone()));
    let bytes = inserted.to_bytes(1);
    for len in 0..bytes.len() {
        assert!(Changes::from_bytes(&bytes[..len]).is_err(), "prefix of {len} bytes");
    }
    assert!(Changes::from_bytes(&[bytes, vec![0]].concat()).is_err());
    let file = opened();
    assert!(change(Row::Updated(values.clone())).apply(&file).is_err(), "there is none");
    assert!(change(Row::Deleted(values[..2].to_vec())).apply(&file).is_err(), "there is none");
    assert!(inserted.apply(&file).is_ok());
    assert!(inserted.apply(&file).is_err(), "there is one");
    assert!(change(Row::Deleted(values[..2].to_vec())).apply(&file).is_ok());
}

#[test]
fn a_change_of_a_version_with_other_columns_is_made_as_far_as_these_are_known() {
    let file = opened();
    let change = Changes(vec![Change {
        table: "queues".to_owned(),
        columns: ["notifier", "was_once"].map(str::to_owned).to_vec(),
        rows: vec![Row::Inserted(vec![Value::Text("n".to_owned()), Value::Integer(7)])],
    }]);
    assert!(change.apply(&file).is_ok());
    let dropped: i64 = file.query_row("SELECT dropped FROM queues", [], |row| row.get(0)).unwrap();
    assert_eq!(dropped, 0);
}
