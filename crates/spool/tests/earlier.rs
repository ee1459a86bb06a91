//! What a spool of the last minor version has left, in `testdata/stores`, is read and added to.
//!
//! That of this version is made by `cargo test -p spool --test earlier -- --ignored`, once, when it is released; it
//! never changes after that.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use spool::{Recovered, Spool, SpoolSettings};

#[test]
fn what_waited_in_the_last_minor_version_is_read_and_added_to() {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(testdata(EARLIER)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let (mut spool, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered { entries: 9, damaged: 0 }, "the first is acknowledged");
    let read = |spool: &mut Spool| {
        std::iter::from_fn(|| spool.read().unwrap())
            .map(|entry| (entry.id.number, entry.at, entry.weight, entry.bytes))
            .collect::<Vec<_>>()
    };
    let left: Vec<_> = (1..10).map(|number| (number, 1000, number, body(number))).collect();
    assert_eq!(read(&mut spool), left);
    spool.push(2000, 10, &body(10)).unwrap();
    spool.acknowledge(9).unwrap();
    drop(spool);
    let (mut spool, _) = open(folder.path());
    assert_eq!(read(&mut spool), [(10, 2000, 10, body(10))]);
}

#[test]
#[ignore = "it makes the files that the other reads"]
fn write() {
    let (mut spool, _) = open(&testdata(env!("CARGO_PKG_VERSION")));
    for number in 0..10 {
        spool.push(1000, number, &body(number)).unwrap();
    }
    spool.acknowledge(0).unwrap();
    spool.sync().unwrap();
}

fn open(folder: &Path) -> (Spool, Recovered) {
    Spool::open(SpoolSettings { folder: folder.to_owned(), limit_bytes: 1 << 20 }).unwrap()
}

fn body(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// Folders have the names of minor versions.
fn testdata(version: &str) -> PathBuf {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/stores");
    stores.join(minor.join(".")).join("spool")
}

/// The oldest version whose spools are read.
const EARLIER: &str = "0.1";
