//! Counts are those of the sessions, whatever comes in which order.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod samples;

use backend::{Place, for_each_store};
use event::Timestamp;
use policy::Outcome;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use samples::{Samples, batch};
use store::{EdgeQuery, Page, Retention, SessionQuery, SessionRow, Sessions, Window};

for_each_store!(
    counts_are_those_of_the_sessions,
    what_an_old_window_counts_is_wider_and_says_so,
    the_series_adds_up_to_the_sessions,
    age_takes_sessions_and_then_all_that_is_left_of_them,
    the_oldest_go_when_there_is_no_space_and_that_is_told,
);

/// Parts of the same sessions come again and again, in batches of any size.
fn counts_are_those_of_the_sessions(place: &Place) {
    let parts = prop::collection::vec((0..400_usize, 1..200_usize, 0..4_u8), 1..12);
    let windows = prop::collection::vec((0..10_000_i64, 1..10_000_i64), 3);
    let cases = if place.is_file() { 24 } else { 4 };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let case = (0..1000_u64, parts, windows);
    let result = TestRunner::new(config).run(&case, |(seed, parts, windows)| {
        let place = place.another();
        let store = place.open();
        // A session each 97 seconds: several days, so that minutes, hours and days are used.
        let records = Samples::new(seed, 12).sessions(START, 97 * SECOND, 600);
        for (from, len, id) in parts {
            let part = records[from..(from + len).min(600)].to_vec();
            store.ingest(batch(&format!("{id}"), NOW, part)).unwrap();
        }
        let rows = all(&*store, WHOLE);
        prop_assert_eq!(store.status().unwrap().sessions, rows.len() as u64);
        check(&*store, &rows, WHOLE)?;
        store.maintain(NOW).unwrap();
        for (from, len) in windows {
            let from = START.plus_nanos(from * 6 * SECOND);
            let window = Window { from, to: from.plus_nanos(len * 6 * SECOND) };
            check(&*store, &rows, window)?;
        }
        Ok(())
    });
    result.unwrap();
}

fn what_an_old_window_counts_is_wider_and_says_so(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 12).sessions(START, 97 * SECOND, 600);
    store.ingest(batch("a", NOW, records)).unwrap();
    let later = START.plus_nanos(20 * DAY);
    store.maintain(later).unwrap();
    let from = START.plus_nanos(1234 * SECOND);
    let asked = Window { from, to: from.plus_nanos(60 * SECOND) };
    let counted = store.overview(asked, later).unwrap();
    assert!(counted.window.from < asked.from && counted.window.to > asked.to);
    assert_eq!(counted.window.to.nanos_since(counted.window.from), 3_600_000_000_000);
    assert_eq!(counted.sessions, all(&*store, counted.window).len() as u64);
}

fn the_series_adds_up_to_the_sessions(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 12).sessions(START, 97 * SECOND, 600);
    store.ingest(batch("a", NOW, records)).unwrap();
    for hours in [1, 6, 24, 24 * 7, 24 * 25] {
        let window = Window { from: START, to: START.plus_nanos(hours * HOUR) };
        let series = store.series(window).unwrap();
        assert!(series.len() <= 366 && !series.is_empty());
        let sessions: u64 = series.iter().flat_map(|point| point.grades).sum();
        let classes: u64 = series.iter().flat_map(|point| point.classes).sum();
        let step = series.get(1).map_or(DAY, |it| it.time.as_nanos() - series[0].time.as_nanos());
        let end = series.last().unwrap().time.plus_nanos(step);
        let covered = Window { from: series[0].time, to: end };
        assert_eq!(sessions, all(&*store, covered).len() as u64, "{hours} hours");
        assert_eq!(classes, sessions);
    }
}

fn age_takes_sessions_and_then_all_that_is_left_of_them(place: &Place) {
    let store = place.open();
    let records = Samples::new(1, 12).sessions(START, 97 * SECOND, 600);
    for (n, part) in records.chunks(50).enumerate() {
        store.ingest(batch(&n.to_string(), NOW, part.to_vec())).unwrap();
    }
    // The first sessions are of noon, the last of four in the morning; servers forget whole days.
    let evicted = store.maintain(START.plus_nanos(30 * DAY + 13 * HOUR)).unwrap();
    let status = store.status().unwrap();
    assert!(evicted > 0 && evicted < 600);
    assert_eq!((status.evicted_sessions, status.sessions), (evicted, 600 - evicted));
    assert_eq!(status.evicted_for_space, 0);
    assert!(status.evicted_up_to.is_some() && status.oldest > status.evicted_up_to);
    assert_eq!(all(&*store, WHOLE).len() as u64, 600 - evicted);
    store.maintain(START.plus_nanos(60 * DAY)).unwrap();
    let status = store.status().unwrap();
    assert_eq!((status.evicted_sessions, status.sessions), (600, 0));
    assert!(status.dictionaries.iter().all(|it| it.count == 0), "{:?}", status.dictionaries);
    assert_eq!(store.overview(WHOLE, NOW).unwrap().sessions, 0);
    let again = store.ingest(batch("new", NOW, records)).unwrap();
    assert_eq!(again.accepted, 600);
    check_all(&*store);
}

fn the_oldest_go_when_there_is_no_space_and_that_is_told(place: &Place) {
    let limit = 3 << 20;
    let store = place.open_with(Retention { days: 30, max_bytes: limit });
    let mut samples = Samples::new(1, 12);
    // Ten days of three batches: servers forget whole days.
    for n in 0..30_i64 {
        let from = START.plus_nanos(n / 3 * DAY + n % 3 * 1000 * SECOND);
        let received = from.plus_nanos(HOUR);
        let records = samples.sessions(from, SECOND, 1000);
        let answer = store.ingest(batch(&n.to_string(), received, records));
        assert_eq!(answer.unwrap().accepted, 1000);
    }
    store.maintain(START.plus_nanos(10 * DAY)).unwrap();
    let status = store.status().unwrap();
    assert!(status.bytes <= limit, "{} bytes", status.bytes);
    assert!(status.evicted_for_space > 0);
    assert_eq!(status.sessions + status.evicted_sessions, 30_000);
    let rows = all(&*store, WHOLE);
    assert_eq!(rows.len() as u64, status.sessions);
    let newest = START.plus_nanos(9 * DAY + 2999 * SECOND);
    assert_eq!(rows[0].id.time(), newest, "the newest are there");
    assert!(rows.last().unwrap().id.time() > status.evicted_up_to.unwrap());
    assert_eq!(
        store.overview(WHOLE, NOW).unwrap().sessions,
        30_000,
        "counts outlive their sessions"
    );
    assert_eq!(status.maintenance_error, None);
}

/// Of a file: where a server keeps counts is for others to decide.
#[test]
fn fine_counts_go_when_there_is_nothing_else_to_forget() {
    let place = Place::sqlite();
    let limit = 600 << 10;
    let store = place.open_with(Retention { days: 30, max_bytes: limit });
    let mut samples = Samples::new(1, 3);
    for day in 0..4_i64 {
        let times = (0..5000).map(|n| START.plus_nanos(day * DAY + n * 15 * SECOND));
        let records = times.map(|time| samples.edge(time, 10)).collect();
        let received = START.plus_nanos((day + 1) * DAY);
        store.ingest(batch(&day.to_string(), received, records)).unwrap();
    }
    store.maintain(START.plus_nanos(4 * DAY)).unwrap();
    let status = store.status().unwrap();
    assert!(status.bytes <= limit, "{} bytes", status.bytes);
    let overview = store.overview(WHOLE, NOW).unwrap();
    assert_eq!(overview.sessions, 4 * 5000 * 10);
    let from = START.plus_nanos(90 * SECOND);
    let asked = Window { from, to: from.plus_nanos(SECOND) };
    assert_eq!(store.overview(asked, NOW).unwrap().window.from, START, "in hours");
}

fn check_all(store: &dyn Sessions) {
    check(store, &all(store, WHOLE), WHOLE).unwrap();
}

/// Compares the counts of a window with its sessions.
fn check(store: &dyn Sessions, rows: &[SessionRow], asked: Window) -> Result<(), TestCaseError> {
    let overview = store.overview(asked, NOW).unwrap();
    let window = overview.window;
    let inside: Vec<_> = rows.iter().filter(|row| window.contains(row.id.time())).collect();
    let failures = inside.iter().filter(|row| row.outcome == Outcome::Failure).count();
    prop_assert_eq!(overview.sessions, inside.len() as u64);
    prop_assert_eq!(overview.failures, failures as u64);
    for counts in
        [&overview.by_grade, &overview.by_class, &overview.by_version, &overview.by_cipher]
    {
        prop_assert_eq!(counts.iter().map(|it| it.count).sum::<u64>(), overview.sessions);
    }
    let edges = store.edges(&EdgeQuery::all(asked), Page::first(1000)).unwrap();
    prop_assert_eq!(edges.items.len() as u64, overview.edges);
    for edge in &edges.items {
        let of_edge = inside.iter().filter(|row| row.edge == edge.id).count();
        prop_assert_eq!(edge.sessions, of_edge as u64);
        let worst = inside.iter().filter(|row| row.edge == edge.id).map(|row| row.grade).min();
        prop_assert_eq!(Some(edge.grade), worst);
    }
    Ok(())
}

fn all(store: &dyn Sessions, window: Window) -> Vec<SessionRow> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = store.sessions(&SessionQuery::all(window), Page { after, limit: 1000 }).unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 86_400 * SECOND;
/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_795_176_000 + 86_400) * SECOND);
const WHOLE: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 40 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 40 * 86_400) * SECOND),
};
