//! Key logs.

use secrets::{KeyLogReader, KeyStore, Label};

/// Reads the input whole and in two pieces, cut where its first byte says.
pub fn key_log(input: &[u8]) {
    let Some((&at, log)) = input.split_first() else { return };
    let (first, second) = log.split_at(usize::from(at).min(log.len()));
    let whole = read(&[log]);
    assert_eq!(whole, read(&[first, second]), "the cut changes nothing");
}

fn read(pieces: &[&[u8]]) -> (secrets::KeyLogCounts, usize) {
    let (store, mut reader) = (KeyStore::new(16), KeyLogReader::new());
    for piece in pieces {
        reader.feed(piece, &mut |entry| store.add(entry));
    }
    reader.finish(&mut |entry| store.add(entry));
    let found = store.by_random(&[0x11; 32], Label::ClientRandom).len();
    std::hint::black_box(store.dangerous_used_lines().len());
    (reader.counts(), found)
}
