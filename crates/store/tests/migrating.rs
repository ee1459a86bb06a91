//! What a file holds is in a database afterwards, once.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod proxy;
mod samples;

use std::path::Path;

use backend::{Place, for_each_server};
use event::Timestamp;
use proxy::{Fault, Proxy};
use samples::{Samples, batch};
use store::{
    Batch, EdgeQuery, Loss, NotMigrated, Page, SessionQuery, Sessions, Source, StoreError, Window,
    migrate,
};

for_each_server!(
    all_of_a_file_is_in_the_database_and_counts_nothing_if_it_comes_again,
    what_was_cut_off_goes_on_where_it_was,
    a_database_that_holds_something_else_is_left_alone,
);

fn all_of_a_file_is_in_the_database_and_counts_nothing_if_it_comes_again(place: &Place) {
    let file = Place::sqlite();
    let batches = fill(&file);
    let mut told = Vec::new();
    let url = place.text().parse().unwrap();
    let migrated =
        migrate(Path::new(&file.text()), &url, NOW, |done, of| told.push((done, of))).unwrap();
    assert_eq!((migrated.sessions, migrated.counted, migrated.sources), (900, 1050, 3));
    assert_eq!(told.last(), Some(&(900, 900)));
    let again = migrate(Path::new(&file.text()), &url, NOW, |_, _| {});
    assert!(matches!(again, Err(NotMigrated::Done)), "{again:?}");
    let (old, new) = (file.open(), place.open());
    assert_same(&*old, &*new);
    for answer in new.ingest_many(batches).unwrap() {
        assert!(answer.unwrap().is_repeat);
    }
    assert_eq!(new.overview(EVER, NOW).unwrap().sessions, 1050);
    let more = Samples::new(77, 9).sessions(START, SECOND, 10);
    assert_eq!(new.ingest(of("agent-1", "more", more)).unwrap().accepted, 10);
    new.maintain(NOW).unwrap();
    assert_eq!(new.status().unwrap().sessions, 910);
}

fn what_was_cut_off_goes_on_where_it_was(place: &Place) {
    let file = Place::sqlite();
    fill(&file);
    let proxy = Proxy::start(&place.text());
    let url = proxy.url().parse().unwrap();
    let mut interrupted = 0;
    for requests in (8..200).step_by(9) {
        proxy.fail_after(requests, Fault::Answer);
        match migrate(Path::new(&file.text()), &url, NOW, |_, _| {}) {
            Err(NotMigrated::Store(StoreError::Unreachable { .. })) => interrupted += 1,
            Ok(_) | Err(NotMigrated::Done) => break,
            Err(error) => panic!("{error}"),
        }
    }
    proxy.heal();
    assert!(interrupted > 0);
    let last = migrate(Path::new(&file.text()), &url, NOW, |_, _| {});
    assert!(matches!(last, Ok(_) | Err(NotMigrated::Done)), "{last:?}");
    assert_same(&*file.open(), &*place.open());
}

fn a_database_that_holds_something_else_is_left_alone(place: &Place) {
    let file = Place::sqlite();
    fill(&file);
    let url = place.text().parse().unwrap();
    let other = Samples::new(9, 9).sessions(START, SECOND, 5);
    place.open().ingest(of("other", "1", other)).unwrap();
    let refused = migrate(Path::new(&file.text()), &url, NOW, |_, _| {});
    assert!(matches!(refused, Err(NotMigrated::NotEmpty)), "{refused:?}");
    assert_eq!(place.open().status().unwrap().sessions, 5);
    let missing = migrate(Path::new("/nowhere/sessions.db"), &url, NOW, |_, _| {});
    assert!(matches!(missing, Err(NotMigrated::Store(StoreError::File { .. }))));
}

/// 900 sessions and an edge of 150, of three agents, one of which lost something.
fn fill(file: &Place) -> Vec<Batch> {
    let mut samples = Samples::new(5, 30);
    let sessions = samples.sessions(START, SECOND, 900);
    let mut batches: Vec<Batch> = sessions
        .chunks(100)
        .enumerate()
        .map(|(n, part)| of(&format!("agent-{}", n % 3), &n.to_string(), part.to_vec()))
        .collect();
    batches[4].records.push(samples.edge(START, 150));
    batches[5].losses.push(Loss { cause: "gaps".to_owned(), count: 7 });
    let store = file.open();
    for batch in &batches {
        store.ingest(batch.clone()).unwrap();
    }
    batches
}

fn assert_same(old: &dyn Sessions, new: &dyn Sessions) {
    assert_eq!(old.overview(EVER, NOW).unwrap(), new.overview(EVER, NOW).unwrap());
    assert_eq!(old.agents().unwrap(), new.agents().unwrap());
    assert_eq!(old.losses(EVER).unwrap(), new.losses(EVER).unwrap());
    let page = || Page::first(1000);
    let edges = |store: &dyn Sessions| store.edges(&EdgeQuery::all(EVER), page()).unwrap().items;
    assert_eq!(edges(old), edges(new));
    let lines = |store: &dyn Sessions| store.lines(&SessionQuery::all(EVER), page()).unwrap().items;
    assert_eq!(lines(old), lines(new));
}

fn of(source: &str, id: &str, records: Vec<store::Record>) -> Batch {
    let source = Source { id: source.to_owned(), host: source.to_owned(), version: "1".to_owned() };
    Batch { source, ..batch(id, NOW, records) }
}

const SECOND: i64 = 1_000_000_000;
const START: Timestamp = Timestamp::from_nanos(1_763_726_400 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_763_726_400 + 3600) * SECOND);
const EVER: Window =
    Window { from: Timestamp::from_nanos(0), to: Timestamp::from_nanos(4_000_000_000 * SECOND) };
