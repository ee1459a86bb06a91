//! What comes out of a store of sessions is what went in.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod samples;

use backend::{Place, for_each_store};
use event::Timestamp;
use policy::Outcome;
use samples::{Samples, batch};
use store::{
    EdgeQuery, GraphQuery, NotTaken, Page, SessionQuery, Sessions, Settings, SqliteSessions, Window,
};

for_each_store!(
    a_batch_counts_once,
    sessions_that_come_again_in_another_batch_are_duplicates,
    a_session_that_comes_twice_in_one_batch_counts_once,
    edges_count_without_sessions,
    sessions_come_newest_first_in_pages_and_with_their_lines,
    sessions_that_come_one_by_one_are_found_as_well,
    each_filter_finds_what_a_look_at_every_session_finds,
    what_is_hostile_is_kept_as_it_is_and_nothing_else,
    a_cursor_of_another_list_is_refused,
    edges_in_pages_are_all_edges_once,
    the_graph_says_when_it_is_not_the_whole,
    everything_is_there_when_it_is_opened_again,
    what_is_too_old_or_of_the_future_is_refused_with_the_reason,
    a_batch_over_a_limit_is_refused_as_a_whole,
);

fn a_batch_counts_once(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 20).sessions(START, SECOND, 300);
    let first = store.ingest(batch("a", NOW, records.clone())).unwrap();
    assert_eq!((first.accepted, first.duplicates, first.is_repeat), (300, 0, false));
    assert!(!first.new_pairs.is_empty());
    let again = store.ingest(batch("a", NOW, records)).unwrap();
    assert_eq!((again.accepted, again.duplicates, again.is_repeat), (300, 0, true));
    assert!(again.new_pairs.is_empty());
    assert_eq!(counted(&*store), 300);
    assert_eq!(all_sessions(&*store).len(), 300);
}

fn sessions_that_come_again_in_another_batch_are_duplicates(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 20).sessions(START, SECOND, 300);
    store.ingest(batch("a", NOW, records[..200].to_vec())).unwrap();
    let overlapping = store.ingest(batch("b", NOW, records[100..].to_vec())).unwrap();
    assert_eq!((overlapping.accepted, overlapping.duplicates), (100, 100));
    assert_eq!(overlapping.not_taken.len(), 100);
    assert_eq!(overlapping.not_taken[0], (0, NotTaken::Duplicate));
    assert_eq!(counted(&*store), 300);
    assert_eq!(all_sessions(&*store).len(), 300);
}

fn a_session_that_comes_twice_in_one_batch_counts_once(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 20).sessions(START, SECOND, 5);
    let twice_in_one = [&records[..], &records[..]].concat();
    let answer = store.ingest(batch("c", NOW, twice_in_one)).unwrap();
    assert_eq!((answer.accepted, answer.duplicates), (5, 5));
    assert_eq!((counted(&*store), all_sessions(&*store).len()), (5, 5));
}

fn edges_count_without_sessions(place: &Place) {
    let store = place.open();
    let mut samples = Samples::new(1, 20);
    let records = (0..10).map(|n| samples.edge(START.plus_nanos(n * MINUTE), 1000)).collect();
    store.ingest(batch("a", NOW, records)).unwrap();
    assert_eq!(counted(&*store), 10_000);
    assert!(all_sessions(&*store).is_empty());
}

fn sessions_come_newest_first_in_pages_and_with_their_lines(place: &Place) {
    let store = place.open();
    let records = Samples::new(2, 50).sessions(START, SECOND, 2500);
    for (n, part) in records.chunks(700).enumerate() {
        store.ingest(batch(&n.to_string(), NOW, part.to_vec())).unwrap();
    }
    let found = all_sessions(&*store);
    let times: Vec<_> = records.iter().rev().map(|record| record.seen.first).collect();
    assert!(found.iter().map(|row| row.id.time()).eq(times));
    for at in [0, 1, 699, 700, 1024, 2499] {
        let detail = store.session(found[at].id).unwrap().unwrap();
        assert_eq!(detail.row, found[at]);
        assert_eq!(detail.line, records[2499 - at].line);
    }
    let mut lines = store.lines(&SessionQuery::all(EVER), Page::first(1000)).unwrap();
    assert_eq!(lines.items.len(), 1000);
    assert_eq!(lines.items[999].line, records[1500].line);
    lines = store.lines(&SessionQuery::all(EVER), Page { after: lines.next, limit: 1000 }).unwrap();
    assert_eq!(lines.items[0].line, records[1499].line);
}

fn sessions_that_come_one_by_one_are_found_as_well(place: &Place) {
    let store = place.open();
    // In a file, blocks of a few sessions are merged; a server has its own way, and its own pace.
    let count = if place.is_file() { 600 } else { 60 };
    let records = Samples::new(3, 10).sessions(START, SECOND, count);
    for (n, record) in records.iter().enumerate() {
        store.ingest(batch(&n.to_string(), NOW, vec![record.clone()])).unwrap();
    }
    let found = all_sessions(&*store);
    assert_eq!(found.len(), count);
    for (row, record) in found.iter().rev().zip(&records) {
        assert_eq!(row.id.time(), record.seen.first);
    }
    let detail = store.session(found[count / 2].id).unwrap().unwrap();
    assert_eq!(detail.line, records[count / 2 - 1].line);
}

fn each_filter_finds_what_a_look_at_every_session_finds(place: &Place) {
    let store = place.open();
    let records = Samples::new(4, 60).sessions(START, SECOND, 3000);
    for (n, part) in records.chunks(1000).enumerate() {
        store.ingest(batch(&n.to_string(), NOW, part.to_vec())).unwrap();
    }
    let all = all_sessions(&*store);
    let every = SessionQuery::all(EVER);
    let row = &all[1234];
    let seen = &records[2999 - 1234].seen;
    let queries = [
        SessionQuery { version: row.posture.version.clone(), ..every.clone() },
        SessionQuery { cipher: row.posture.cipher.clone(), ..every.clone() },
        SessionQuery { group: row.posture.group.clone(), ..every.clone() },
        SessionQuery { class: row.posture.class, ..every.clone() },
        SessionQuery { grade: Some(row.grade), ..every.clone() },
        SessionQuery { server_name: row.server_name.clone(), ..every.clone() },
        SessionQuery { ip: Some(row.client_ip), ..every.clone() },
        SessionQuery { ip: Some(row.server_ip), ..every.clone() },
        SessionQuery { port: Some(row.server_port), ..every.clone() },
        SessionQuery { namespace: row.source.namespace.clone(), ..every.clone() },
        SessionQuery { process: row.process.clone(), ..every.clone() },
        SessionQuery { process: seen.server.executable.clone(), ..every.clone() },
        SessionQuery { ja3: seen.fingerprints.ja3.clone(), ..every.clone() },
        SessionQuery { ja4: seen.fingerprints.ja4.clone(), ..every.clone() },
        SessionQuery { outcome: Some(Outcome::Failure), ..every.clone() },
        SessionQuery { outcome: Some(Outcome::Success), ..every.clone() },
        SessionQuery { edge: Some(row.edge), ..every.clone() },
        SessionQuery { q: Some("SVC-1".to_owned()), ..every.clone() },
        SessionQuery { q: Some(row.client_ip.to_string()), ..every.clone() },
        SessionQuery { q: Some("10.1.".to_owned()), ..every.clone() },
        SessionQuery {
            window: Window {
                from: START.plus_nanos(100 * SECOND),
                to: START.plus_nanos(200 * SECOND),
            },
            grade: Some(row.grade),
            process: row.process.clone(),
            ..every.clone()
        },
    ];
    for query in queries {
        let found = pages(&*store, &query, 37);
        let expected: Vec<_> = all
            .iter()
            .zip(records.iter().rev())
            .filter(|(row, record)| is_found(&query, row, &record.seen))
            .map(|(row, _)| row.id)
            .collect();
        assert!(!expected.is_empty(), "{query:?}");
        assert!(found.iter().map(|row| row.id).eq(expected), "{query:?}");
    }
    let certificate = all.iter().find_map(|row| row.posture.certificate.fingerprint.clone());
    let found = pages(&*store, &SessionQuery { certificate: certificate.clone(), ..every }, 100);
    let uses = |row: &&store::SessionRow| row.posture.certificate.fingerprint == certificate;
    assert_eq!(found.len(), all.iter().filter(uses).count());
}

fn what_is_hostile_is_kept_as_it_is_and_nothing_else(place: &Place) {
    let store = place.open();
    let texts = [
        "'; DROP TABLE seen; --".to_owned(),
        "\"quoted\" \\ \u{0} \r\n\t".to_owned(),
        "<script>alert(1)</script>".to_owned(),
        "%_*?[]{}".to_owned(),
        "é\u{202e}\u{1f600}".to_owned(),
        "x".repeat(4096),
    ];
    let mut samples = Samples::new(5, 4);
    let mut records = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let mut record = samples.session(START.plus_nanos(n as i64));
        record.seen.server_name = Some(text.clone());
        record.seen.client.process = Some(text.clone());
        record.seen.posture.alpn = Some(text.clone());
        record.seen.alert = Some(text.clone());
        record.source.id = format!("process:{text}");
        record.source.name.clone_from(text);
        records.push(record);
    }
    let mut hostile = batch("'; --\u{0}", NOW, records);
    hostile.source.id = "a'\u{0}".to_owned();
    hostile.losses.push(store::Loss { cause: "'\u{0}".to_owned(), count: u64::MAX });
    assert_eq!(store.ingest(hostile.clone()).unwrap().accepted, 6);
    assert!(store.ingest(hostile).unwrap().is_repeat);
    for text in &texts {
        let query = SessionQuery { server_name: Some(text.clone()), ..SessionQuery::all(EVER) };
        let found = pages(&*store, &query, 10);
        assert_eq!(found.len(), 1, "{text:?}");
        assert_eq!(found[0].alert.as_ref(), Some(text));
        assert_eq!(found[0].source.name, *text);
    }
    let query = SessionQuery { q: Some("script>".to_owned()), ..SessionQuery::all(EVER) };
    assert_eq!(pages(&*store, &query, 10).len(), 1);
    assert_eq!(store.agents().unwrap()[0].id, "a'\u{0}");
    let too_long = SessionQuery { q: Some("x".repeat(256)), ..SessionQuery::all(EVER) };
    assert!(store.sessions(&too_long, Page::first(1)).is_err());
}

fn a_cursor_of_another_list_is_refused(place: &Place) {
    let store = place.open();
    store.ingest(batch("a", NOW, Samples::new(1, 20).sessions(START, SECOND, 50))).unwrap();
    let edges = store.edges(&EdgeQuery::all(EVER), Page::first(1)).unwrap();
    let page = Page { after: edges.next, limit: 10 };
    assert!(edges.next.is_some());
    assert!(store.sessions(&SessionQuery::all(EVER), page).is_err());
    let by_grade = EdgeQuery { sort: store::EdgeSort::Grade, ..EdgeQuery::all(EVER) };
    assert!(store.edges(&by_grade, page).is_err());
}

fn edges_in_pages_are_all_edges_once(place: &Place) {
    let store = place.open();
    let records = Samples::new(6, 80).sessions(START, SECOND, 4000);
    store.ingest(batch("a", NOW, records)).unwrap();
    use store::EdgeSort::{Failures, FirstSeen, Grade, LastSeen, Sessions};
    for sort in [Sessions, Failures, FirstSeen, LastSeen, Grade] {
        let query = EdgeQuery { sort, ..EdgeQuery::all(EVER) };
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = store.edges(&query, Page { after, limit: 7 }).unwrap();
            found.extend(page.items.iter().map(|edge| (edge.id, edge.sessions)));
            assert!(page.items.iter().all(|edge| {
                edge.postures.iter().map(|it| it.sessions).sum::<u64>() == edge.sessions
            }));
            after = page.next;
            if after.is_none() {
                assert_eq!(page.total, Some(found.len() as u64));
                break;
            }
        }
        assert_eq!(found.iter().map(|(_, sessions)| sessions).sum::<u64>(), 4000);
        let mut ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), found.len(), "{sort:?}");
    }
}

fn the_graph_says_when_it_is_not_the_whole(place: &Place) {
    let store = place.open();
    store.ingest(batch("a", NOW, Samples::new(6, 80).sessions(START, SECOND, 4000))).unwrap();
    let whole = store.graph(&GraphQuery::all(EVER)).unwrap();
    assert!(!whole.is_truncated);
    assert_eq!(whole.edges.iter().map(|edge| edge.sessions).sum::<u64>(), 4000);
    let part = store.graph(&GraphQuery { limit: 5, ..GraphQuery::all(EVER) }).unwrap();
    assert!(part.is_truncated);
    assert_eq!(part.nodes.len(), 5);
    assert_eq!(part.nodes[..], whole.nodes[..5]);
    let ends = |id: &str| part.nodes.iter().any(|node| node.entity.id == id);
    assert!(part.edges.iter().all(|edge| ends(&edge.source.id) && ends(&edge.destination.id)));
}

fn everything_is_there_when_it_is_opened_again(place: &Place) {
    let store = place.open();
    store.ingest(batch("a", NOW, Samples::new(7, 40).sessions(START, SECOND, 2000))).unwrap();
    let before = (
        store.overview(EVER, NOW).unwrap(),
        store.graph(&GraphQuery::all(EVER)).unwrap(),
        store.edges(&EdgeQuery::all(EVER), Page::first(1000)).unwrap(),
        store.certificates(&store::CertificateQuery::all(NOW), Page::first(100)).unwrap(),
        store.inventory(EVER).unwrap(),
        store.readiness(EVER).unwrap(),
        all_sessions(&*store),
    );
    assert!(before.0.sessions == 2000 && before.3.total > Some(0));
    drop(store);
    let store = place.open();
    let after = (
        store.overview(EVER, NOW).unwrap(),
        store.graph(&GraphQuery::all(EVER)).unwrap(),
        store.edges(&EdgeQuery::all(EVER), Page::first(1000)).unwrap(),
        store.certificates(&store::CertificateQuery::all(NOW), Page::first(100)).unwrap(),
        store.inventory(EVER).unwrap(),
        store.readiness(EVER).unwrap(),
        all_sessions(&*store),
    );
    assert!(before == after);
}

fn what_is_too_old_or_of_the_future_is_refused_with_the_reason(place: &Place) {
    let store = place.open();
    let mut samples = Samples::new(8, 4);
    let old = samples.session(NOW.plus_nanos(-31 * DAY));
    let future = samples.session(NOW.plus_nanos(2 * DAY));
    let good = samples.session(NOW);
    let answer = store.ingest(batch("a", NOW, vec![old, future, good])).unwrap();
    assert_eq!((answer.accepted, answer.refused), (1, 2));
    assert_eq!(answer.not_taken, [(0, NotTaken::TooOld), (1, NotTaken::Future)]);
    assert_eq!(store.status().unwrap().refused_records, 2);
}

fn a_batch_over_a_limit_is_refused_as_a_whole(place: &Place) {
    let store = place.open();
    let mut records = Samples::new(1, 4).sessions(START, SECOND, 3);
    records[2].line = vec![b'x'; store::Record::MAX_LINE_LEN + 1].into();
    assert!(store.ingest(batch("a", NOW, records)).is_err());
    assert_eq!(counted(&*store), 0);
    assert!(store.ingest(batch(&"x".repeat(257), NOW, Vec::new())).is_err());
}

#[test]
fn a_file_has_one_user_and_one_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteSessions::open(&path, Settings::default()).unwrap();
    let second = SqliteSessions::open(&path, Settings::default());
    assert!(matches!(second, Err(store::StoreError::InUse { .. })));
    drop(store);
    let other = folder.path().join("other.db");
    std::fs::write(&other, "not a database, but long enough to be looked at. ".repeat(100))
        .unwrap();
    let refused = SqliteSessions::open(&other, Settings::default());
    assert!(matches!(refused, Err(store::StoreError::NotAStore { .. })));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let newer = SqliteSessions::open(&path, Settings::default()).err().unwrap().to_string();
    assert!(newer.contains("schema 99") && newer.contains("update tlsight"), "{newer}");
}

fn is_found(query: &SessionQuery, row: &store::SessionRow, seen: &policy::Observation) -> bool {
    let is = |asked: &Option<String>, value: &Option<String>| asked.is_none() || asked == value;
    let it = &row.posture;
    let ends = [&row.source, &row.destination];
    let processes = [
        &seen.client.process,
        &seen.client.executable,
        &seen.server.process,
        &seen.server.executable,
    ];
    query.window.contains(row.id.time())
        && is(&query.version, &it.version)
        && is(&query.cipher, &it.cipher)
        && is(&query.group, &it.group)
        && is(&query.server_name, &seen.server_name)
        && is(&query.ja3, &seen.fingerprints.ja3)
        && is(&query.ja4, &seen.fingerprints.ja4)
        && (query.class.is_none() || query.class == it.class)
        && query.grade.is_none_or(|grade| grade == row.grade)
        && query.ip.is_none_or(|ip| ip == seen.client.ip || ip == seen.server.ip)
        && query.port.is_none_or(|port| port == seen.server.port)
        && (query.namespace.is_none() || ends.iter().any(|end| end.namespace == query.namespace))
        && (query.process.is_none() || processes.contains(&&query.process))
        && query.outcome.is_none_or(|outcome| outcome == seen.outcome)
        && query.edge.is_none_or(|edge| edge == row.edge)
        && query.q.as_ref().is_none_or(|q| {
            let q = q.to_lowercase();
            let names = ends.iter().flat_map(|end| [end.id.clone(), end.name.clone()]);
            let ips = [row.client_ip.to_string(), row.server_ip.to_string()];
            let texts = names
                .chain(seen.server_name.clone())
                .chain(processes.into_iter().flatten().cloned());
            match q.parse::<std::net::IpAddr>() {
                Ok(_) => ips.contains(&q),
                Err(_) => {
                    texts.into_iter().any(|text| text.to_lowercase().contains(&q))
                        || ips.iter().any(|ip| q.contains('.') && ip.starts_with(&q))
                }
            }
        })
}

fn pages(store: &dyn Sessions, query: &SessionQuery, limit: usize) -> Vec<store::SessionRow> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = store.sessions(query, Page { after, limit }).unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn all_sessions(store: &dyn Sessions) -> Vec<store::SessionRow> {
    pages(store, &SessionQuery::all(EVER), 300)
}

fn counted(store: &dyn Sessions) -> u64 {
    store.overview(EVER, NOW).unwrap().sessions
}

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 86_400 * SECOND;
/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_795_176_000 + 86_400) * SECOND);
const EVER: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 40 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 10 * 86_400) * SECOND),
};
