//! The tables that servers have in common.

use rusqlite::Connection;

/// A table whose changes are told.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// Places of the columns that are its primary key, in the order of the key.
    pub(super) key: Vec<usize>,
}

impl Table {
    /// All tables of a file that are not its own.
    pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut names = connection.prepare(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             ORDER BY name",
        )?;
        let names: Vec<String> =
            names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let common = names.into_iter().filter(|name| !OWN.contains(&name.as_str()));
        common.map(|name| Self::read(connection, name)).collect()
    }

    fn read(connection: &Connection, name: String) -> rusqlite::Result<Self> {
        let mut columns =
            connection.prepare("SELECT name, pk FROM pragma_table_info(?, 'main') ORDER BY cid")?;
        let columns: Vec<(String, u32)> = columns
            .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut key: Vec<(u32, usize)> = columns
            .iter()
            .enumerate()
            .filter(|(_, (_, place))| *place > 0)
            .map(|(column, (_, place))| (*place, column))
            .collect();
        key.sort_unstable();
        let key = key.into_iter().map(|(_, column)| column).collect();
        Ok(Self { name, columns: columns.into_iter().map(|(name, _)| name).collect(), key })
    }

    /// The columns of the key.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &str> {
        self.key.iter().filter_map(|place| self.columns.get(*place)).map(String::as_str)
    }
}

/// Tables that each server has for itself: how far it is, and what agents said last, which is told by
/// other means.
const OWN: [&str; 2] = ["replica", "agent_reports"];
