//! Blocks in the file.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::HashSet;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::block::{Damaged, Field, Filter, Row, Term};
use crate::catalog::{CLASSES, Catalog};

/// A block that is not to grow any more.
pub(super) const FINAL: i64 = 2;

/// Writes a block of rows, which are in the order of time, with their packed lines and with what is
/// known of them by [`terms_of_rows`].
pub(super) fn insert(
    connection: &Connection,
    catalog: &Catalog,
    rows: &[Row],
    mut terms: Vec<Term>,
    lines: &[u8],
    is_full: bool,
) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let packed = crate::block::Rows::pack(rows).map_err(damaged)?;
    add_terms_of_pairs(&mut terms, catalog, rows);
    let filter = Filter::build(terms);
    let level = match rows.len() {
        _ if is_full => FINAL,
        0..SMALL => 0,
        _ => 1,
    };
    let (first, last) = (first.id.time().as_nanos(), last.id.time().as_nanos());
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO blocks (first, last, rows, level, filter) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![first, last, count, level, filter])?;
    let id = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO block_rows VALUES (?, ?)")?
        .execute(params![id, packed])?;
    connection
        .prepare_cached("INSERT INTO block_lines VALUES (?, ?)")?
        .execute(params![id, lines])
        .map(drop)
}

/// The packed rows of a block.
pub(super) fn rows(connection: &Connection, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut read = connection.prepare_cached("SELECT rows FROM block_rows WHERE id = ?")?;
    read.query_row([id], |row| row.get(0)).optional()
}

/// The packed lines of a block.
pub(super) fn lines(connection: &Connection, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut read = connection.prepare_cached("SELECT lines FROM block_lines WHERE id = ?")?;
    read.query_row([id], |row| row.get(0)).optional()
}

/// Removes a block.
pub(super) fn remove(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM blocks WHERE id = ?",
        "DELETE FROM block_rows WHERE id = ?",
        "DELETE FROM block_lines WHERE id = ?",
    ] {
        connection.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

/// What rows are found by, but for what their pairs say.
pub(super) fn terms_of_rows(rows: &[Row]) -> Vec<Term> {
    let mut terms = Vec::with_capacity(rows.len() * 4);
    let mut addresses: HashSet<IpAddr, foldhash::fast::RandomState> = HashSet::default();
    let mut texts: HashSet<(&str, &str), foldhash::fast::RandomState> = HashSet::default();
    for row in rows {
        if texts.insert(("outcome", row.outcome.name())) {
            terms.push(Term::text("outcome", row.outcome.name()));
        }
        for ip in [row.client_ip, row.server_ip] {
            if addresses.insert(ip) {
                terms.push(Term::ip(ip));
            }
        }
        for field in SEARCHED {
            let Some(text) = row.text(field) else { continue };
            if texts.insert((field.kind(), text)) {
                terms.push(Term::text(field.kind(), text));
            }
        }
    }
    terms
}

/// Adds what the pairs of rows are found by.
fn add_terms_of_pairs(terms: &mut Vec<Term>, catalog: &Catalog, rows: &[Row]) {
    let pairs: BTreeSet<u32> = rows.iter().map(|row| row.pair).collect();
    for number in pairs {
        terms.push(Term::number("pair", number));
        let Some((_, edge, posture)) = catalog.pair(number) else { continue };
        terms.push(Term::edge(edge.id));
        terms.push(Term::number("port", edge.port.into()));
        terms.push(Term::text("grade", posture.grade.name()));
        let class = CLASSES.get(posture.class_index()).copied().unwrap_or_default();
        terms.push(Term::text("class", class));
        let it = &posture.posture;
        let certificate = &it.certificate.fingerprint;
        let texts = [
            ("version", &it.version),
            ("cipher", &it.cipher),
            ("group", &it.group),
            ("certificate", certificate),
        ];
        for (kind, text) in texts {
            terms.extend(text.as_deref().map(|text| Term::text(kind, text)));
        }
        for end in [edge.source, edge.destination] {
            let namespace = catalog.entities.value(end).and_then(|it| it.namespace.as_deref());
            terms.extend(namespace.map(|name| Term::text("namespace", name)));
        }
    }
}

/// A block that cannot be read, as an error of the file.
pub(super) fn damaged(error: Damaged) -> rusqlite::Error {
    let kind = rusqlite::types::Type::Blob;
    rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
}

/// Fields of rows that sessions are searched by.
const SEARCHED: [Field; 7] = [
    Field::ServerName,
    Field::ClientProcess,
    Field::ClientExecutable,
    Field::ServerProcess,
    Field::ServerExecutable,
    Field::Ja3,
    Field::Ja4,
];

/// Rows below which a block is of the lowest level.
const SMALL: usize = 32;
