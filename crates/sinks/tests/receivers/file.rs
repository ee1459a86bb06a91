//! Files.

use std::fs;
use std::time::Duration;

use sinks::{FileSettings, Kind, OldFiles, Rotation};

use crate::world::{World, counts, lines, lost, number, read, state, wait_until};

#[test]
fn lines_are_in_files_that_follow_each_other_whatever_happens_in_between() {
    let world = World::new();
    let folder = world.path("out");
    let path = folder.join("lines");
    let rotation =
        Rotation { size: 200_000, age: Duration::from_secs(86_400), keep: 100, compress: false };
    let kind = Kind::File(FileSettings { path: path.clone(), rotation });
    // There is no such folder yet.
    let sinks = world.start(kind.clone());
    sinks.put("h", &lines(0..1000));
    wait_until("it fails", || state(&sinks).failures > 0);
    assert!(sinks.stop(Duration::from_secs(60)));
    drop(sinks);
    fs::create_dir(&folder).unwrap();
    let sinks = world.start(kind);
    for part in 1..4 {
        sinks.put("h", &lines(part * 1000..(part + 1) * 1000));
    }
    wait_until("all are written", || state(&sinks).delivered == 4000);
    assert_eq!(lost(&state(&sinks)), 0);
    let mut files = OldFiles::of(&path).list().unwrap();
    assert!(files.len() > 2, "{files:?}");
    files.push(path);
    let counts = counts(files.iter().flat_map(|it| read(it)).map(|it| number(&it)));
    assert!(counts.len() == 4000 && counts.values().all(|it| *it == 1));
}
