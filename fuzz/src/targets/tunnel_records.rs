//! Records of a batch.

use tunnel::format::{Records, encoded_len, put_record, shed};

/// Reads records; what is read is written as it was.
pub fn tunnel_records(input: &[u8]) {
    let mut again = Vec::new();
    let mut is_whole = true;
    for read in Records::new(input) {
        let Ok(record) = read else {
            is_whole = false;
            break;
        };
        let before = again.len();
        put_record(&record, &mut again);
        assert!(again.len() - before <= encoded_len(&record));
    }
    assert!(input.starts_with(&again) && (again.len() == input.len()) == is_whole);
    match shed(input) {
        Ok((kept, _)) => {
            assert!(is_whole);
            assert!(Records::new(&kept).all(|read| read.is_ok()));
        }
        Err(_) => assert!(!is_whole),
    }
}
