//! Batches that are taken in one go count as if they had come one after the other.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod samples;

use backend::{Place, for_each_store};
use event::Timestamp;
use samples::{Samples, batch};
use store::{Batch, NotTaken, Page, SessionQuery, Sessions, Source, StoreError, Window};

for_each_store!(
    many_batches_count_as_one_after_the_other,
    a_batch_that_comes_twice_in_one_go_counts_once,
    a_session_in_two_batches_of_one_go_is_of_the_first,
    a_batch_over_a_limit_costs_only_itself,
    more_records_than_one_batch_may_have_are_refused,
);

fn many_batches_count_as_one_after_the_other(place: &Place) {
    let (store, other) = (place.open(), place.another().open());
    let mut samples = Samples::new(5, 30);
    let sessions = samples.sessions(START, SECOND, 400);
    let mut batches: Vec<Batch> = sessions
        .chunks(50)
        .enumerate()
        .map(|(n, part)| of(&format!("agent-{}", n % 3), &n.to_string(), part.to_vec()))
        .collect();
    batches[4].records.push(samples.edge(START, 70));
    for answer in store.ingest_many(batches.clone()).unwrap() {
        assert!(!answer.unwrap().is_repeat);
    }
    let one_by_one: Vec<_> =
        batches.iter().map(|batch| other.ingest(batch.clone()).unwrap()).collect();
    assert_eq!(one_by_one.iter().map(|it| it.accepted).sum::<u64>(), 401);
    assert_eq!(store.overview(EVER, NOW).unwrap(), other.overview(EVER, NOW).unwrap());
    assert_eq!(store.agents().unwrap(), other.agents().unwrap());
    let again = store.ingest_many(batches).unwrap();
    for (answer, first) in again.into_iter().zip(one_by_one) {
        let answer = answer.unwrap();
        assert_eq!((answer.accepted, answer.is_repeat), (first.accepted, true));
    }
    drop(store);
    assert_eq!(counted(&*place.open()), 470);
}

fn a_batch_that_comes_twice_in_one_go_counts_once(place: &Place) {
    let store = place.open();
    let records = Samples::new(6, 10).sessions(START, SECOND, 20);
    let same = || of("a", "1", records.clone());
    let answers = store.ingest_many(vec![same(), of("b", "1", Vec::new()), same()]).unwrap();
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!((answers[0].accepted, answers[0].is_repeat), (20, false));
    assert_eq!((answers[2].accepted, answers[2].is_repeat), (20, true));
    assert_eq!(counted(&*store), 20);
}

fn a_session_in_two_batches_of_one_go_is_of_the_first(place: &Place) {
    let store = place.open();
    let records = Samples::new(7, 10).sessions(START, SECOND, 20);
    let batches = vec![of("a", "1", records[..15].to_vec()), of("b", "1", records[10..].to_vec())];
    let answers = store.ingest_many(batches).unwrap();
    let second = answers.into_iter().nth(1).unwrap().unwrap();
    assert_eq!((second.accepted, second.duplicates), (5, 5));
    assert_eq!(second.not_taken[0], (0, NotTaken::Duplicate));
    assert_eq!(counted(&*store), 20);
    let page = Page::first(1000);
    assert_eq!(store.sessions(&SessionQuery::all(EVER), page).unwrap().items.len(), 20);
}

fn a_batch_over_a_limit_costs_only_itself(place: &Place) {
    let store = place.open();
    let records = Samples::new(8, 10).sessions(START, SECOND, 6);
    let long = "x".repeat(Batch::MAX_ID_LEN + 1);
    let batches = vec![
        of("a", "1", records[..3].to_vec()),
        of("a", &long, Vec::new()),
        of("a", "2", records[3..].to_vec()),
    ];
    let answers = store.ingest_many(batches).unwrap();
    assert_eq!(answers[0].as_ref().unwrap().accepted, 3);
    assert!(matches!(answers[1], Err(StoreError::TooLarge { .. })));
    assert_eq!(answers[2].as_ref().unwrap().accepted, 3);
    assert_eq!(counted(&*store), 6);
}

fn more_records_than_one_batch_may_have_are_refused(place: &Place) {
    let store = place.open();
    let record = Samples::new(9, 1).edge(START, 1);
    let half = vec![record; Batch::MAX_RECORDS / 2 + 1];
    let batches = vec![of("a", "1", half.clone()), of("a", "2", half)];
    assert!(matches!(store.ingest_many(batches), Err(StoreError::TooLarge { .. })));
    assert_eq!(counted(&*store), 0);
}

fn of(source: &str, id: &str, records: Vec<store::Record>) -> Batch {
    let source = Source { id: source.to_owned(), host: source.to_owned(), version: "1".to_owned() };
    Batch { source, ..batch(id, NOW, records) }
}

fn counted(store: &dyn Sessions) -> u64 {
    store.overview(EVER, NOW).unwrap().sessions
}

const SECOND: i64 = 1_000_000_000;
const START: Timestamp = Timestamp::from_nanos(1_763_726_400 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_763_726_400 + 3600) * SECOND);
const EVER: Window =
    Window { from: Timestamp::from_nanos(0), to: Timestamp::from_nanos(4_000_000_000 * SECOND) };
