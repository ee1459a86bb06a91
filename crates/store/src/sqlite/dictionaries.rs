//! Dictionaries in the file.

use std::sync::Arc;

use event::{Timestamp, Transport};
use policy::{Certificate, Entity, Posture};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::Edge;
use crate::catalog::{Catalog, CertificateEntry, EdgeEntry, PairEntry, PostureEntry, Tally};
use crate::id::{EdgeId, PostureId, transport_code};
use crate::intake::Added;

/// Writes what a batch added or changed.
pub(super) fn save(
    connection: &Connection,
    catalog: &Catalog,
    added: &Added,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO entities VALUES (?, ?)")?;
    let changed = added.old_entities.iter().map(|(number, _)| number);
    for number in added.entities.iter().chain(changed) {
        let Some(entity) = catalog.entities.value(*number) else { continue };
        insert.execute(params![number, json(&**entity)?])?;
    }
    let mut insert = connection.prepare_cached("INSERT INTO postures VALUES (?, ?)")?;
    for number in &added.postures {
        let Some(entry) = catalog.postures.value(*number) else { continue };
        insert.execute(params![number, json(&*entry.posture)?])?;
    }
    let mut insert = connection.prepare_cached("INSERT INTO edges VALUES (?, ?, ?, ?, ?, 0)")?;
    for number in &added.edges {
        let Some(it) = catalog.edges.value(*number) else { continue };
        let transport = transport_code(it.transport);
        insert.execute(params![number, it.source, it.destination, it.port, transport])?;
    }
    let mut update = connection.prepare_cached("UPDATE edges SET more_names = 1 WHERE id = ?")?;
    for number in &added.overfull {
        update.execute([number])?;
    }
    let mut insert = connection.prepare_cached("INSERT INTO server_names VALUES (?, ?)")?;
    for (edge, name) in &added.names {
        insert.execute(params![edge, &**name])?;
    }
    let mut insert = connection.prepare_cached("INSERT INTO pairs VALUES (?, ?, ?, 0, 0, 0, 0)")?;
    for number in &added.pairs {
        let Some(pair) = catalog.pairs.value(*number) else { continue };
        insert.execute(params![number, pair.edge, pair.posture])?;
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO certificates VALUES (?, ?, 0, 0, 0)")?;
    for number in &added.certificates {
        let Some(entry) = catalog.certificates.value(*number) else { continue };
        insert.execute(params![number, json(&*entry.certificate)?])?;
    }
    let mut update = connection.prepare_cached("UPDATE certificates SET body = ? WHERE id = ?")?;
    for (number, _) in &added.old_certificates {
        let Some(entry) = catalog.certificates.value(*number) else { continue };
        update.execute(params![json(&*entry.certificate)?, number])?;
    }
    Ok(())
}

/// Reads all dictionaries.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Catalog> {
    let mut catalog = Catalog::default();
    each(connection, "SELECT id, body FROM entities", |row| {
        let entity: Entity = body(row, 1)?;
        catalog.entities.restore(number(row, 0)?, entity.id.clone(), Arc::new(entity));
        Ok(())
    })?;
    each(connection, "SELECT id, body FROM postures", |row| {
        let posture: Posture = body(row, 1)?;
        let id = PostureId::of(&posture);
        catalog.restore_posture(number(row, 0)?, PostureEntry::new(id, Arc::new(posture)));
        Ok(())
    })?;
    each(
        connection,
        "SELECT id, source, destination, port, transport, more_names FROM edges",
        |row| {
            let transport = if row.get::<_, u8>(4)? == transport_code(Transport::Udp) {
                Transport::Udp
            } else {
                Transport::Tcp
            };
            let key = (number(row, 1)?, number(row, 2)?, row.get(3)?, transport);
            let ends = (catalog.entities.value(key.0), catalog.entities.value(key.1));
            let (Some(source), Some(destination)) = ends else { return Ok(()) };
            let mut entry = EdgeEntry::new(key, EdgeId::of(source, destination, key.2, transport));
            entry.has_more_server_names = row.get(5)?;
            catalog.restore_edge(number(row, 0)?, key, entry);
            Ok(())
        },
    )?;
    each(connection, "SELECT edge, name FROM server_names", |row| {
        let edge = catalog.edges.value_mut(number(row, 0)?);
        if let Some(edge) = edge.filter(|it| it.server_names.len() < Edge::MAX_SERVER_NAMES) {
            edge.server_names.push(row.get::<_, String>(1)?.into());
        }
        Ok(())
    })?;
    each(
        connection,
        "SELECT id, edge, posture, sessions, failures, first, last FROM pairs",
        |row| {
            let (edge, posture) = (number(row, 1)?, number(row, 2)?);
            let tally = Tally { failures: count(row, 4)?, ..tally(row, 3, 5)? };
            let entry = PairEntry { edge, posture, tally };
            catalog.pairs.restore(number(row, 0)?, (edge, posture), entry);
            Ok(())
        },
    )?;
    each(connection, "SELECT id, body, sessions, first, last FROM certificates", |row| {
        let certificate: Certificate = body(row, 1)?;
        let key = certificate.fingerprint.clone();
        let entry =
            CertificateEntry { certificate: Arc::new(certificate), tally: tally(row, 2, 3)? };
        catalog.certificates.restore(number(row, 0)?, key, entry);
        Ok(())
    })?;
    catalog.entities.find_free();
    catalog.postures.find_free();
    catalog.edges.find_free();
    catalog.pairs.find_free();
    catalog.certificates.find_free();
    Ok(catalog)
}

/// Calls a function for each row of an answer.
pub(super) fn each(
    connection: &Connection,
    query: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// A number of an entry. A larger one than any dictionary has is none.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    let number: u32 = row.get(column)?;
    if number > MAX_NUMBER {
        return Err(rusqlite::Error::IntegralValueOutOfRange(column, number.into()));
    }
    Ok(number)
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn tally(row: &Row<'_>, sessions: usize, first: usize) -> rusqlite::Result<Tally> {
    Ok(Tally {
        sessions: count(row, sessions)?,
        failures: 0,
        first: Timestamp::from_nanos(row.get(first)?),
        last: Timestamp::from_nanos(row.get(first.saturating_add(1))?),
    })
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn body<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// Larger than any number that a dictionary gives.
const MAX_NUMBER: u32 = 1 << 21;
