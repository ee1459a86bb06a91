//! A query for sessions as a condition of SQL.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use event::Timestamp;

use super::dialect::{Dialect, list, literal};
use crate::analysis::{is_named, is_of_pair, is_of_pairs};
use crate::block::{Field, Row};
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::needle::{AddressPart, Needle};
use crate::query::SessionQuery;

/// What is searched for.
pub(super) struct Condition<'a> {
    /// What holds for a row that is searched for, and for few others.
    pub(super) sql: String,
    /// Begin of the time in which there can be any.
    pub(super) from: Timestamp,
    /// End of the time in which there can be any.
    pub(super) to: Timestamp,
    q: Option<Part<'a>>,
}

/// A part of a text or of an address that is searched for.
struct Part<'a> {
    needle: Needle<'a>,
    address: Option<AddressPart>,
}

impl<'a> Condition<'a> {
    /// Makes a query ready; nothing if no session can be found.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub(super) fn new(
        catalog: &Catalog,
        query: &'a SessionQuery,
        dialect: Dialect,
    ) -> Result<Option<Self>, StoreError> {
        let needle = Needle::of(query.q.as_deref())?;
        let q_ip = query.q.as_deref().and_then(|q| q.trim().parse::<IpAddr>().ok());
        let (needle, ip) = match (q_ip, query.ip) {
            (Some(ip), None) => (None, Some(ip)),
            (_, ip) => (needle, ip),
        };
        let mut terms = texts(query);
        if let Some(outcome) = query.outcome {
            terms.push(format!("outcome = '{}'", outcome.name()));
        }
        if let Some(ip) = ip {
            let ip = dialect.ip(ip.to_canonical());
            terms.push(format!("(client_ip = {ip} OR server_ip = {ip})"));
        }
        if is_of_pairs(query) {
            match of_pairs(catalog, query) {
                Some(more) => terms.extend(more),
                None => return Ok(None),
            }
        }
        let q = needle.map(|needle| Part { address: needle.addresses(), needle });
        if let (Some(part), Some(text)) = (&q, query.q.as_deref()) {
            terms.push(part.sql(catalog, text.trim(), dialect));
        }
        let sql = if terms.is_empty() { "1".to_owned() } else { terms.join(" AND ") };
        // Sessions before 1970 cannot be told apart from others by servers.
        let from = query.window.from.max(Timestamp::from_nanos(0));
        let condition = Self { sql, from, to: query.window.to, q };
        Ok((from < query.window.to).then_some(condition))
    }

    /// Whether a row is searched for that the condition holds for.
    pub(super) fn holds(&self, catalog: &Catalog, row: &Row) -> bool {
        let Some(Part { needle, address }) = &self.q else { return true };
        let is_named = catalog
            .pair(row.pair)
            .is_some_and(|(_, edge, _)| is_named(catalog, edge, Some(needle)));
        let begins = |ip| address.as_ref().is_some_and(|part| part.is_begin_of(ip));
        is_named
            || FOUND_BY_PART
                .iter()
                .any(|(field, _)| row.text(*field).is_some_and(|text| needle.is_in(text)))
            || begins(row.client_ip)
            || begins(row.server_ip)
    }
}

impl Part<'_> {
    fn sql(&self, catalog: &Catalog, text: &str, dialect: Dialect) -> String {
        let text = literal(text.as_bytes());
        let mut any: Vec<String> = FOUND_BY_PART
            .iter()
            .map(|(_, column)| format!("positionCaseInsensitive({column}, {text}) > 0"))
            .collect();
        let edges = catalog.edges.iter();
        let named: BTreeSet<[u8; 16]> = edges
            .filter(|(_, edge)| is_named(catalog, edge, Some(&self.needle)))
            .map(|(_, edge)| edge.id.0)
            .collect();
        if named.len() <= catalog.edges.len() / 2 {
            any.extend((!named.is_empty()).then(|| format!("edge IN {}", list(&named))));
        } else {
            let all = catalog.edges.iter().map(|(_, edge)| edge.id.0);
            let others: BTreeSet<[u8; 16]> = all.filter(|id| !named.contains(id)).collect();
            any.push(if others.is_empty() {
                "1".to_owned()
            } else {
                format!("edge NOT IN {}", list(&others))
            });
        }
        match &self.address {
            Some(AddressPart::V4 { octets, last }) => {
                for (from, to) in ranges(octets, last) {
                    let (from, to) = (dialect.ip(from.into()), dialect.ip(to.into()));
                    for column in ADDRESSES {
                        any.push(format!("({column} >= {from} AND {column} <= {to})"));
                    }
                }
            }
            Some(AddressPart::V6(begin)) => {
                let begin = literal(begin.as_bytes());
                for column in ADDRESSES {
                    any.push(format!("position({}, {begin}) = 1", dialect.ip_text(column)));
                }
            }
            None => {}
        }
        format!("({})", any.join(" OR "))
    }
}

/// Conditions of texts that are asked for as a whole, whatever their case.
fn texts(query: &SessionQuery) -> Vec<String> {
    const PROCESSES: &[&str] =
        &["client_process", "client_executable", "server_process", "server_executable"];
    let asked: [(&[&str], Option<&String>); 4] = [
        (&["server_name"], query.server_name.as_ref()),
        (PROCESSES, query.process.as_ref()),
        (&["ja3"], query.ja3.as_ref()),
        (&["ja4"], query.ja4.as_ref()),
    ];
    let asked = asked.into_iter().filter_map(|(columns, text)| Some((columns, text?)));
    asked
        .map(|(columns, text)| {
            let text = literal(text.to_ascii_lowercase().as_bytes());
            let any: Vec<String> =
                columns.iter().map(|column| format!("lower({column}) = {text}")).collect();
            format!("({})", any.join(" OR "))
        })
        .collect()
}

/// Conditions for the edges and the postures that a query is for; nothing if there are none.
///
/// What is asked for holds for an edge or for a posture, so it holds for all pairs of both.
fn of_pairs(catalog: &Catalog, query: &SessionQuery) -> Option<Vec<String>> {
    let (mut edges, mut postures) = (BTreeSet::new(), BTreeSet::new());
    for (number, _) in catalog.pairs.iter() {
        let Some((pair, edge, posture)) = catalog.pair(number) else { continue };
        if is_of_pair(query, catalog, pair, edge, posture) {
            edges.insert(edge.id.0);
            postures.insert(posture.id.0);
        }
    }
    if edges.is_empty() {
        return None;
    }
    let is_of_edges = query.port.is_some() || query.namespace.is_some() || query.edge.is_some();
    let is_of_postures = query.version.is_some()
        || query.cipher.is_some()
        || query.group.is_some()
        || query.class.is_some()
        || query.grade.is_some()
        || query.certificate.is_some();
    let mut terms = Vec::new();
    terms.extend(is_of_edges.then(|| format!("edge IN {}", list(&edges))));
    terms.extend(is_of_postures.then(|| format!("posture IN {}", list(&postures))));
    Some(terms)
}

/// Addresses of IPv4 that begin with some octets and digits, as ranges.
fn ranges(octets: &[u8], last: &str) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let address = |next: u8, fill: u8| {
        let mut bytes = [fill; 4];
        let begin = octets.iter().copied().chain([next]);
        for (byte, octet) in bytes.iter_mut().zip(begin) {
            *byte = octet;
        }
        Ipv4Addr::from(bytes)
    };
    let mut found: Vec<(u8, u8)> = Vec::new();
    for next in 0..=u8::MAX {
        if !next.to_string().starts_with(last) {
            continue;
        }
        match found.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(next) => *end = next,
            _ => found.push((next, next)),
        }
    }
    found.into_iter().map(|(from, to)| (address(from, 0), address(to, u8::MAX))).collect()
}

/// Fields that `q` looks at, and their columns.
const FOUND_BY_PART: [(Field, &str); 5] = [
    (Field::ServerName, "server_name"),
    (Field::ClientProcess, "client_process"),
    (Field::ClientExecutable, "client_executable"),
    (Field::ServerProcess, "server_process"),
    (Field::ServerExecutable, "server_executable"),
];

const ADDRESSES: [&str; 2] = ["client_ip", "server_ip"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begin_of_an_address_is_a_few_ranges() {
        let ip = |a, b, c, d| Ipv4Addr::new(a, b, c, d);
        assert_eq!(ranges(&[10], ""), [(ip(10, 0, 0, 0), ip(10, 255, 255, 255))]);
        assert_eq!(
            ranges(&[10, 1], "2"),
            [
                (ip(10, 1, 2, 0), ip(10, 1, 2, 255)),
                (ip(10, 1, 20, 0), ip(10, 1, 29, 255)),
                (ip(10, 1, 200, 0), ip(10, 1, 255, 255)),
            ]
        );
        assert_eq!(ranges(&[10, 1, 2], "7")[0], (ip(10, 1, 2, 7), ip(10, 1, 2, 7)));
        assert!(ranges(&[10], "300").is_empty());
    }
}
