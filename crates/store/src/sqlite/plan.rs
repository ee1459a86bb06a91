//! A query for sessions, made ready for blocks.

use std::net::IpAddr;

use event::Timestamp;
use policy::Outcome;

use crate::analysis::{is_named, is_of_pair, is_of_pairs};
use crate::block::{Field, Filter, Rows, Term};
use crate::catalog::{CLASSES, Catalog};
use crate::error::StoreError;
use crate::needle::{AddressPart, Needle};
use crate::query::SessionQuery;

pub(super) use crate::block::View;

/// What is searched for.
pub(super) struct Plan<'a> {
    query: &'a SessionQuery,
    q: Option<Needle<'a>>,
    /// The address that is asked for, as `q` or by itself.
    ip: Option<IpAddr>,
    /// Pairs that all but what differs from session to session holds for, by number; all if absent.
    pairs: Option<Vec<bool>>,
    /// Pairs that have `q` in the name of an end, by number.
    named: Vec<bool>,
    /// Whether there are such pairs.
    is_any_named: bool,
    /// Addresses that begin with `q`.
    begin: Option<AddressPart>,
    /// Terms that a block must hold, all of them.
    terms: Vec<Term>,
    /// Terms of which a block must hold one; any block will do if empty.
    any: Vec<Term>,
    /// Begin of the time in which there can be any.
    pub(super) from: Timestamp,
    /// End of the time in which there can be any.
    pub(super) to: Timestamp,
}

/// What is searched for in one block, by number of its texts and addresses.
pub(super) struct Wanted {
    texts: Vec<(Texts, Vec<bool>)>,
    addresses: Option<Vec<bool>>,
    /// Texts and addresses with `q`.
    q: Option<(Vec<bool>, Vec<bool>)>,
}

/// Fields of which one must hold.
type Texts = &'static [Field];

impl<'a> Plan<'a> {
    /// Makes a query ready; nothing if no session can be found.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`].
    pub(super) fn new(
        catalog: &Catalog,
        query: &'a SessionQuery,
    ) -> Result<Option<Self>, StoreError> {
        let q = Needle::of(query.q.as_deref())?;
        let q_ip = query.q.as_deref().and_then(|q| q.trim().parse::<IpAddr>().ok());
        let (q, ip) = match (q_ip, query.ip) {
            (Some(ip), None) => (None, Some(ip)),
            (_, ip) => (q, ip),
        };
        let mut plan = Self {
            query,
            q,
            ip: ip.map(|ip| ip.to_canonical()),
            pairs: None,
            named: Vec::new(),
            is_any_named: false,
            begin: None,
            terms: Vec::new(),
            any: Vec::new(),
            from: query.window.from,
            to: query.window.to,
        };
        plan.choose_terms();
        if is_of_pairs(query) && !plan.choose_pairs(catalog) {
            return Ok(None);
        }
        if let Some(q) = &plan.q {
            let mut edges = vec![false; catalog.edges.bound()];
            for (at, edge) in catalog.edges.iter() {
                set(&mut edges, at, is_named(catalog, edge, Some(q)));
            }
            let mut named = vec![false; catalog.pairs.bound()];
            for (at, pair) in catalog.pairs.iter() {
                set(&mut named, at, is_set(&edges, pair.edge));
            }
            plan.begin = q.addresses();
            plan.is_any_named = named.contains(&true);
            plan.named = named;
        }
        Ok((plan.from < plan.to).then_some(plan))
    }

    /// Whether a block may hold what is searched for.
    pub(super) fn may_be_in(&self, filter: &Filter<'_>) -> bool {
        self.terms.iter().all(|term| filter.may_hold(*term))
            && (self.any.is_empty() || self.any.iter().any(|term| filter.may_hold(*term)))
    }

    /// What is searched for in a block; nothing if none of its rows can hold it.
    pub(super) fn wanted_in(&self, rows: &Rows<'_>) -> Option<Wanted> {
        let matching = |text: &str| -> Vec<bool> {
            rows.texts().map(|it| it.eq_ignore_ascii_case(text)).collect()
        };
        let query = self.query;
        let asked: [(Texts, Option<&String>); 4] = [
            (&[Field::ServerName], query.server_name.as_ref()),
            (&PROCESSES, query.process.as_ref()),
            (&[Field::Ja3], query.ja3.as_ref()),
            (&[Field::Ja4], query.ja4.as_ref()),
        ];
        let mut texts = Vec::new();
        for (fields, text) in asked {
            let Some(text) = text else { continue };
            let chosen = matching(text);
            if !chosen.contains(&true) {
                return None;
            }
            texts.push((fields, chosen));
        }
        let addresses = match self.ip {
            Some(ip) => {
                let chosen: Vec<bool> = rows.addresses().iter().map(|it| *it == ip).collect();
                if !chosen.contains(&true) {
                    return None;
                }
                Some(chosen)
            }
            None => None,
        };
        let q = self.q.as_ref().map(|q| {
            let texts: Vec<bool> = if q.is_in(rows.all_texts()) {
                rows.texts().map(|text| q.is_in(text)).collect()
            } else {
                Vec::new()
            };
            let begin = self.begin.as_ref();
            let addresses: Vec<bool> = begin.map_or_else(Vec::new, |begin| {
                rows.addresses().iter().map(|ip| begin.is_begin_of(*ip)).collect()
            });
            (texts, addresses)
        });
        let is_nowhere = |(texts, addresses): &(Vec<bool>, Vec<bool>)| {
            !self.is_any_named && !texts.contains(&true) && !addresses.contains(&true)
        };
        if q.as_ref().is_some_and(is_nowhere) {
            return None;
        }
        Some(Wanted { texts, addresses, q })
    }

    /// Terms of what differs from session to session, and of what pairs are chosen by.
    fn choose_terms(&mut self) {
        let query = self.query;
        let class = query.class.map(|class| {
            use event::KeyExchangeClass::{Classical, HybridPq, None as Without, Pq};
            match class {
                HybridPq => CLASSES[0],
                Pq => CLASSES[1],
                Classical => CLASSES[2],
                Without => CLASSES[3],
            }
        });
        let texts = [
            ("name", query.server_name.as_deref()),
            ("process", query.process.as_deref()),
            ("ja3", query.ja3.as_deref()),
            ("ja4", query.ja4.as_deref()),
            ("version", query.version.as_deref()),
            ("cipher", query.cipher.as_deref()),
            ("group", query.group.as_deref()),
            ("certificate", query.certificate.as_deref()),
            ("namespace", query.namespace.as_deref()),
            ("grade", query.grade.map(policy::Grade::name)),
            ("class", class),
            ("outcome", query.outcome.map(Outcome::name)),
        ];
        let texts = texts.into_iter().filter_map(|(kind, text)| Some(Term::text(kind, text?)));
        self.terms.extend(texts);
        self.terms.extend(self.ip.map(Term::ip));
        self.terms.extend(query.port.map(|port| Term::number("port", port.into())));
        self.terms.extend(query.edge.map(Term::edge));
    }

    /// Chooses the pairs that the query holds for; returns whether there are any.
    fn choose_pairs(&mut self, catalog: &Catalog) -> bool {
        let mut chosen = vec![false; catalog.pairs.bound()];
        let mut numbers = Vec::new();
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for (number, _) in catalog.pairs.iter() {
            let Some((pair, edge, posture)) = catalog.pair(number) else { continue };
            if !is_of_pair(self.query, catalog, pair, edge, posture) {
                continue;
            }
            set(&mut chosen, number, true);
            numbers.push(number);
            first = first.min(pair.tally.first.as_nanos());
            last = last.max(pair.tally.last.as_nanos());
        }
        if numbers.is_empty() {
            return false;
        }
        if numbers.len() <= MAX_PAIR_TERMS {
            self.any = numbers.iter().map(|number| Term::number("pair", *number)).collect();
        }
        self.from = self.from.max(Timestamp::from_nanos(first));
        self.to = self.to.min(Timestamp::from_nanos(last.saturating_add(1)));
        self.pairs = Some(chosen);
        true
    }
}

impl Wanted {
    /// Whether a row is searched for.
    pub(super) fn holds(&self, plan: &Plan<'_>, row: &View<'_>) -> bool {
        let time = row.id().time();
        plan.from <= time
            && time < plan.to
            && plan.pairs.as_ref().is_none_or(|pairs| is_set(pairs, row.pair()))
            && plan.query.outcome.is_none_or(|asked| row.outcome() == Some(asked))
            && self
                .texts
                .iter()
                .all(|(fields, chosen)| fields.iter().any(|field| row.has_text(*field, chosen)))
            && self.addresses.as_ref().is_none_or(|chosen| row.has_address(chosen))
            && self.q.as_ref().is_none_or(|(texts, addresses)| {
                is_set(&plan.named, row.pair())
                    || FOUND_BY_PART.iter().any(|field| row.has_text(*field, texts))
                    || row.has_address(addresses)
            })
    }
}

fn set(marks: &mut [bool], number: u32, value: bool) {
    let slot = usize::try_from(number).ok().and_then(|number| marks.get_mut(number));
    if let Some(mark) = slot {
        *mark = value;
    }
}

fn is_set(marks: &[bool], number: u32) -> bool {
    usize::try_from(number).ok().and_then(|number| marks.get(number)).copied().unwrap_or(false)
}

const PROCESSES: [Field; 4] =
    [Field::ClientProcess, Field::ClientExecutable, Field::ServerProcess, Field::ServerExecutable];

/// Fields that `q` looks at.
const FOUND_BY_PART: [Field; 5] = [
    Field::ServerName,
    Field::ClientProcess,
    Field::ClientExecutable,
    Field::ServerProcess,
    Field::ServerExecutable,
];

/// Pairs up to which a block is asked for each of them; more are likely to be everywhere.
const MAX_PAIR_TERMS: usize = 128;
