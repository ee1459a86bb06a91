//! Segments.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use escrow::store::{
    Damage, Entry, SegmentName, SegmentReader, SegmentWriter, Tag, find, state_of,
};
use tempfile::TempDir;

use crate::world::flip;

fn tag(number: u8) -> Tag {
    Tag([number; 16])
}

/// A segment of `count` sessions without records.
fn segment(folder: &Path, count: u8) -> std::path::PathBuf {
    let path = SegmentName { epoch: 1, number: 1 }.file(folder);
    let mut writer = SegmentWriter::create(&path).unwrap();
    for number in 0..count {
        writer.push_session(tag(number), "web-1", &[]);
        writer.sync().unwrap();
    }
    path
}

fn found(path: &Path, tags: &[Tag]) -> (Vec<Tag>, Vec<Damage>) {
    let mut found = Vec::new();
    let tags: HashSet<Tag> = tags.iter().copied().collect();
    let damage = find(path, &tags, &mut |it| {
        found.push(Entry::parse(it.bytes).unwrap().tag());
    });
    (found, damage.unwrap())
}

#[test]
fn entries_are_found_by_their_tags() {
    let folder = TempDir::new().unwrap();
    let path = segment(folder.path(), 10);
    assert_eq!(found(&path, &[tag(3), tag(7)]), (vec![tag(3), tag(7)], vec![]));
    assert_eq!(found(&path, &[tag(0), tag(9)]), (vec![tag(0), tag(9)], vec![]));
    assert_eq!(found(&path, &[tag(200)]), (vec![], vec![]));
    let state = state_of(&path).unwrap();
    assert_eq!((state.entries, state.torn_bytes, state.damaged), (10, 0, vec![]));
}

#[test]
fn any_bit_that_is_flipped_in_a_segment_or_its_index_is_found() {
    let folder = TempDir::new().unwrap();
    let path = segment(folder.path(), 5);
    let whole = state_of(&path).unwrap();
    for file in [path.clone(), path.with_extension("idx")] {
        let bits = fs::metadata(&file).unwrap().len() * 8;
        for bit in 0..usize::try_from(bits).unwrap() {
            flip(&file, bit);
            let state = state_of(&path).unwrap();
            let is_found = !state.damaged.is_empty() || state.torn_bytes > 0;
            assert!(is_found, "bit {bit} of {}", file.display());
            assert_ne!(state, whole, "bit {bit} of {}", file.display());
            flip(&file, bit);
        }
    }
    assert_eq!(state_of(&path).unwrap(), whole);
}

#[test]
fn what_is_behind_a_flipped_bit_is_read_nevertheless() {
    let folder = TempDir::new().unwrap();
    let path = segment(folder.path(), 5);
    // Within the name of the agent in the first entry.
    flip(&path, (16 + 4 + 1 + 16 + 3) * 8);
    let mut reader = SegmentReader::open(&path).unwrap();
    let mut whole = Vec::new();
    while let Some(found) = reader.next_entry().unwrap() {
        whole.push(found.is_whole);
    }
    assert_eq!(whole, [false, true, true, true, true]);
    assert_eq!(found(&path, &[tag(4)]), (vec![tag(4)], vec![]));
    let (tags, damage) = found(&path, &[tag(0)]);
    assert_eq!((tags, damage), (vec![tag(0)], vec![Damage::Entry(16)]));
}

#[test]
fn every_prefix_has_its_whole_entries() {
    let folder = TempDir::new().unwrap();
    let path = segment(folder.path(), 3);
    let bytes = fs::read(&path).unwrap();
    let entry_len = (bytes.len() - 16) / 3;
    for len in 16..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let state = state_of(&path).unwrap();
        let whole = (len - 16) / entry_len;
        assert_eq!(state.entries, whole as u64, "{len} bytes");
        assert_eq!(state.torn_bytes, ((len - 16) % entry_len) as u64, "{len} bytes");
    }
}

#[test]
fn an_index_that_is_missing_or_short_does_not_hide_anything() {
    let folder = TempDir::new().unwrap();
    let path = segment(folder.path(), 5);
    let index = path.with_extension("idx");
    let bytes = fs::read(&index).unwrap();
    for len in (0..=bytes.len()).step_by(4) {
        fs::write(&index, &bytes[..len]).unwrap();
        assert_eq!(found(&path, &[tag(4)]).0, [tag(4)], "{len} bytes of the index");
    }
    fs::remove_file(&index).unwrap();
    assert_eq!(found(&path, &[tag(4)]).0, [tag(4)]);
    assert_eq!(state_of(&path).unwrap().damaged, [], "a kill may come before it is written");
}
