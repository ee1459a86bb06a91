//! Short byte strings written as lower-case hexadecimal.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::json::{ToJson, write_plain};

/// At most 32 bytes (a random, a session id) that are written as lower-case hexadecimal.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct HexBytes {
    /// Zero after the first `len`.
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl HexBytes {
    /// Copies `bytes`, the first 32 of them if there are more.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let len = bytes.len().min(MAX_LEN);
        let mut copy = [0; MAX_LEN];
        for (to, from) in copy.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self { bytes: copy, len: u8::try_from(len).unwrap_or(0) }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn with_text<R>(&self, write: impl FnOnce(&[u8]) -> R) -> R {
        let mut text = [0; 2 * MAX_LEN];
        for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(&self.bytes) {
            *digits = DIGITS.get(usize::from(*byte)).copied().unwrap_or_default();
        }
        write(text.get(..2 * usize::from(self.len)).unwrap_or_default())
    }
}

impl fmt::Display for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(std::str::from_utf8(text).unwrap_or_default()))
    }
}

impl fmt::Debug for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for HexBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToJson for HexBytes {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.with_text(|text| write_plain(out, text));
    }
}

impl JsonSchema for HexBytes {
    fn schema_name() -> Cow<'static, str> {
        "HexBytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9a-f]{2}){0,32}$" })
    }
}

/// Length of a random and the longest session id (RFC 5246 section 7.4.1.2).
const MAX_LEN: usize = 32;

/// The two digits of each byte.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const DIGITS: [[u8; 2]; 256] = {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_lower_case_and_leading_zeros_stay() {
        assert_eq!(HexBytes::new(&[0x00, 0x0a, 0xff]).to_string(), "000aff");
    }
}
