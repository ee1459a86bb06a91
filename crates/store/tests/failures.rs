//! A process that is killed, a disk that is full, and readers meanwhile.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod backend;
mod samples;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use backend::{Place, at, for_each_store};
use event::Timestamp;
use samples::{Random, Samples, batch};
use store::{
    Batch, GraphQuery, Page, Retention, SessionQuery, Sessions, Settings, SqliteSessions,
    StoreError, Window,
};

for_each_store!(
    what_was_acknowledged_survives_a_kill_and_nothing_counts_twice,
    readers_see_whole_batches_while_others_are_written,
);

fn what_was_acknowledged_survives_a_kill_and_nothing_counts_twice(place: &Place) {
    let mut random = Random::new(11);
    let mut acknowledged = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_ingests_until_it_is_killed", "--nocapture"])
            .env(CHILD_PLACE, place.text())
            .env(CHILD_FROM, acknowledged.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = random.below(12);
        let mut told = 0;
        // The child goes on while this reads, so that the end comes at any point of a batch.
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(n) = line.unwrap().strip_prefix("acknowledged ") {
                acknowledged = n.parse::<u64>().unwrap() + 1;
                told += 1;
            }
            if told == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let store = place.open();
        let kept = count(&*store);
        assert!(kept >= acknowledged * SESSIONS, "round {round}: {kept} of {acknowledged}");
        assert_eq!(kept % SESSIONS, 0, "a part of a batch");
        assert_eq!(counted(&*store), kept);
        assert_eq!(store.status().unwrap().sessions, kept);
    }
    let store = place.open();
    let all = acknowledged + 2;
    for n in 0..all {
        store.ingest(numbered(n)).unwrap();
    }
    assert_eq!((count(&*store), counted(&*store)), (all * SESSIONS, all * SESSIONS));
    for n in 0..all {
        let Batch { records, .. } = numbered(n);
        let query = SessionQuery::all(Window {
            from: records[0].seen.first,
            to: records[0].seen.first.plus_nanos(1),
        });
        let found = store.lines(&query, Page::first(10)).unwrap().items;
        assert!(found.len() == 1 && found[0].line == records[0].line, "batch {n}");
    }
}

/// Not a test of its own: what the test above runs and kills.
#[test]
fn a_child_that_ingests_until_it_is_killed() {
    let Ok(place) = std::env::var(CHILD_PLACE) else { return };
    let from: u64 = std::env::var(CHILD_FROM).unwrap().parse().unwrap();
    let store = at(&place, Retention::default()).unwrap();
    for n in from.. {
        let answer = store.ingest(numbered(n)).unwrap();
        assert_eq!(answer.accepted, SESSIONS);
        println!("\nacknowledged {n}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn a_full_disk_is_told_and_works_again_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(_mounted) = Mount::new(&disk, "6m") else {
        println!("skipped a_full_disk_is_told_and_works_again_when_there_is_space: needs root");
        return;
    };
    let path = disk.join("sessions.db");
    let store = SqliteSessions::open(&path, Settings::default()).unwrap();
    let mut kept = 0;
    let mut failed = None;
    for n in 0..10_000 {
        match store.ingest(numbered(n)) {
            Ok(answer) => kept += answer.accepted,
            Err(error) => {
                failed = Some((n, error));
                break;
            }
        }
    }
    let (next, error) = failed.unwrap();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!((count(&store), counted(&store)), (kept, kept));
    assert!(matches!(store.ingest(numbered(next)), Err(StoreError::Full { .. })));
    assert!(
        Command::new("mount")
            .args(["-o", "remount,size=64m"])
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    for n in next..next + 5 {
        assert_eq!(store.ingest(numbered(n)).unwrap().accepted, SESSIONS);
    }
    let kept = kept + 5 * SESSIONS;
    assert_eq!((count(&store), counted(&store)), (kept, kept));
    assert_eq!(store.status().unwrap().maintenance_error, None);
    drop(store);
    let store = SqliteSessions::open(&path, Settings::default()).unwrap();
    assert_eq!((count(&store), counted(&store)), (kept, kept));
}

fn readers_see_whole_batches_while_others_are_written(place: &Place) {
    let store = place.open();
    let store = &*store;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..6 {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut before = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let sessions = match reader % 3 {
                        0 => counted(store),
                        1 => count(store),
                        _ => {
                            let graph = store.graph(&GraphQuery::all(EVER)).unwrap();
                            graph.edges.iter().map(|edge| edge.sessions).sum()
                        }
                    };
                    assert_eq!(sessions % SESSIONS, 0, "reader {reader}");
                    assert!(sessions >= before, "reader {reader}");
                    before = sessions;
                }
            });
        }
        let writers = [0, 20].map(|from| {
            scope.spawn(move || {
                for n in from..from + 20 {
                    store.ingest(numbered(n)).unwrap();
                }
            })
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!((count(store), counted(store)), (40 * SESSIONS, 40 * SESSIONS));
}

/// A file system of its own, until it is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(folder: &'a Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).stderr(Stdio::null());
        mount.status().ok().filter(|status| status.success()).map(|_| Self(folder))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0).status().ok();
    }
}

/// The same batch for the same number.
fn numbered(n: u64) -> Batch {
    let from = START.plus_nanos(i64::try_from(n * SESSIONS).unwrap() * SECOND);
    let records = Samples::new(n, 6).sessions(from, SECOND, usize::try_from(SESSIONS).unwrap());
    batch(&format!("batch {n}"), NOW, records)
}

fn count(store: &dyn Sessions) -> u64 {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = store.sessions(&SessionQuery::all(EVER), Page { after, limit: 1000 }).unwrap();
        count += page.items.len() as u64;
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
}

fn counted(store: &dyn Sessions) -> u64 {
    store.overview(EVER, NOW).unwrap().sessions
}

const CHILD_PLACE: &str = "TLSIGHT_TEST_STORE";
const CHILD_FROM: &str = "TLSIGHT_TEST_STORE_FROM";
const SESSIONS: u64 = 100;
const SECOND: i64 = 1_000_000_000;
/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);
const NOW: Timestamp = Timestamp::from_nanos((1_795_176_000 + 86_400) * SECOND);
const EVER: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 40 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 40 * 86_400) * SECOND),
};
