//! Every store gives the same answers for the same batches.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod samples;

use backend::{Place, for_each_server};
use event::{KeyExchangeClass, Timestamp};
use policy::{Grade, Outcome};
use samples::{Random, Samples, batch};
use store::{
    CertificateQuery, CertificateSort, CertificateState, Edge, EdgeQuery, EdgeSort, GraphQuery,
    Loss, Page, Paged, Record, SessionQuery, Sessions, StoreError, Window,
};

for_each_server!(every_store_gives_the_same_answers);

/// Random batches into a file and into a database, and the same random questions to both.
fn every_store_gives_the_same_answers(place: &Place) {
    for seed in 0..CASES {
        let (sqlite, place) = (Place::sqlite(), place.another());
        let mut random = Random::new(seed);
        let world = World::new(&mut random, seed);
        let (mut file, mut database) = (sqlite.open(), place.open());
        for round in 0..ROUNDS {
            for number in 0..BATCHES {
                let batch = world.batch(&mut random, round * BATCHES + number);
                let (one, other) = (file.ingest(batch.clone()), database.ingest(batch));
                let (mut one, mut other) = (one.unwrap(), other.unwrap());
                one.new_pairs.sort_unstable();
                other.new_pairs.sort_unstable();
                assert_eq!(one, other, "seed {seed}, round {round}, batch {number}");
            }
            match random.below(3) {
                0 => {
                    drop((file, database));
                    (file, database) = (sqlite.open(), place.open());
                }
                1 => {
                    // Days later, so that the oldest counts of minutes are gone.
                    let now = NOW.plus_nanos(2 * DAY);
                    let (one, other) = (file.maintain(now), database.maintain(now));
                    assert_eq!(one.unwrap(), other.unwrap());
                }
                _ => {}
            }
            let stores = Stores { file: &*file, database: &*database, seed, round };
            stores.compare_all(&mut random, &world);
        }
    }
}

/// Sessions and edges that batches take from, again and again.
struct World {
    records: Vec<Record>,
}

impl World {
    fn new(random: &mut Random, seed: u64) -> Self {
        let mut samples = Samples::new(seed, 10);
        let mut records = samples.sessions(START, 97 * SECOND, 500);
        for record in &mut records {
            vary(random, record);
        }
        for n in 0..40 {
            records.push(samples.edge(START.plus_nanos(n * 1200 * SECOND), random.below(500)));
        }
        records.push(samples.session(NOW.plus_nanos(-31 * DAY)));
        records.push(samples.session(NOW.plus_nanos(2 * DAY)));
        Self { records }
    }

    fn batch(&self, random: &mut Random, number: u64) -> store::Batch {
        let from = index(random, self.records.len());
        let count = index(random, 150);
        let mut records: Vec<Record> =
            self.records.iter().skip(from).take(count).cloned().collect();
        for _ in 0..random.below(4) {
            records.push(self.records[index(random, self.records.len())].clone());
        }
        // Now and then a batch comes again.
        let id = if random.below(5) == 0 { number / 2 } else { number };
        let mut batch = batch(&format!("batch {id}"), NOW, records);
        batch.received = NOW.plus_nanos(i64::try_from(number).unwrap() * SECOND);
        batch.source.id = format!("agent-{}", random.below(3));
        batch.source.version = format!("0.{}.0", random.below(2));
        for cause in 0..random.below(3) {
            batch.losses.push(Loss { cause: format!("cause {cause}"), count: random.next() >> 8 });
        }
        batch
    }
}

/// What the samples do not have: hostile texts, IPv6, no names.
fn vary(random: &mut Random, record: &mut Record) {
    let seen = &mut record.seen;
    match random.below(8) {
        0 => seen.server_name = None,
        1 => seen.server_name = Some(String::new()),
        2 => seen.server_name = Some("it's \\ a \"TEST\" \u{0}é%_".to_owned()),
        3 => seen.client.ip = "2001:db8::1:0:0:1".parse().unwrap(),
        4 => seen.server.ip = "::ffff:10.99.1.2".parse().unwrap(),
        5 => seen.client.process = None,
        6 => seen.alert = Some("unknown_ca".to_owned()),
        _ => {}
    }
}

struct Stores<'a> {
    file: &'a dyn Sessions,
    database: &'a dyn Sessions,
    seed: u64,
    round: u64,
}

impl Stores<'_> {
    fn compare_all(&self, random: &mut Random, world: &World) {
        for _ in 0..WINDOWS {
            let window = window(random);
            self.same("overview", |store| store.overview(window, NOW));
            self.same("series", |store| store.series(window));
            self.same("inventory", |store| store.inventory(window));
            self.same("readiness", |store| store.readiness(window));
            self.same("losses", |store| store.losses(window));
            let graph = graph_query(random, window);
            self.same("graph", |store| store.graph(&graph));
            let edges = edge_query(random, window);
            let edges = self.same("edges", |store| {
                pages(|page| store.edges(&edges, page), 7)
                    .map(|items| items.into_iter().map(sorted).collect::<Vec<_>>())
            });
            if let Some(edge) = edges.first() {
                self.same("edge", |store| store.edge(edge.id, window).map(|it| it.map(sorted)));
            }
            for _ in 0..SEARCHES {
                let query = session_query(random, window, world);
                let limit = 40 + index(random, 160);
                let name = format!("sessions {query:?}");
                let rows =
                    self.same(&name, |store| pages(|page| store.sessions(&query, page), limit));
                self.same("lines", |store| pages(|page| store.lines(&query, page), limit));
                if let Some(row) = rows.last() {
                    self.same("session", |store| store.session(row.id));
                }
            }
        }
        let certificates = CertificateQuery {
            now: NOW,
            q: (random.below(2) == 0).then(|| "A".to_owned()),
            state: [None, Some(CertificateState::Expired), Some(CertificateState::Valid)]
                [index(random, 3)],
            sort: [CertificateSort::NotAfter, CertificateSort::LastSeen, CertificateSort::Sessions]
                [index(random, 3)],
        };
        let found = self
            .same("certificates", |store| pages(|page| store.certificates(&certificates, page), 3));
        if let Some(certificate) = found.first() {
            let fingerprint = &certificate.certificate.fingerprint;
            self.same("certificate", |store| {
                let found = store.certificate(fingerprint, EVER)?;
                Ok(found.map(|(it, edges)| (it, edges.into_iter().map(sorted).collect::<Vec<_>>())))
            });
        }
        self.same("pairs", |store| {
            let mut pairs = pages(|page| store.pairs(page), 11)?;
            // Their order is one that stays, and not the same everywhere.
            pairs.sort_by_key(|pair| (pair.edge, pair.posture_id));
            pairs.iter_mut().for_each(|pair| pair.server_names.sort_unstable());
            Ok(pairs)
        });
        self.same("agents", |store| store.agents());
        self.same("status", |store| {
            let status = store.status()?;
            let sizes = (status.sessions, status.oldest, status.refused_records);
            Ok((sizes, status.dictionaries, status.evicted_sessions, status.retention))
        });
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        name: &str,
        ask: impl Fn(&dyn Sessions) -> Result<T, StoreError>,
    ) -> T {
        let (one, other) = (ask(self.file).unwrap(), ask(self.database).unwrap());
        let Self { seed, round, .. } = self;
        assert!(one == other, "seed {seed}, round {round}, {name}:\n{one:#?}\nor\n{other:#?}");
        one
    }
}

/// All of a list, page by page.
fn pages<T>(
    ask: impl Fn(Page) -> Result<Paged<T>, StoreError>,
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = ask(Page { after, limit })?;
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// An edge with its names in an order of their own.
fn sorted(mut edge: Edge) -> Edge {
    edge.server_names.sort_unstable();
    edge
}

fn window(random: &mut Random) -> Window {
    let nanos =
        |random: &mut Random, span: i64| i64::try_from(random.below(span.cast_unsigned())).unwrap();
    let from = START.plus_nanos(nanos(random, DAY) - DAY / 4);
    match random.below(4) {
        0 => EVER,
        1 => Window { from, to: from.plus_nanos(nanos(random, 600 * SECOND)) },
        2 => Window { from, to: from.plus_nanos(nanos(random, DAY)) },
        _ => Window { from, to: from },
    }
}

fn graph_query(random: &mut Random, window: Window) -> GraphQuery {
    GraphQuery {
        namespace: (random.below(3) == 0).then(|| format!("ns-{}", random.below(3))),
        grade: (random.below(3) == 0).then(|| Grade::ALL[index(random, 6)]),
        q: (random.below(3) == 0).then(|| "SVC-1".to_owned()),
        limit: 1 + index(random, 8),
        ..GraphQuery::all(window)
    }
}

fn edge_query(random: &mut Random, window: Window) -> EdgeQuery {
    let sorts = [
        EdgeSort::Sessions,
        EdgeSort::Failures,
        EdgeSort::FirstSeen,
        EdgeSort::LastSeen,
        EdgeSort::Grade,
    ];
    EdgeQuery {
        namespace: (random.below(4) == 0).then(|| format!("ns-{}", random.below(3))),
        grade: (random.below(4) == 0).then(|| Grade::ALL[index(random, 6)]),
        port: (random.below(4) == 0).then_some(443),
        q: (random.below(4) == 0).then(|| "cluster".to_owned()),
        sort: sorts[index(random, 5)],
        ..EdgeQuery::all(window)
    }
}

/// A query for what one of the records has, or for what nothing has.
fn session_query(random: &mut Random, window: Window, world: &World) -> SessionQuery {
    let record = &world.records[index(random, 500)];
    let (seen, all) = (&record.seen, SessionQuery::all(window));
    let posture = &seen.posture;
    let mixed = |text: Option<&String>| text.map(|text| text.to_ascii_uppercase());
    let part = |random: &mut Random, text: &str| {
        let chars: Vec<char> = text.chars().collect();
        let from = index(random, chars.len().max(1));
        Some(chars.iter().skip(from).take(1 + index(random, 6)).collect::<String>())
    };
    match random.below(22) {
        0 => all,
        1 => SessionQuery { version: posture.version.clone(), ..all },
        2 => SessionQuery { cipher: mixed(posture.cipher.as_ref()), ..all },
        3 => SessionQuery { group: posture.group.clone(), ..all },
        4 => SessionQuery { class: Some(KeyExchangeClass::Classical), ..all },
        5 => SessionQuery { grade: Some(Grade::ALL[index(random, 6)]), ..all },
        6 => SessionQuery { server_name: mixed(seen.server_name.as_ref()), ..all },
        7 => SessionQuery { ip: Some(seen.client.ip), ..all },
        8 => SessionQuery { ip: Some(seen.server.ip), port: Some(443), ..all },
        9 => SessionQuery { port: Some(seen.server.port), ..all },
        10 => SessionQuery { namespace: record.source.namespace.clone(), ..all },
        11 => SessionQuery { process: mixed(seen.client.process.as_ref()), ..all },
        12 => SessionQuery { process: seen.server.executable.clone(), ..all },
        13 => SessionQuery { certificate: posture.certificate.fingerprint.clone(), ..all },
        14 => SessionQuery { ja3: seen.fingerprints.ja3.clone(), ..all },
        15 => SessionQuery { ja4: mixed(seen.fingerprints.ja4.as_ref()), ..all },
        16 => SessionQuery { outcome: Some(Outcome::Failure), ..all },
        17 => SessionQuery { outcome: Some(seen.outcome), q: Some("0.".to_owned()), ..all },
        18 => SessionQuery { q: part(random, &record.destination.name), ..all },
        19 => {
            let name = seen.server_name.as_deref().unwrap_or("x");
            SessionQuery { q: part(random, name), ..all }
        }
        20 => {
            let ip = seen.client.ip.to_string();
            let len = 1 + index(random, ip.len());
            SessionQuery { q: Some(ip[..len].to_owned()), ..all }
        }
        _ => SessionQuery { q: Some("nowhere".to_owned()), ..all },
    }
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(u64::try_from(bound).unwrap())).unwrap()
}

const CASES: u64 = 2;
const ROUNDS: u64 = 2;
const BATCHES: u64 = 6;
const WINDOWS: usize = 2;
const SEARCHES: usize = 5;
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_795_176_000 + 86_400) * SECOND);
const EVER: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 2 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 10 * 86_400) * SECOND),
};
