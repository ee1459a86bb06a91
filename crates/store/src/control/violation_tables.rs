//! Violations and verdicts in the file.

use event::Timestamp;
use policy::Severity;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::file::{Control, Failure, maybe_time, no_such_value, time};
use super::violations::{
    Exclusion, Finding, OpenViolation, Reported, Resolve, VerdictCounts, Violation, ViolationId,
    ViolationQuery, ViolationState, Violations,
};
use crate::error::StoreError;
use crate::id::{EdgeId, PostureId};
use crate::needle::Needle;
use crate::page::{Cursor, List, Page, Paged};
use crate::steps::SECOND;

impl Violations for Control {
    fn report(&self, findings: &[Finding], now: Timestamp) -> Result<Reported, StoreError> {
        let is_coarse = self.replica().is_some();
        self.transact(|connection| {
            make_room(connection, findings.len())?;
            let mut room = Violation::MAX_COUNT.saturating_sub(count(connection)?);
            let (mut opened, mut left_out) = (Vec::new(), 0_u64);
            for finding in findings {
                let id = ViolationId::of(&finding.policy, finding.edge, finding.posture);
                match one(connection, id)? {
                    Some(known) if known.state != ViolationState::Resolved => {
                        if !(is_coarse && is_almost(&known.finding, finding)) {
                            update(connection, &known, finding)?;
                        }
                        continue;
                    }
                    Some(_) => {}
                    None if room > 0 => room -= 1,
                    None => {
                        left_out = left_out.saturating_add(1);
                        if !displace(connection, finding.severity)? {
                            continue;
                        }
                    }
                }
                write(connection, id, finding, ViolationState::Active)?;
                opened.push(id);
            }
            wake(connection, now)?;
            let opened = opened.into_iter().filter_map(|id| one(connection, id).transpose());
            Ok(Reported { opened: opened.collect::<rusqlite::Result<_>>()?, left_out })
        })
    }

    fn resolve(&self, which: &Resolve, now: Timestamp) -> Result<Vec<Violation>, StoreError> {
        self.transact(|connection| {
            let ids: Vec<ViolationId> = match which {
                Resolve::Ids(ids) => ids.clone(),
                Resolve::Policy(policy) => {
                    select_ids(connection, "policy = ?", Value::from(policy.clone()))?
                }
                Resolve::NotSeenSince(time) => {
                    select_ids(connection, "last < ?", Value::from(time.as_nanos()))?
                }
            };
            let mut gone = Vec::new();
            for id in ids {
                let known = one(connection, id)?;
                let Some(known) = known.filter(|it| it.state != ViolationState::Resolved) else {
                    continue;
                };
                connection
                    .prepare_cached(
                        "UPDATE violations SET state = ?, resolved_at = ?, until = NULL,
                         reason = NULL WHERE id = ?",
                    )?
                    .execute(params![state_code(ViolationState::Resolved), now.as_nanos(), id.0])?;
                gone.push(known);
            }
            Ok(gone)
        })
    }

    fn wake(&self, now: Timestamp) -> Result<Vec<Violation>, StoreError> {
        self.transact(|connection| Ok(wake(connection, now)?))
    }

    fn snooze(
        &self,
        id: ViolationId,
        until: Timestamp,
        reason: &str,
    ) -> Result<Violation, StoreError> {
        self.set_state(id, ViolationState::Snoozed, Some(until), Some(reason))
    }

    fn unsnooze(&self, id: ViolationId) -> Result<Violation, StoreError> {
        self.set_state(id, ViolationState::Active, None, None)
    }

    fn exclude(&self, id: ViolationId, exclusion: &Exclusion) -> Result<Violation, StoreError> {
        self.set_state(id, ViolationState::Excluded, exclusion.until, Some(&exclusion.reason))
    }

    fn violation(&self, id: ViolationId) -> Result<Option<Violation>, StoreError> {
        self.read(|connection| one(connection, id))
    }

    fn violations(
        &self,
        query: &ViolationQuery,
        page: Page,
    ) -> Result<Paged<Violation>, StoreError> {
        let q = Needle::of(query.q.as_deref())?;
        let after = page.after(List::Violations)?;
        let limit = page.limit();
        let (mut items, total) = self.read(|connection| {
            let (conditions, values) = conditions(query);
            let mut read = connection.prepare_cached(&format!(
                "{SELECT} WHERE {conditions} ORDER BY severity DESC, max(last, 0) / 1000 DESC, id"
            ))?;
            let mut rows = read.query(params_from_iter(values))?;
            let (mut items, mut total) = (Vec::new(), 0_u64);
            let mut is_behind = after.is_none();
            while let Some(row) = rows.next()? {
                let found = violation(row)?;
                if !is_found(&found.finding, query.namespace.as_deref(), q.as_ref()) {
                    continue;
                }
                total = total.saturating_add(1);
                if is_behind && items.len() <= limit {
                    items.push(found);
                } else if let Some(after) = after.filter(|_| !is_behind) {
                    is_behind = is_after(&found, after);
                    if is_behind {
                        items.push(found);
                    }
                }
            }
            Ok((items, total))
        })?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(cursor);
        Ok(Paged { items, next, total: Some(total) })
    }

    fn open_violations(&self) -> Result<Vec<OpenViolation>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, policy, last FROM violations WHERE state <> ?")?
                .query_map([state_code(ViolationState::Resolved)], |row| {
                    let id = ViolationId(row.get(0)?);
                    Ok(OpenViolation { id, policy: row.get(1)?, last_seen: time(row, 2)? })
                })?
                .collect()
        })
    }

    fn violation_counts(&self) -> Result<[u64; 4], StoreError> {
        self.read(|connection| {
            let mut counts = [0; 4];
            let mut read = connection.prepare_cached(
                "SELECT severity, count(*) FROM violations WHERE state = ? GROUP BY 1",
            )?;
            let mut rows = read.query([state_code(ViolationState::Active)])?;
            while let Some(row) = rows.next()? {
                let index = usize::from(row.get::<_, u8>(0)?);
                if let Some(count) = counts.get_mut(index) {
                    *count = row.get::<_, i64>(1)?.cast_unsigned();
                }
            }
            Ok(counts)
        })
    }

    fn set_verdicts(
        &self,
        verdicts: &[(EdgeId, PostureId, VerdictCounts)],
    ) -> Result<(), StoreError> {
        self.transact(|connection| {
            let mut set = connection
                .prepare_cached("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)")?;
            for (edge, posture, it) in verdicts {
                set.execute(params![edge.0, posture.0, it.pass, it.fail, it.unknown])?;
            }
            Ok(())
        })
    }

    fn verdicts(&self, edges: &[EdgeId]) -> Result<Vec<VerdictCounts>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT min(total(pass), 4294967295), min(total(fail), 4294967295),
                 min(total(unknown), 4294967295) FROM verdicts WHERE edge = ?",
            )?;
            let sum = |edge: &EdgeId| {
                read.query_row([edge.0], |row| {
                    let count = |column| -> rusqlite::Result<u32> {
                        let sum = row.get::<_, f64>(column)?;
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "a sum of counts, at most the largest"
                        )]
                        Ok(sum as u32)
                    };
                    Ok(VerdictCounts { pass: count(0)?, fail: count(1)?, unknown: count(2)? })
                })
            };
            edges.iter().map(sum).collect()
        })
    }

    fn failing(&self, edges: &[EdgeId]) -> Result<Vec<EdgeId>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM violations WHERE edge = ? AND state = ?)",
            )?;
            let mut failing = Vec::new();
            for edge in edges {
                let active = state_code(ViolationState::Active);
                if read.query_row(params![edge.0, active], |row| row.get(0))? {
                    failing.push(*edge);
                }
            }
            Ok(failing)
        })
    }
}

impl Control {
    fn set_state(
        &self,
        id: ViolationId,
        state: ViolationState,
        until: Option<Timestamp>,
        reason: Option<&str>,
    ) -> Result<Violation, StoreError> {
        self.transact(|connection| {
            let reason = reason.map(|reason| super::file::cut(reason, MAX_REASON_LEN));
            let until = until.map(Timestamp::as_nanos);
            let resolved = state_code(ViolationState::Resolved);
            let changed = connection
                .prepare_cached(
                    "UPDATE violations SET state = ?, until = ?, reason = ?
                     WHERE id = ? AND state <> ?",
                )?
                .execute(params![state_code(state), until, reason, id.0, resolved])?;
            let missing =
                || StoreError::Missing { what: "violation that is there", name: id.to_string() };
            if changed == 0 {
                return Err(missing().into());
            }
            one(connection, id)?.ok_or_else(|| Failure::Refused(missing()))
        })
    }
}

fn count(connection: &Connection) -> rusqlite::Result<usize> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM violations", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Forgets resolved violations, the oldest first, where new ones may not fit.
fn make_room(connection: &Connection, wanted: usize) -> rusqlite::Result<()> {
    let over = count(connection)?.saturating_add(wanted).saturating_sub(Violation::MAX_COUNT);
    if over == 0 {
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM violations WHERE id IN (
             SELECT id FROM violations WHERE state = ? ORDER BY last LIMIT ?)",
        )?
        .execute(params![
            state_code(ViolationState::Resolved),
            i64::try_from(over).unwrap_or(i64::MAX)
        ])
        .map(drop)
}

/// Forgets the violation that is least severe, and of those the one that was not seen for longest, if it is less
/// severe than what is to have its place.
fn displace(connection: &Connection, by: Severity) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "DELETE FROM violations WHERE severity < ?1 AND id = (
             SELECT id FROM violations ORDER BY severity, max(last, 0) / 1000, id DESC LIMIT 1)",
        )?
        .execute([by as i64])
        .map(|removed| removed > 0)
}

fn one(connection: &Connection, id: ViolationId) -> rusqlite::Result<Option<Violation>> {
    let mut read = connection.prepare_cached(&format!("{SELECT} WHERE id = ?"))?;
    read.query_row([id.0], violation).optional()
}

fn write(
    connection: &Connection,
    id: ViolationId,
    it: &Finding,
    state: ViolationState,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO violations
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
        )?
        .execute(params![
            id.0,
            it.policy,
            it.policy_name,
            it.severity as i64,
            it.edge.0,
            it.posture.0,
            it.message,
            namespaces_json(&it.namespaces),
            it.text,
            it.sessions.cast_signed(),
            it.first_seen.as_nanos(),
            it.last_seen.as_nanos(),
            state_code(state),
        ])
        .map(drop)
}

/// Whether a finding is as it is known, but for sessions of the last hour. Each sweep finds such in all
/// violations that go on.
fn is_almost(known: &Finding, it: &Finding) -> bool {
    let later = it.last_seen.as_nanos().saturating_sub(known.last_seen.as_nanos());
    later < COARSE_NANOS
        && it.first_seen >= known.first_seen
        && Finding {
            sessions: 0,
            first_seen: it.first_seen,
            last_seen: it.last_seen,
            ..known.clone()
        } == Finding { sessions: 0, ..it.clone() }
}

/// Brings the finding of a violation up to date, whatever its state.
fn update(connection: &Connection, known: &Violation, it: &Finding) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE violations SET policy_name = ?, severity = ?, message = ?, namespaces = ?,
             text = ?, sessions = ?, first = min(first, ?), last = max(last, ?) WHERE id = ?",
        )?
        .execute(params![
            it.policy_name,
            it.severity as i64,
            it.message,
            namespaces_json(&it.namespaces),
            it.text,
            it.sessions.cast_signed(),
            it.first_seen.as_nanos(),
            it.last_seen.as_nanos(),
            known.id.0,
        ])
        .map(drop)
}

fn wake(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Violation>> {
    let ids = select_ids(connection, "until <= ?", Value::from(now.as_nanos()))?;
    let mut woken = Vec::new();
    for id in ids {
        connection
            .prepare_cached(
                "UPDATE violations SET state = ?, until = NULL, reason = NULL WHERE id = ?",
            )?
            .execute(params![state_code(ViolationState::Active), id.0])?;
        woken.extend(one(connection, id)?);
    }
    Ok(woken)
}

fn select_ids(
    connection: &Connection,
    condition: &str,
    value: Value,
) -> rusqlite::Result<Vec<ViolationId>> {
    let query = format!("SELECT id FROM violations WHERE {condition} AND state <> ?");
    let mut read = connection.prepare_cached(&query)?;
    let resolved = state_code(ViolationState::Resolved);
    read.query_map(params![value, resolved], |row| row.get(0).map(ViolationId))?.collect()
}

/// What SQL can tell of a query; every value is a parameter.
fn conditions(query: &ViolationQuery) -> (String, Vec<Value>) {
    let all = [
        ("state = ?", query.state.map(|state| Value::from(state_code(state)))),
        ("severity = ?", query.severity.map(|it| Value::from(it as i64))),
        ("policy = ?", query.policy.clone().map(Value::from)),
        ("edge = ?", query.edge.map(|edge| Value::from(edge.0.to_vec()))),
    ];
    let given = all.into_iter().filter_map(|(text, value)| Some((text, value?)));
    let (mut texts, values): (Vec<&str>, Vec<Value>) = given.unzip();
    texts.push("1");
    (texts.join(" AND "), values)
}

fn is_found(finding: &Finding, namespace: Option<&str>, q: Option<&Needle<'_>>) -> bool {
    namespace.is_none_or(|asked| finding.namespaces.iter().any(|it| it == asked))
        && q.is_none_or(|q| {
            [&finding.message, &finding.policy_name, &finding.text]
                .into_iter()
                .any(|it| q.is_in(it))
        })
}

/// Whether a violation comes after a place in the list.
fn is_after(it: &Violation, after: Cursor) -> bool {
    let place = cursor(it);
    (place.key, place.id) > (after.key, after.id)
}

/// The place of a violation: severity in the highest bits, then when it was seen last, in
/// microseconds, both from the largest down.
fn cursor(it: &Violation) -> Cursor {
    let severity = 3_i64.saturating_sub(it.finding.severity as i64);
    let micros = it.finding.last_seen.as_nanos().max(0) / 1000;
    let time = (LATEST_MICROS.saturating_sub(micros)).clamp(0, (1 << 58) - 1);
    Cursor { list: List::Violations, key: (severity << 58) | time, id: it.id.0 }
}

fn violation(row: &Row<'_>) -> rusqlite::Result<Violation> {
    let state = state(row, 12)?;
    let until = maybe_time(row, 14)?;
    let namespaces = row.get_ref(7)?.as_str()?;
    Ok(Violation {
        id: ViolationId(row.get(0)?),
        finding: Finding {
            policy: row.get(1)?,
            policy_name: row.get(2)?,
            severity: severity(row, 3)?,
            edge: EdgeId(row.get(4)?),
            posture: PostureId(row.get(5)?),
            message: row.get(6)?,
            namespaces: serde_json::from_str(namespaces).unwrap_or_default(),
            text: row.get(8)?,
            sessions: row.get::<_, i64>(9)?.cast_unsigned(),
            first_seen: time(row, 10)?,
            last_seen: time(row, 11)?,
        },
        state,
        resolved_at: maybe_time(row, 13)?,
        snoozed_until: until.filter(|_| state == ViolationState::Snoozed),
        excluded_until: until.filter(|_| state == ViolationState::Excluded),
        reason: row.get(15)?,
    })
}

fn namespaces_json(namespaces: &[String]) -> String {
    serde_json::to_string(namespaces).unwrap_or_else(|_error| "[]".to_owned())
}

const fn state_code(state: ViolationState) -> i64 {
    match state {
        ViolationState::Active => 0,
        ViolationState::Resolved => 1,
        ViolationState::Snoozed => 2,
        ViolationState::Excluded => 3,
    }
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<ViolationState> {
    match row.get::<_, i64>(column)? {
        0 => Ok(ViolationState::Active),
        1 => Ok(ViolationState::Resolved),
        2 => Ok(ViolationState::Snoozed),
        3 => Ok(ViolationState::Excluded),
        other => Err(no_such_value(column, other)),
    }
}

fn severity(row: &Row<'_>, column: usize) -> rusqlite::Result<Severity> {
    let number = row.get::<_, i64>(column)?;
    let found = usize::try_from(number).ok().and_then(|number| Severity::ALL.get(number));
    found.copied().ok_or_else(|| no_such_value(column, number))
}

const SELECT: &str = "SELECT id, policy, policy_name, severity, edge, posture, message, namespaces,
    text, sessions, first, last, state, resolved_at, until, reason FROM violations";

/// Later than any time there is, in microseconds.
const LATEST_MICROS: i64 = i64::MAX / 1000;

/// How exactly it is kept when a violation was seen last, where each write goes to all servers.
const COARSE_NANOS: i64 = 3600 * SECOND;

/// Longest reason that is kept, in bytes.
const MAX_REASON_LEN: usize = 1024;
