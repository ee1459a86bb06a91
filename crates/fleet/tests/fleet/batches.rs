//! The coding of batches, their names, and tokens.

use fleet::v1::Batch;
use fleet::{
    BadBatch, Fingerprint, JoinToken, NotAToken, batch_name, compress, decompress, policies_digest,
};
use proptest::prelude::*;

fn batch(lines: &[u8]) -> Batch {
    let lines_len = u32::try_from(lines.len()).unwrap();
    Batch { segment: vec![7; 16], number: 3, lines: compress(lines).unwrap(), lines_len }
}

proptest! {
    #[test]
    fn lines_come_out_as_they_went_in(lines in prop::collection::vec("[ -~]{0,200}", 0..50)) {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let batch = batch(lines.as_bytes());
        prop_assert_eq!(decompress(&batch, batch.lines_len).unwrap(), lines.as_bytes());
    }

    #[test]
    fn no_prefix_and_no_other_length_is_a_batch(len in 1_usize..2000, told in any::<u32>()) {
        let mut lines = vec![b'x'; len];
        lines.push(b'\n');
        let whole = batch(&lines);
        for cut in 0..whole.lines.len() {
            let cut = Batch { lines: whole.lines[..cut].to_vec(), ..whole.clone() };
            prop_assert_eq!(decompress(&cut, u32::MAX), Err(BadBatch::Compression));
        }
        prop_assume!(told != whole.lines_len);
        let other = Batch { lines_len: told, ..whole };
        prop_assert_eq!(decompress(&other, u32::MAX), Err(BadBatch::Compression));
    }

    #[test]
    fn any_bytes_are_refused_or_are_lines(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        len in 0_u32..5000,
        most in 0_u32..5000,
    ) {
        let batch = Batch { segment: Vec::new(), number: 0, lines: bytes, lines_len: len };
        if let Ok(lines) = decompress(&batch, most) {
            prop_assert!(lines.len() <= most as usize);
        }
    }

    #[test]
    fn a_changed_byte_never_gives_more_than_was_told(at in 0_usize..100, to in any::<u8>()) {
        let mut batch = batch(&b"some line\n".repeat(100));
        let at = at % batch.lines.len();
        batch.lines[at] = to;
        if let Ok(lines) = decompress(&batch, 1000) {
            prop_assert_eq!(lines.len(), 1000);
        }
    }

    #[test]
    fn documents_cut_elsewhere_have_another_digest(text in "[a-z]{2,40}", at in 1_usize..40) {
        let at = 1 + at % (text.len() - 1);
        let (first, second) = text.split_at(at);
        prop_assert_ne!(policies_digest(&[first, second]), policies_digest(&[text.as_str()]));
        prop_assert_ne!(policies_digest(&[first, second]), policies_digest(&[first, second, ""]));
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_no_letter_may_be_wrong(at in 0_usize..101, by in 1_u8..31) {
        let token = JoinToken::generate(Fingerprint([9; 32])).unwrap();
        let text = token.reveal();
        prop_assert_eq!(text.len(), 101);
        let read: JoinToken = format!(" {text}\n").parse().unwrap();
        prop_assert!(read == token && read.digest() == token.digest());
        prop_assert_eq!(read.authority(), Fingerprint([9; 32]));
        let mut letters = text.into_bytes();
        let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
        let place = alphabet.iter().position(|letter| *letter == letters[at]).unwrap_or(0);
        letters[at] = alphabet[(place + usize::from(by)) % 32];
        let wrong = String::from_utf8(letters).unwrap();
        prop_assert!(wrong.parse::<JoinToken>().is_err() || wrong.starts_with(&token.reveal()));
    }
}

#[test]
fn a_batch_that_is_too_long_is_not_decompressed() {
    let batch = batch(&b"x\n".repeat(1000));
    assert_eq!(decompress(&batch, 1999), Err(BadBatch::TooLong { len: 2000, most: 1999 }));
    let torn = Batch { lines: compress(b"x\ny").unwrap(), lines_len: 3, ..batch };
    assert_eq!(decompress(&torn, 3), Err(BadBatch::TornLine));
}

#[test]
fn a_batch_has_one_name() {
    let mut batch = batch(b"x\n");
    assert_eq!(batch_name(&batch).unwrap(), format!("{}:3", "07".repeat(16)));
    batch.segment.pop();
    assert_eq!(batch_name(&batch), Err(BadBatch::Segment(15)));
}

#[test]
fn no_prefix_of_a_token_is_one() {
    let text = JoinToken::generate(Fingerprint([1; 32])).unwrap().reveal();
    for len in 0..text.len() {
        let error = text[..len].parse::<JoinToken>().err();
        let expected = if len < 5 { NotAToken::Prefix } else { NotAToken::Damaged };
        assert_eq!(error, Some(expected), "prefix of {len} bytes");
    }
}
