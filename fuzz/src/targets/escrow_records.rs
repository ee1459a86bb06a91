//! What an escrow keeps: entries, sealed records, and what is in them.

use escrow::seal::{Content, ContextRecord, SealedRecord};
use escrow::store::Entry;
use wire::Reader;

/// Reads the input as each of them; what was read is written the same.
pub fn escrow_records(input: &[u8]) {
    if let Ok(content) = Content::parse(input) {
        assert_eq!(&content.dangerous_bytes()[..], input);
    }
    let mut reader = Reader::new(input);
    if let Ok(record) = SealedRecord::parse(&mut reader) {
        let mut again = Vec::new();
        record.put(&mut again);
        assert_eq!(input.get(..reader.offset()), Some(&again[..]));
    }
    let mut reader = Reader::new(input);
    if let Ok(context) = ContextRecord::parse(&mut reader) {
        let mut again = Vec::new();
        context.put(&mut again);
        assert_eq!(input.get(..reader.offset()), Some(&again[..]));
    }
    Entry::parse(input).ok();
}
