//! Header blocks of one direction, one behind the other.

use http2::{Decoder, Fields};

use crate::input::Datagrams;

/// Decodes header blocks from the beginning of a connection, and as somebody who came late.
pub fn hpack(input: &[u8]) {
    let (mut decoder, mut late) = (Decoder::new(), Decoder::late());
    let (mut fields, mut late_fields) = (Fields::new(), Fields::new());
    for (flags, block) in Datagrams::new(input) {
        if flags & 1 != 0 {
            decoder.forget();
        }
        fields.clear();
        late_fields.clear();
        let decoded = decoder.decode(block, &mut fields).is_ok();
        let decoded_late = late.decode(block, &mut late_fields).is_ok();
        assert_eq!(decoded, decoded_late, "what is malformed does not depend on tables");
        for field in fields.iter().chain(late_fields.iter()) {
            std::hint::black_box((field.name, field.value));
        }
        assert!(fields.heap_size() <= MAX_HEAP && decoder.heap_size() <= MAX_HEAP);
    }
}

/// Twice the bounds of fields and of strings.
const MAX_HEAP: usize = 1 << 20;
