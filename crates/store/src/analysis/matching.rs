//! Which pairs sessions that are searched for can be of.

use policy::Outcome;

use crate::catalog::{Catalog, EdgeEntry, PairEntry, PostureEntry};
use crate::query::SessionQuery;

/// Whether a query asks for something that pairs have.
pub(crate) const fn is_of_pairs(query: &SessionQuery) -> bool {
    query.version.is_some()
        || query.cipher.is_some()
        || query.group.is_some()
        || query.class.is_some()
        || query.grade.is_some()
        || query.port.is_some()
        || query.namespace.is_some()
        || query.certificate.is_some()
        || query.edge.is_some()
        || matches!(query.outcome, Some(Outcome::Failure))
}

/// Whether all of a query that is not told by single sessions may hold for a pair.
pub(crate) fn is_of_pair(
    query: &SessionQuery,
    catalog: &Catalog,
    pair: &PairEntry,
    edge: &EdgeEntry,
    posture: &PostureEntry,
) -> bool {
    let it = &posture.posture;
    let is = |asked: Option<&String>, value: Option<&String>| {
        asked.is_none_or(|asked| value.is_some_and(|value| value.eq_ignore_ascii_case(asked)))
    };
    pair.tally.sessions > 0
        && is(query.version.as_ref(), it.version.as_ref())
        && is(query.cipher.as_ref(), it.cipher.as_ref())
        && is(query.group.as_ref(), it.group.as_ref())
        && is(query.certificate.as_ref(), it.certificate.fingerprint.as_ref())
        && query.class.is_none_or(|class| it.class == Some(class))
        && query.grade.is_none_or(|grade| posture.grade == grade)
        && query.port.is_none_or(|port| edge.port == port)
        && query.edge.is_none_or(|id| edge.id == id)
        && (query.outcome != Some(Outcome::Failure) || pair.tally.failures > 0)
        && query.namespace.as_ref().is_none_or(|namespace| {
            let ends = [edge.source, edge.destination];
            ends.into_iter().filter_map(|end| catalog.entities.value(end)).any(|end| {
                end.namespace.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(namespace))
            })
        })
}
