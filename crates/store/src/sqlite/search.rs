//! Sessions, newest first.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::blocks;
use super::plan::{Plan, View};
use crate::block::{Filter, Row, Rows};
use crate::id::SessionId;

/// What a search found.
pub(super) struct Found {
    /// Rows with the block that each is in, newest first.
    pub(super) rows: Vec<(Row, i64)>,
    /// Before what to go on; absent if there is no more.
    pub(super) next: Option<SessionId>,
}

/// Finds the newest sessions of a plan that are older than `before`.
///
/// Blocks are looked at from the one that ends last. As soon as there are enough rows that are newer
/// than the end of the next block, no block can add to them.
pub(super) fn search(
    connection: &Connection,
    plan: &Plan<'_>,
    before: SessionId,
    limit: usize,
) -> rusqlite::Result<Found> {
    let mut found: BTreeMap<SessionId, (Row, i64)> = BTreeMap::new();
    let mut budget = Budget { opened: 0, skipped: 0 };
    let mut list = connection.prepare_cached(
        "SELECT id, last, filter FROM blocks
         WHERE last >= ? AND first <= ? ORDER BY last DESC, id DESC",
    )?;
    let (from, to) = (plan.from.as_nanos(), before.time().as_nanos());
    let mut list = list.query(params![from, to])?;
    let mut end = End::Reached;
    while let Some(block) = list.next()? {
        let (id, last) = (block.get::<_, i64>(0)?, block.get::<_, i64>(1)?);
        let is_settled = found.len() >= limit
            && found.keys().rev().nth(limit - 1).is_some_and(|id| id.time().as_nanos() > last);
        if is_settled {
            end = End::Settled;
            break;
        }
        // At a block that reaches further than the last page no page could begin.
        if budget.is_spent() && last < to {
            end = End::Stopped { last };
            break;
        }
        if !plan.may_be_in(&Filter::new(block.get_ref(2)?.as_blob()?)) {
            budget.skipped += 1;
            continue;
        }
        budget.opened += 1;
        look(connection, plan, id, before, &mut found)?;
        while found.len() > limit.saturating_add(1) {
            found.pop_first();
        }
    }
    Ok(settle(found, limit, end))
}

/// How much a search has cost.
struct Budget {
    opened: usize,
    skipped: usize,
}

impl Budget {
    const fn is_spent(&self) -> bool {
        self.opened >= MAX_OPENED || self.skipped >= MAX_SKIPPED
    }
}

/// Adds the rows of a block that are searched for.
fn look(
    connection: &Connection,
    plan: &Plan<'_>,
    block: i64,
    before: SessionId,
    found: &mut BTreeMap<SessionId, (Row, i64)>,
) -> rusqlite::Result<()> {
    let Some(packed) = blocks::rows(connection, block)? else { return Ok(()) };
    let mut rows = Rows::open(&packed).map_err(blocks::damaged)?;
    let Some(wanted) = plan.wanted_in(&rows) else { return Ok(()) };
    let is_wanted = |view: &View<'_>| view.id() < before && wanted.holds(plan, view);
    for row in rows.select(is_wanted).map_err(blocks::damaged)? {
        found.insert(row.id, (row, block));
    }
    Ok(())
}

/// What of the rows found is certain to be the newest.
fn settle(mut found: BTreeMap<SessionId, (Row, i64)>, limit: usize, end: End) -> Found {
    if let End::Stopped { last } = end {
        found.retain(|id, _| id.time().as_nanos() > last);
    }
    let has_more = found.len() > limit || matches!(end, End::Settled);
    let rows: Vec<_> = found.into_values().rev().take(limit).collect();
    let next = match (has_more, end) {
        (true, _) => rows.last().map(|(row, _)| row.id),
        (false, End::Stopped { last }) => {
            let time = event::Timestamp::from_nanos(last.saturating_add(1));
            Some(SessionId { time, digest: 0 })
        }
        (false, End::Reached | End::Settled) => None,
    };
    Found { rows, next }
}

/// How a search ended.
enum End {
    /// There are no more blocks.
    Reached,
    /// No other block can add to what was found.
    Settled,
    /// It had cost enough at a block that ends at a time.
    Stopped { last: i64 },
}

/// Blocks that one request unpacks at most: some two million sessions, a quarter of a second.
const MAX_OPENED: usize = 2048;

/// Blocks whose filter one request looks at at most: some hundred million sessions.
const MAX_SKIPPED: usize = 1 << 17;
