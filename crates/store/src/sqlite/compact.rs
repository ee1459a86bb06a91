//! Small blocks, merged: whoever sends a session at a time makes blocks of one.

use rusqlite::Connection;

use super::blocks;
use crate::block::{FULL_LINES_LEN, Lines, MAX_ROWS, Row, Rows};
use crate::catalog::Catalog;

/// Merges blocks of one level, if there are enough of them; returns whether there were.
pub(super) fn step(connection: &Connection, catalog: &Catalog) -> rusqlite::Result<bool> {
    for level in 0..blocks::FINAL {
        let mut read = connection
            .prepare_cached("SELECT id FROM blocks WHERE level = ? ORDER BY id LIMIT ?")?;
        let ids = read.query_map((level, MERGED), |row| row.get::<_, i64>(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
        if i64::try_from(ids.len()).is_ok_and(|len| len >= MERGED) {
            merge(connection, catalog, &ids)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn merge(connection: &Connection, catalog: &Catalog, ids: &[i64]) -> rusqlite::Result<()> {
    let mut all: Vec<(Row, Vec<u8>)> = Vec::new();
    for id in ids {
        let rows = blocks::rows(connection, *id)?.unwrap_or_default();
        let lines = blocks::lines(connection, *id)?.unwrap_or_default();
        let rows = Rows::open(&rows).and_then(|mut rows| rows.select(|_| true));
        let lines = Lines::unpack(&lines).map_err(blocks::damaged)?;
        let lines = lines.all().map_err(blocks::damaged)?;
        for row in rows.map_err(blocks::damaged)? {
            let place = usize::try_from(row.place).ok();
            let line = place.and_then(|place| lines.get(place)).copied().unwrap_or_default();
            all.push((row, line.to_vec()));
        }
        blocks::remove(connection, *id)?;
    }
    all.sort_unstable_by_key(|(row, _)| row.id);
    let packed = Lines::pack(all.iter().map(|(_, line)| line.as_slice()));
    let mut rest = all.as_slice();
    for (count, lines) in packed.map_err(blocks::damaged)? {
        let (these, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let place = |(row, place): (&Row, u32)| Row { place, ..row.clone() };
        let rows: Vec<Row> = these.iter().map(|(row, _)| row).zip(0_u32..).map(place).collect();
        let len: usize = these.iter().map(|(_, line)| line.len()).sum();
        let is_full = count >= MAX_ROWS / 2 || len >= FULL_LINES_LEN / 2;
        let terms = blocks::terms_of_rows(&rows);
        blocks::insert(connection, catalog, &rows, terms, &lines, is_full)?;
        rest = behind;
    }
    Ok(())
}

/// Blocks that are merged at a time: a session is written three times until its block is full.
const MERGED: i64 = 16;
