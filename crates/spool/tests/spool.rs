//! The queue through its public interface, on a real disk.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spool::{CannotOpen, Lost, NotKept, Recovered, Spool, SpoolSettings};
use tempfile::TempDir;

const LIMIT: u64 = 256 << 10;

fn open(folder: &Path) -> (Spool, Recovered) {
    Spool::open(SpoolSettings { folder: folder.to_owned(), limit_bytes: LIMIT }).unwrap()
}

fn all(spool: &mut Spool) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| spool.read().unwrap()).map(|entry| entry.bytes).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "spool"));
    files.sort();
    files
}

#[test]
fn entries_are_read_in_order_and_again_until_they_are_acknowledged() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for text in ["a", "b", "c"] {
        spool.push(7, 1, text.as_bytes()).unwrap();
    }
    assert_eq!(all(&mut spool), [b"a", b"b", b"c"]);
    assert!(spool.read().unwrap().is_none());
    spool.rewind();
    let first = spool.read().unwrap().unwrap();
    assert_eq!((first.bytes.as_slice(), first.at, first.weight), (b"a".as_slice(), 7, 1));
    spool.acknowledge(first.id.number).unwrap();
    spool.rewind();
    assert_eq!(all(&mut spool), [b"b", b"c"]);
    assert_eq!((spool.entries(), spool.oldest_at()), (2, Some(7)));
}

#[test]
fn what_waits_survives_the_process_under_the_same_name() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for number in 0..10_u8 {
        spool.push(0, 1, &[number]).unwrap();
    }
    let names: Vec<_> =
        std::iter::from_fn(|| spool.read().unwrap()).map(|entry| entry.id).collect();
    spool.acknowledge(3).unwrap();
    drop(spool);
    let (mut spool, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered { entries: 6, damaged: 0 });
    spool.push(0, 1, b"new").unwrap();
    let again: Vec<_> = std::iter::from_fn(|| spool.read().unwrap()).collect();
    let same: Vec<_> = again.iter().map(|entry| entry.id).take(6).collect();
    assert_eq!(same, names[4..]);
    let new = again.last().unwrap();
    assert_eq!((new.bytes.as_slice(), new.id.number), (b"new".as_slice(), 10));
    assert_ne!(new.id.segment, names[9].segment);
}

#[test]
fn what_is_acknowledged_takes_no_room() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for _ in 0..2000 {
        spool.push(0, 1, &[1; 1000]).unwrap();
        let entry = spool.read().unwrap().unwrap();
        spool.acknowledge(entry.id.number).unwrap();
    }
    assert_eq!(spool.take_lost(), Lost::default());
    assert_eq!((spool.entries(), spool.bytes()), (0, 0));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_full_spool_evicts_the_oldest_and_counts_it() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for number in 0..1000_u32 {
        spool.push(0, 3, &[number.to_le_bytes().as_slice(), &[0; 1000]].concat()).unwrap();
        assert!(spool.bytes() <= LIMIT);
    }
    let lost = spool.take_lost();
    assert_eq!(lost.evicted_weight, lost.evicted * 3);
    let kept = all(&mut spool);
    assert_eq!(kept.len() as u64 + lost.evicted, 1000);
    assert!(kept.len() > 200, "{} entries are kept", kept.len());
    let numbers = kept.iter().map(|bytes| u32::from_le_bytes(*bytes.first_chunk().unwrap()));
    assert!(numbers.eq(1000 - u32::try_from(kept.len()).unwrap()..1000));
    let on_disk: u64 = files(folder.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(on_disk, spool.bytes());
}

#[test]
fn an_entry_that_was_evicted_while_it_was_told_can_be_acknowledged() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    spool.push(0, 1, b"told").unwrap();
    let told = spool.read().unwrap().unwrap();
    for _ in 0..600 {
        spool.push(0, 1, &[0; 1000]).unwrap();
    }
    let waiting = spool.entries();
    spool.acknowledge(told.id.number).unwrap();
    assert_eq!(spool.entries(), waiting);
}

#[test]
fn what_is_too_large_is_refused() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    let most = usize::try_from(LIMIT / 4).unwrap();
    spool.push(0, 1, &vec![0; most]).unwrap();
    let refused = spool.push(0, 1, &vec![0; most + 1]);
    assert!(matches!(refused, Err(NotKept::TooLarge { len, .. }) if len == most + 1));
    assert_eq!(spool.entries(), 1);
}

#[test]
fn one_process_at_a_time_has_it() {
    let folder = TempDir::new().unwrap();
    let (spool, _) = open(folder.path());
    let settings = SpoolSettings { folder: folder.path().to_owned(), limit_bytes: LIMIT };
    assert!(matches!(Spool::open(settings.clone()), Err(CannotOpen::InUse(_))));
    drop(spool);
    Spool::open(settings).unwrap();
}

#[test]
fn a_damaged_entry_is_counted_and_the_others_are_read() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for number in 0..5_u8 {
        spool.push(0, 1, &[number; 100]).unwrap();
    }
    drop(spool);
    let file = files(folder.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let damaged = bytes.windows(100).position(|window| window == [2; 100]).unwrap();
    bytes[damaged + 50] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (mut spool, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered { entries: 4, damaged: 1 });
    assert_eq!(spool.take_lost().damaged, 1);
    let first: Vec<_> = all(&mut spool).iter().map(|bytes| bytes[0]).collect();
    assert_eq!(first, [0, 1, 3, 4]);
}

#[test]
fn bytes_that_change_while_it_is_open_are_counted() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    spool.push(0, 5, b"first").unwrap();
    spool.push(0, 5, b"second").unwrap();
    let file = files(folder.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(5).position(|window| window == b"first").unwrap();
    fs::write(&file, [&bytes[..at], b"fixed", &bytes[at + 5..]].concat()).unwrap();
    assert_eq!(all(&mut spool), [b"second"]);
    let lost = Lost { damaged: 1, damaged_weight: 5, ..Lost::default() };
    assert_eq!(spool.take_lost(), lost);
}

#[test]
fn a_file_that_is_no_spool_at_all_is_counted_and_removed() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("00000000000000000003.spool"), b"garbage").unwrap();
    fs::write(folder.path().join("notes.txt"), b"somebody's").unwrap();
    let (_, recovered) = open(folder.path());
    assert_eq!(recovered, Recovered { entries: 0, damaged: 1 });
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    assert!(folder.path().join("notes.txt").exists());
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("00000000000000000000.spool");
    fs::write(&file, b"tlsight spool 2\n and what nobody knows yet").unwrap();
    let settings = SpoolSettings { folder: folder.path().to_owned(), limit_bytes: LIMIT };
    let error = Spool::open(settings).unwrap_err().to_string();
    assert!(error.contains("a form that this version does not know"), "{error}");
    assert!(file.exists());
}

#[test]
fn without_the_note_of_what_is_acknowledged_entries_are_told_again() {
    let folder = TempDir::new().unwrap();
    let (mut spool, _) = open(folder.path());
    for text in ["a", "b"] {
        spool.push(0, 1, text.as_bytes()).unwrap();
    }
    spool.acknowledge(0).unwrap();
    drop(spool);
    fs::write(folder.path().join("acknowledged"), b"nonsense here").unwrap();
    let (mut spool, recovered) = open(folder.path());
    assert_eq!(recovered.entries, 2);
    assert_eq!(all(&mut spool), [b"a", b"b"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_cut_anywhere_keeps_the_entries_before(cut in 0_usize..600) {
        let folder = TempDir::new().unwrap();
        let (mut spool, _) = open(folder.path());
        for number in 0..10_u8 {
            spool.push(0, 1, &[number; 20]).unwrap();
        }
        drop(spool);
        let file = files(folder.path()).remove(0);
        let bytes = fs::read(&file).unwrap();
        let cut = cut.min(bytes.len());
        fs::write(&file, &bytes[..cut]).unwrap();
        let (mut spool, recovered) = open(folder.path());
        let whole = cut.saturating_sub(32) / 56;
        prop_assert_eq!(recovered.entries, whole as u64);
        let is_torn = cut < 32 || (cut - 32) % 56 != 0;
        prop_assert_eq!(recovered.damaged, u64::from(is_torn));
        spool.push(0, 1, b"next").unwrap();
        prop_assert_eq!(all(&mut spool).len(), whole + 1);
    }

    #[test]
    fn any_bytes_in_the_place_of_a_file_are_no_more_than_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let folder = TempDir::new().unwrap();
        let whole = [b"tlsight spool 1\n0123456789abcdef".as_slice(), &bytes].concat();
        fs::write(folder.path().join("00000000000000000000.spool"), whole).unwrap();
        let (mut spool, recovered) = open(folder.path());
        prop_assert_eq!(recovered.entries, 0);
        spool.push(0, 1, b"next").unwrap();
        prop_assert_eq!(all(&mut spool), [b"next"]);
    }
}
