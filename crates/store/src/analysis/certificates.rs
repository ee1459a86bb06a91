//! Certificates of servers.

use std::cmp::Reverse;
use std::sync::Arc;

use event::Timestamp;

use super::Sums;
use super::edges::describe;
use crate::answer::{Certificate, CertificateCounts, Edge};
use crate::catalog::{Catalog, CertificateEntry};
use crate::error::StoreError;
use crate::id::digest_of;
use crate::needle::Needle;
use crate::page::{Cursor, List, Page, Paged};
use crate::query::{CertificateQuery, CertificateSort, CertificateState};
use crate::steps::Step;

/// A page of certificates.
pub(crate) fn certificates(
    catalog: &Catalog,
    query: &CertificateQuery,
    page: Page,
) -> Result<Paged<Certificate>, StoreError> {
    let list = list(query.sort);
    let after = page.after(list)?.map(|cursor| (cursor.key, cursor.id));
    let q = Needle::of(query.q.as_deref())?;
    let mut found: Vec<(i64, [u8; 16], &CertificateEntry)> = catalog
        .certificates
        .iter()
        .filter(|(_, entry)| entry.tally.sessions > 0 && matches(entry, query, q.as_ref()))
        .map(|(_, entry)| {
            (key(query.sort, entry), digest_of(&entry.certificate.fingerprint), entry)
        })
        .collect();
    let total = found.len() as u64;
    found.retain(|(key, id, _)| after.is_none_or(|after| (*key, *id) > after));
    found.sort_unstable_by_key(|(key, id, _)| (*key, *id));
    let has_more = found.len() > page.limit();
    found.truncate(page.limit());
    let last = found.last().map(|(key, id, _)| Cursor { list, key: *key, id: *id });
    let items = found.into_iter().map(|(.., entry)| describe_one(entry)).collect();
    Ok(Paged { items, next: last.filter(|_| has_more), total: Some(total) })
}

/// One certificate with the edges that use it.
pub(crate) fn certificate(
    catalog: &Catalog,
    sums: &Sums,
    fingerprint: &str,
) -> Option<(Certificate, Vec<Edge>)> {
    let entry = catalog.certificates.value(catalog.certificates.number(fingerprint)?)?;
    if entry.tally.sessions == 0 {
        return None;
    }
    let mut users = vec![false; catalog.edges.bound()];
    for (pair, _, posture, ..) in sums.pairs(catalog) {
        let is_used = posture.posture.certificate.fingerprint.as_deref() == Some(fingerprint);
        let slot = usize::try_from(pair.edge).ok().and_then(|edge| users.get_mut(edge));
        if let Some(user) = slot {
            *user |= is_used;
        }
    }
    let mut edges = sums.edges(catalog);
    let uses =
        |edge: u32| usize::try_from(edge).ok().and_then(|edge| users.get(edge)) == Some(&true);
    edges.retain(|sum| uses(sum.edge));
    edges.sort_unstable_by_key(|sum| (Reverse(sum.sessions), sum.edge));
    edges.truncate(MAX_USERS);
    Some((describe_one(entry), describe(catalog, sums, &edges)))
}

/// How many of the certificates of a window end when.
pub(super) fn counts(catalog: &Catalog, sums: &Sums, now: Timestamp) -> CertificateCounts {
    let mut is_seen = vec![false; catalog.certificates.bound()];
    for (_, _, posture, ..) in sums.pairs(catalog) {
        let fingerprint = posture.posture.certificate.fingerprint.as_deref();
        let number = fingerprint.and_then(|it| catalog.certificates.number(it));
        let slot =
            number.and_then(|it| usize::try_from(it).ok()).and_then(|it| is_seen.get_mut(it));
        if let Some(seen) = slot {
            *seen = true;
        }
    }
    let mut counts = CertificateCounts::default();
    for (number, entry) in catalog.certificates.iter() {
        if usize::try_from(number).ok().and_then(|it| is_seen.get(it)) != Some(&true) {
            continue;
        }
        counts.total += 1;
        let Some(end) = entry.certificate.not_after else { continue };
        if end < now {
            counts.expired += 1;
            continue;
        }
        counts.expiring_7 += u64::from(end < after_days(now, 7));
        counts.expiring_30 += u64::from(end < after_days(now, CertificateQuery::EXPIRING_DAYS));
    }
    counts
}

fn matches(entry: &CertificateEntry, query: &CertificateQuery, q: Option<&Needle<'_>>) -> bool {
    let it = &entry.certificate;
    let is_found = q.is_none_or(|q| {
        let texts = [&it.subject, &it.issuer, &it.fingerprint];
        texts.into_iter().chain(&it.names).chain(&it.serial).any(|text| q.is_in(text))
    });
    is_found && query.state.is_none_or(|asked| state(it.not_after, query.now) == Some(asked))
}

/// The state of a validity whose end is known.
fn state(not_after: Option<Timestamp>, now: Timestamp) -> Option<CertificateState> {
    let end = not_after?;
    Some(if end < now {
        CertificateState::Expired
    } else if end < after_days(now, CertificateQuery::EXPIRING_DAYS) {
        CertificateState::Expiring
    } else {
        CertificateState::Valid
    })
}

const fn after_days(now: Timestamp, days: i64) -> Timestamp {
    now.plus_nanos(days.saturating_mul(Step::Day.nanos()))
}

fn describe_one(entry: &CertificateEntry) -> Certificate {
    Certificate {
        certificate: Arc::clone(&entry.certificate),
        first_seen: entry.tally.first,
        last_seen: entry.tally.last,
        sessions: entry.tally.sessions,
    }
}

/// What certificates are sorted by, the smallest first.
fn key(sort: CertificateSort, entry: &CertificateEntry) -> i64 {
    match sort {
        CertificateSort::NotAfter => {
            entry.certificate.not_after.map_or(i64::MAX, Timestamp::as_nanos)
        }
        CertificateSort::LastSeen => entry.tally.last.as_nanos().saturating_neg(),
        CertificateSort::Sessions => {
            i64::try_from(entry.tally.sessions).map_or(i64::MIN, |sessions| -sessions)
        }
    }
}

const fn list(sort: CertificateSort) -> List {
    match sort {
        CertificateSort::NotAfter => List::CertificatesByNotAfter,
        CertificateSort::LastSeen => List::CertificatesByLast,
        CertificateSort::Sessions => List::CertificatesBySessions,
    }
}

/// Most edges told of a certificate, those with the most sessions.
const MAX_USERS: usize = 200;
