//! Sessions in lists.

use std::sync::Arc;

use event::Timestamp;

use crate::answer::SessionRow;
use crate::block::{Field, Row};
use crate::catalog::Catalog;
use crate::id::SessionId;
use crate::page::{Cursor, List};

/// What a list shows of a session; nothing if its pair is not known.
pub(crate) fn describe(catalog: &Catalog, row: &Row) -> Option<SessionRow> {
    let (_, edge, posture) = catalog.pair(row.pair)?;
    let (source, destination) = catalog.ends(edge)?;
    let text = |field| row.text(field).map(str::to_owned);
    Some(SessionRow {
        id: row.id,
        edge: edge.id,
        source: Arc::clone(source),
        destination: Arc::clone(destination),
        client_ip: row.client_ip,
        client_port: row.client_port,
        server_ip: row.server_ip,
        server_port: edge.port,
        server_name: text(Field::ServerName),
        posture_id: posture.id,
        posture: Arc::clone(&posture.posture),
        grade: posture.grade,
        outcome: row.outcome,
        alert: text(Field::Alert),
        process: text(Field::ClientProcess).or_else(|| text(Field::ServerProcess)),
    })
}

/// Where a list goes on after a session.
pub(crate) fn cursor(id: SessionId) -> Cursor {
    let digest = u128::from(id.digest) << 64;
    Cursor { list: List::Sessions, key: id.time().as_nanos(), id: digest.to_be_bytes() }
}

/// The session that a cursor is the place of.
pub(crate) fn place(cursor: &Cursor) -> SessionId {
    SessionId {
        time: Timestamp::from_nanos(cursor.key),
        digest: cursor.id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)),
    }
}
