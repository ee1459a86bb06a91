//! Short byte strings written as lower-case hexadecimal.

use std::borrow::Cow;
use std::fmt;

use arrayvec::ArrayVec;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// At most 32 bytes (a random, a session id) that are written as lower-case hexadecimal.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HexBytes(ArrayVec<u8, MAX_LEN>);

impl HexBytes {
    /// Copies `bytes`, the first 32 of them if there are more.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().take(MAX_LEN).collect())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn with_text<R>(&self, write: impl FnOnce(&str) -> R) -> R {
        let mut text = ArrayVec::<u8, { 2 * MAX_LEN }>::new();
        for byte in &self.0 {
            text.extend(DIGITS.get(usize::from(*byte)).copied().unwrap_or_default());
        }
        write(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for HexBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
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
