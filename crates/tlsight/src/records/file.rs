//! Files of records, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// Whether a path is one of records, and not a capture.
pub(super) fn is_of_records(path: &Path) -> bool {
    let name = path.as_os_str().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name == "-" || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Gives the lines of a file with their numbers, from 1. Empty ones are left out.
///
/// # Errors
/// The file cannot be read, or has a line longer than any record.
pub(super) fn lines(path: &Path, each: impl FnMut(&[u8], u64)) -> io::Result<()> {
    if path == Path::new("-") {
        return of(io::stdin().lock(), each);
    }
    let file = File::open(path)?;
    if path.extension().is_some_and(|ending| ending == "gz") {
        return of(BufReader::new(MultiGzDecoder::new(file)), each);
    }
    of(BufReader::new(file), each)
}

fn of(mut input: impl BufRead, mut each: impl FnMut(&[u8], u64)) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut bounded = input.by_ref().take(MAX_LINE_LEN);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = line.trim_ascii();
        if bounded.limit() == 0 && line.last() != Some(&b'\n') {
            let text = format!("line {number} has more than {MAX_LINE_LEN} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if !text.is_empty() {
            each(text, number);
        }
    }
    Ok(())
}

const ENDINGS: [&str; 3] = [".ndjson", ".jsonl", ".json"];

/// Longest line, in bytes: a record with ten certificates in PEM takes a twentieth.
const MAX_LINE_LEN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_from_captures_by_their_names() {
        for (name, expected) in [
            ("-", true),
            ("a.ndjson", true),
            ("a.ndjson.gz", true),
            ("a.json", true),
            ("a.pcap.gz", false),
            ("a.pcapng", false),
            ("json", false),
        ] {
            assert_eq!(is_of_records(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_line_longer_than_any_record_ends_the_file() {
        let mut seen = Vec::new();
        let text = b"one\n\n two \nthree";
        of(&text[..], |line, number| seen.push((line.to_vec(), number))).unwrap();
        assert_eq!(seen, [(b"one".to_vec(), 1), (b"two".to_vec(), 3), (b"three".to_vec(), 4)]);
        let long = vec![b'x'; usize::try_from(MAX_LINE_LEN).unwrap() + 1];
        let error = of(&long[..], |_, _| panic!("it is no line")).unwrap_err();
        assert!(error.to_string().contains("line 1 has more than"), "{error}");
        let whole = [&long[2..], b"\n"].concat();
        let mut count = 0;
        of(&whole[..], |_, _| count += 1).unwrap();
        assert_eq!(count, 1);
    }
}
