//! What only databases of ClickHouse do: they are far away, and several servers may use one.
#![allow(
    clippy::allow_attributes,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod backend;
mod proxy;
mod samples;

use backend::{Place, debian_servers, for_each_server, skip};
use event::Timestamp;
use proxy::{Fault, Proxy};
use samples::{Random, Samples, batch};
use store::{
    Batch, ClickHouseSessions, GraphQuery, Page, Retention, SessionQuery, Sessions, StoreError,
    Window,
};

for_each_server!(
    a_server_that_goes_away_and_comes_back_loses_and_doubles_nothing,
    what_another_server_wrote_is_known,
    a_wrong_password_is_told_and_none_is,
    a_later_schema_is_refused,
);

#[test]
fn a_server_that_is_not_there_is_an_error_that_says_so() {
    let error = open("clickhouse://me:secret@127.0.0.1:1/d").err().unwrap();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("clickhouse://127.0.0.1:1/d does not answer: "), "{text}");
    assert!(!format!("{text} {error:?}").contains("secret"));
}

#[test]
fn an_answer_that_makes_no_sense_is_an_error() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xff\xff"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x04",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x04\xff\xfe\xfd\xfc",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 7\r\n\r\nCode: x",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ] {
        let server = proxy::answering(answer);
        let error = open(&format!("clickhouse://me:secret@{server}/d")).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

/// Requests are cut before they arrive, and answers before they do: whoever sends a batch knows no
/// better than to send it again.
fn a_server_that_goes_away_and_comes_back_loses_and_doubles_nothing(place: &Place) {
    let proxy = Proxy::start(&place.text());
    let store = open(proxy.url()).unwrap();
    let mut random = Random::new(5);
    let mut failures = 0;
    for n in 0..BATCHES {
        let mut attempts = 0;
        loop {
            let fault = match random.below(3) {
                0 => Fault::Request,
                1 => Fault::Half,
                _ => Fault::Answer,
            };
            // The further the attempts, the later the fault, until there is none.
            proxy.fail_after(random.below(3) + attempts, fault);
            match store.ingest(numbered(n)) {
                Ok(_) => break,
                Err(StoreError::Unreachable { .. }) => failures += 1,
                Err(error) => panic!("{error:?}"),
            }
            attempts += 1;
        }
    }
    assert!(failures >= BATCHES, "{failures} failures");
    proxy.fail_after(0, Fault::Request);
    assert!(matches!(store.overview(EVER, NOW), Err(StoreError::Unreachable { .. })));
    proxy.heal();
    check(&store, BATCHES);
    check(&open(&place.text()).unwrap(), BATCHES);
}

fn what_another_server_wrote_is_known(place: &Place) {
    let (one, other) = (open(&place.text()).unwrap(), open(&place.text()).unwrap());
    for n in 0..BATCHES {
        let (writer, reader) = if n % 2 == 0 { (&one, &other) } else { (&other, &one) };
        assert_eq!(writer.ingest(numbered(n)).unwrap().accepted, SESSIONS);
        assert_eq!(counted(reader), (n + 1) * SESSIONS);
        assert_eq!(all(reader).len() as u64, (n + 1) * SESSIONS);
        assert!(reader.ingest(numbered(n)).unwrap().is_repeat);
        let mut same = numbered(n);
        same.id.push_str(" again");
        let again = reader.ingest(same).unwrap();
        assert_eq!((again.accepted, again.duplicates), (0, SESSIONS));
    }
    one.maintain(NOW).unwrap();
    other.maintain(NOW).unwrap();
    assert!(one.overview(EVER, NOW).unwrap() == other.overview(EVER, NOW).unwrap());
    let graph = |store: &ClickHouseSessions| store.graph(&GraphQuery::all(EVER)).unwrap();
    assert!(graph(&one) == graph(&other));
    assert!(one.readiness(EVER).unwrap() == other.readiness(EVER).unwrap());
    assert!(one.inventory(EVER).unwrap() == other.inventory(EVER).unwrap());
    assert!(one.agents().unwrap() == other.agents().unwrap());
    assert_eq!(one.status().unwrap(), other.status().unwrap());
}

fn a_wrong_password_is_told_and_none_is(place: &Place) {
    let url = place.text();
    let (begin, end) = (url.rfind(':').unwrap(), url.rfind('@').unwrap());
    let begin = url[..begin].rfind(':').unwrap_or(begin);
    let wrong = format!("{}:wrong_password{}", &url[..begin], &url[end..]);
    let error = open(&wrong).err().unwrap();
    let told = format!("{error} {error:?}");
    assert!(matches!(error, StoreError::Database { .. }), "{told}");
    assert!(!told.contains("wrong_password") && told.contains("127.0.0.1"), "{told}");
}

fn a_later_schema_is_refused(place: &Place) {
    let url = place.text();
    drop(open(&url).unwrap());
    let (origin, database) = url.rsplit_once('/').unwrap();
    let query = format!(
        "INSERT INTO {database}.dictionary (kind, id, name, body, version) VALUES \
         ('schema', '0000000000000000', '', '99', 99)"
    );
    proxy::ask(origin, &query);
    let error = open(&url).err().unwrap().to_string();
    assert!(error.contains("schema 99") && error.contains("update tlsight"), "{error}");
}

#[test]
fn a_replica_that_is_killed_loses_nothing() {
    let name = "a_replica_that_is_killed_loses_nothing";
    let Some(servers) = debian_servers(2) else {
        return skip(name, "clickhouse-server, zookeeper or java is not installed");
    };
    let url = |server| format!("{}?cluster=tests", servers.url(server, "replicated"));
    let first = open(&url(0)).unwrap();
    let second = open(&url(1)).unwrap();
    for n in 0..BATCHES {
        assert_eq!(first.ingest(numbered(n)).unwrap().accepted, SESSIONS);
    }
    // Replicas fetch from each other at their own pace.
    wait_until(|| {
        counted(&second) == BATCHES * SESSIONS && all(&second).len() as u64 == counted(&second)
    });
    // What it knows of pairs is as old as what it last read of them.
    second.maintain(NOW).unwrap();
    check(&second, BATCHES);
    servers.kill(0);
    assert!(matches!(first.ingest(numbered(BATCHES)), Err(StoreError::Unreachable { .. })));
    for n in 0..2 * BATCHES {
        // Its keeper may have to notice first that the other is gone.
        let mut answer = None;
        wait_until(|| match second.ingest(numbered(n)) {
            Err(StoreError::Unreachable { .. }) => false,
            given => answer.insert(given.unwrap()).accepted == SESSIONS,
        });
        assert_eq!(answer.unwrap().is_repeat, n < BATCHES);
    }
    check(&second, 2 * BATCHES);
}

#[test]
fn the_next_replica_is_asked_when_one_does_not_answer_and_nothing_counts_twice() {
    let name = "the_next_replica_is_asked_when_one_does_not_answer_and_nothing_counts_twice";
    let Some(servers) = debian_servers(2) else {
        return skip(name, "clickhouse-server, zookeeper or java is not installed");
    };
    let alone = |server| format!("{}?cluster=tests", servers.url(server, "both"));
    let proxy = Proxy::start(&alone(0));
    let second = servers.replicas("both").rsplit_once(',').unwrap().1.to_owned();
    let first = proxy.url().rsplit_once('/').unwrap().0;
    let replicas = format!("{first},{second}");
    let mut next = 0;
    // The first replica fails at any point of a batch: what it has done may not be at the second one yet.
    for (requests, fault) in (0..8).flat_map(|n| [(n, Fault::Answer), (n, Fault::Half)]) {
        let store = open(&replicas).unwrap();
        assert_eq!(store.ingest(numbered(next)).unwrap().accepted, SESSIONS);
        proxy.fail_after(requests, fault);
        let answer = store.ingest(numbered(next + 1)).unwrap();
        assert_eq!((answer.accepted, answer.is_repeat), (SESSIONS, false), "{fault:?}");
        assert!(store.ingest(numbered(next)).unwrap().is_repeat);
        assert!(store.ingest(numbered(next + 1)).unwrap().is_repeat);
        proxy.heal();
        next += 2;
    }
    wait_until(|| both(&alone, |one| counted(one) == next * SESSIONS));
    let store = open(&replicas).unwrap();
    servers.kill(0);
    for _ in 0..BATCHES {
        wait_until(|| store.ingest(numbered(next)).is_ok());
        next += 1;
    }
    assert_eq!(counted(&store), next * SESSIONS);
    let _restarted = servers.restart(0);
    wait_until(|| open(&alone(0)).is_ok_and(|one| counted(&one) == next * SESSIONS));
    wait_until(|| all(&open(&alone(0)).unwrap()).len() as u64 == next * SESSIONS);
    for server in [0, 1] {
        check(&open(&alone(server)).unwrap(), next);
    }
}

fn both(url: &dyn Fn(usize) -> String, holds: impl Fn(&ClickHouseSessions) -> bool) -> bool {
    (0..2).all(|server| holds(&open(&url(server)).unwrap()))
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "it does not come");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Asserts that the store has the first batches, and each of their sessions once.
fn check(store: &ClickHouseSessions, batches: u64) {
    let rows = all(store);
    assert_eq!(rows.len() as u64, batches * SESSIONS);
    assert_eq!(counted(store), batches * SESSIONS);
    let status = store.status().unwrap();
    assert_eq!(status.sessions, batches * SESSIONS);
    let series = store.series(EVER).unwrap();
    let series: u64 = series.iter().flat_map(|point| point.grades).sum();
    assert_eq!(series, batches * SESSIONS);
    let page = store.pairs(Page::first(1000)).unwrap();
    assert_eq!(page.items.iter().map(|pair| pair.sessions).sum::<u64>(), batches * SESSIONS);
    assert_eq!(store.agents().unwrap()[0].sessions, batches * SESSIONS);
    for (n, row) in rows.iter().rev().enumerate() {
        assert_eq!(row.id.time(), START.plus_nanos(i64::try_from(n).unwrap() * SECOND));
    }
}

fn all(store: &dyn Sessions) -> Vec<store::SessionRow> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = store.sessions(&SessionQuery::all(EVER), Page { after, limit: 1000 }).unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn counted(store: &dyn Sessions) -> u64 {
    store.overview(EVER, NOW).unwrap().sessions
}

fn open(url: &str) -> Result<ClickHouseSessions, StoreError> {
    ClickHouseSessions::open(url.parse().unwrap(), Retention { days: 30, max_bytes: 1 << 40 })
}

/// The same batch for the same number.
fn numbered(n: u64) -> Batch {
    let from = START.plus_nanos(i64::try_from(n * SESSIONS).unwrap() * SECOND);
    let records = Samples::new(n, 6).sessions(from, SECOND, usize::try_from(SESSIONS).unwrap());
    batch(&format!("batch {n}"), NOW, records)
}

const BATCHES: u64 = 4;
const SESSIONS: u64 = 100;
const SECOND: i64 = 1_000_000_000;
/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_795_176_000 + 86_400) * SECOND);
const EVER: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 30 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 10 * 86_400) * SECOND),
};
