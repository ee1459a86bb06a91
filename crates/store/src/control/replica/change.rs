//! What a transaction changed, as bytes and back into a file.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::tables::Table;

/// What a transaction changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes(pub(super) Vec<Change>);

/// What changed of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// A row that changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    /// All its values.
    Inserted(Vec<Value>),
    /// All its values, of which those of the key are as they were.
    Updated(Vec<Value>),
    /// The values of its key.
    Deleted(Vec<Value>),
}

impl Changes {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the tables that changed.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|change| change.table.as_str())
    }

    /// As bytes, with the version of the schema that they are of.
    pub(super) fn to_bytes(&self, schema: i64) -> Vec<u8> {
        let mut out = vec![FORM];
        out.extend_from_slice(&schema.to_le_bytes());
        put_len(&mut out, self.0.len());
        for Change { table, columns, rows } in &self.0 {
            put_bytes(&mut out, table.as_bytes());
            put_len(&mut out, columns.len());
            columns.iter().for_each(|column| put_bytes(&mut out, column.as_bytes()));
            put_len(&mut out, rows.len());
            for row in rows {
                let (kind, values) = match row {
                    Row::Inserted(values) => (INSERTED, values),
                    Row::Updated(values) => (UPDATED, values),
                    Row::Deleted(values) => (DELETED, values),
                };
                out.push(kind);
                put_len(&mut out, values.len());
                values.iter().for_each(|value| put_value(&mut out, value));
            }
        }
        out
    }

    /// The same from bytes, and the version of the schema.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Self, i64), Malformed> {
        let mut input = Input(bytes);
        if input.array()? != [FORM] {
            return Err(Malformed);
        }
        let schema = i64::from_le_bytes(input.array()?);
        let changes = input.list(|input| {
            let table = input.text()?;
            let columns = input.list(Input::text)?;
            let rows = input.list(|input| {
                let [kind] = input.array()?;
                let values = input.list(Input::value)?;
                match kind {
                    INSERTED if values.len() == columns.len() => Ok(Row::Inserted(values)),
                    UPDATED if values.len() == columns.len() => Ok(Row::Updated(values)),
                    DELETED => Ok(Row::Deleted(values)),
                    _ => Err(Malformed),
                }
            })?;
            Ok(Change { table, columns, rows })
        })?;
        if input.0.is_empty() { Ok((Self(changes), schema)) } else { Err(Malformed) }
    }

    /// Makes the same changes to a file, within the transaction that goes on.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub(super) fn apply(&self, connection: &Connection) -> Result<(), ApplyError> {
        let tables = Table::all(connection)?;
        let changes: Vec<(&Change, &Table)> = self
            .0
            .iter()
            .map(|change| Ok((change, find(&tables, &change.table)?)))
            .collect::<Result<_, ApplyError>>()?;
        // What was unique may be so for another row afterwards.
        for step in [DELETED, UPDATED, INSERTED] {
            for (change, table) in &changes {
                change.apply(connection, table, step)?;
            }
        }
        Ok(())
    }
}

impl Change {
    fn apply(&self, connection: &Connection, table: &Table, step: u8) -> Result<(), ApplyError> {
        // Columns that a later version has dropped are left out; those that it has added have their default.
        let places: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| table.columns.contains(column))
            .map(|(place, _)| place)
            .collect();
        let name = |place: &usize| self.columns.get(*place).map_or("", String::as_str);
        let columns: Vec<&str> = places.iter().map(name).collect();
        let key: Vec<&str> = table.key_columns().collect();
        let of_key: Vec<String> = key.iter().map(|column| format!("{column} = ?")).collect();
        let of_key = of_key.join(" AND ");
        let query = match step {
            DELETED => format!("DELETE FROM main.{} WHERE {of_key}", table.name),
            UPDATED => {
                let set: Vec<_> = columns.iter().map(|column| format!("{column} = ?")).collect();
                format!("UPDATE main.{} SET {} WHERE {of_key}", table.name, set.join(", "))
            }
            _ => format!(
                "INSERT INTO main.{} ({}) VALUES ({})",
                table.name,
                columns.join(", "),
                vec!["?"; columns.len()].join(", ")
            ),
        };
        for row in &self.rows {
            let (kind, values) = match row {
                Row::Inserted(values) => (INSERTED, values),
                Row::Updated(values) => (UPDATED, values),
                Row::Deleted(values) => (DELETED, values),
            };
            if kind != step {
                continue;
            }
            let mut bound: Vec<&Value> = match kind {
                DELETED => values.iter().collect(),
                _ => places.iter().filter_map(|place| values.get(*place)).collect(),
            };
            if kind == UPDATED {
                let place = |column: &&str| self.columns.iter().position(|it| it == column);
                let of_key = key.iter().filter_map(place).filter_map(|place| values.get(place));
                bound.extend(of_key);
            }
            let changed = connection.prepare_cached(&query)?.execute(params_from_iter(bound))?;
            if changed != 1 {
                return Err(ApplyError::Differs);
            }
        }
        Ok(())
    }
}

fn find<'a>(tables: &'a [Table], name: &str) -> Result<&'a Table, ApplyError> {
    tables.iter().find(|table| table.name == name).ok_or(ApplyError::Differs)
}

/// Bytes are no changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Malformed;

/// Why changes could not be made.
#[derive(Debug)]
pub(super) enum ApplyError {
    /// The file is not what they were made to.
    Differs,
    /// SQLite says so.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for ApplyError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => Self::Differs,
            _ => Self::Database(error),
        }
    }
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0),
        Value::Integer(number) => {
            out.push(1);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Real(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => {
            out.push(3);
            put_bytes(out, text.as_bytes());
        }
        Value::Blob(bytes) => {
            out.push(4);
            put_bytes(out, bytes);
        }
    }
}

/// Bytes that are read from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_error| Malformed)
    }

    fn len(&mut self) -> Result<usize, Malformed> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_error| Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.len()?;
        self.take(len)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_error| Malformed)
    }

    /// Items after their number. Each takes a byte at least, so a number that lies takes no memory.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.len()?;
        (0..count).map(|_| item(self)).collect()
    }

    fn value(&mut self) -> Result<Value, Malformed> {
        match self.array()? {
            [0] => Ok(Value::Null),
            [1] => Ok(Value::Integer(i64::from_le_bytes(self.array()?))),
            [2] => Ok(Value::Real(f64::from_le_bytes(self.array()?))),
            [3] => Ok(Value::Text(self.text()?)),
            [4] => Ok(Value::Blob(self.bytes()?.to_vec())),
            _ => Err(Malformed),
        }
    }
}

/// The form of the bytes.
const FORM: u8 = 1;

const INSERTED: u8 = 0;
const UPDATED: u8 = 1;
const DELETED: u8 = 2;
