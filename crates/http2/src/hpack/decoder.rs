//! Header blocks to header fields.

use httlib_huffman::DecoderSpeed;

use super::integer;
use super::table::{DynamicTable, INITIAL_SIZE, MAX_SIZE};
use crate::fields::{Field, Fields};

/// Reads the header blocks of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    table: DynamicTable,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// A header block is not one. What follows cannot be read either, but as [`Decoder::forget`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpackError;

impl Decoder {
    /// A decoder from the beginning of a connection.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: DynamicTable::new(INITIAL_SIZE), name: Vec::new(), value: Vec::new() }
    }

    /// A decoder for a connection joined late: entries of its table are unknown until they are seen
    /// being inserted.
    #[must_use]
    pub const fn late() -> Self {
        Self { table: DynamicTable::new(MAX_SIZE), name: Vec::new(), value: Vec::new() }
    }

    /// Header blocks were lost: nothing of the table is known any longer.
    pub fn forget(&mut self) {
        self.table.forget();
        self.table.resize(MAX_SIZE);
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.table
            .heap_size()
            .saturating_add(self.name.capacity())
            .saturating_add(self.value.capacity())
    }

    /// Appends the fields of a whole header block to `fields`.
    ///
    /// # Errors
    /// [`HpackError`] if it is malformed; the fields before that place are there.
    pub fn decode(&mut self, mut block: &[u8], fields: &mut Fields) -> Result<(), HpackError> {
        while let Some(&first) = block.first() {
            if first & 0x80 != 0 {
                let index = integer::take(&mut block, 7).ok_or(HpackError)?;
                let entry = self.table.entry(index).ok_or(HpackError)?;
                fields.push(Field { name: entry.name, value: entry.value });
            } else if first & 0xe0 == 0x20 {
                let size = integer::take(&mut block, 5).ok_or(HpackError)?;
                self.table.resize(size);
            } else {
                let is_inserted = first & 0x40 != 0;
                let prefix_bits = if is_inserted { 6 } else { 4 };
                self.literal(&mut block, prefix_bits, is_inserted, fields)?;
            }
        }
        Ok(())
    }

    /// A literal field (RFC 7541 section 6.2).
    fn literal(
        &mut self,
        block: &mut &[u8],
        prefix_bits: u32,
        is_inserted: bool,
        fields: &mut Fields,
    ) -> Result<(), HpackError> {
        let index = integer::take(block, prefix_bits).ok_or(HpackError)?;
        self.name.clear();
        let is_name_known = if index == 0 {
            string(block, &mut self.name)?;
            true
        } else {
            let entry = self.table.entry(index).ok_or(HpackError)?;
            self.name.extend_from_slice(entry.name.unwrap_or_default());
            entry.name.is_some()
        };
        self.value.clear();
        string(block, &mut self.value)?;
        let name = is_name_known.then_some(self.name.as_slice());
        if is_inserted {
            self.table.insert(name, &self.value);
        }
        fields.push(Field { name, value: Some(&self.value) });
        Ok(())
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Appends a string (RFC 7541 section 5.2) to `out`.
fn string(block: &mut &[u8], out: &mut Vec<u8>) -> Result<(), HpackError> {
    let is_huffman = block.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer::take(block, 7).ok_or(HpackError)?;
    let (bytes, rest) = block.split_at_checked(len).ok_or(HpackError)?;
    *block = rest;
    if is_huffman {
        httlib_huffman::decode(bytes, out, DecoderSpeed::FourBits).map_err(|_error| HpackError)
    } else {
        out.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_the_standard_are_read() {
        // RFC 7541 appendices C.3 and C.4: the same three requests, without and with Huffman codes.
        for blocks in [
            [
                "828684410f7777772e6578616d706c652e636f6d",
                "828684be58086e6f2d6361636865",
                "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            ],
            [
                "828684418cf1e3c2e5f23a6ba0ab90f4ff",
                "828684be5886a8eb10649cbf",
                "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            ],
        ] {
            let mut decoder = Decoder::new();
            let common =
                [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
            let expected = [
                common.to_vec(),
                [&common[..], &["cache-control: no-cache"]].concat(),
                vec![
                    ":method: GET",
                    ":scheme: https",
                    ":path: /index.html",
                    ":authority: www.example.com",
                    "custom-key: custom-value",
                ],
            ];
            for (block, expected) in blocks.iter().zip(expected) {
                assert_eq!(shown(&mut decoder, &hex(block)), expected);
            }
        }
    }

    #[test]
    fn responses_of_the_standard_are_read_with_a_small_table() {
        // RFC 7541 appendix C.6, with a table of 256 bytes.
        let mut decoder = Decoder::new();
        decoder.table.resize(256);
        let blocks = [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ];
        let last: Vec<_> = blocks.iter().map(|block| shown(&mut decoder, &hex(block))).collect();
        assert_eq!(last[0][0], ":status: 302");
        assert_eq!(last[1][..3], [":status: 307", "cache-control: private", last[0][2].as_str()]);
        assert_eq!(last[2][4], "content-encoding: gzip");
        assert_eq!(
            last[2][5],
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
        );
        assert_eq!(decoder.table.heap_size() > 215, true);
    }

    #[test]
    fn what_was_inserted_before_is_unknown_and_new_entries_are_not() {
        let mut decoder = Decoder::late();
        // 62 is the newest entry, of which nothing is known; a literal with its name is inserted.
        let block =
            [&[0xbe, 0x7e, 1, b'v', 0xbe, 0x40, 1, b'n', 1, b'w'][..], &[0xbe, 0xbf]].concat();
        let expected = ["?: ?", "?: v", "?: v", "n: w", "n: w", "?: v"];
        assert_eq!(shown(&mut decoder, &block), expected);
        decoder.forget();
        assert_eq!(shown(&mut decoder, &[0xbe]), ["?: ?"]);
    }

    #[test]
    fn a_table_of_no_size_holds_nothing() {
        let mut decoder = Decoder::new();
        let block = [0x20, 0x40, 1, b'n', 1, b'v', 0xbe];
        assert_eq!(shown(&mut decoder, &block), ["n: v", "?: ?"]);
    }

    #[test]
    fn every_prefix_is_malformed_or_shorter() {
        let block = hex("828684418cf1e3c2e5f23a6ba0ab90f4ff");
        for len in 0..block.len() {
            let result = Decoder::new().decode(&block[..len], &mut Fields::new());
            assert_eq!(result.is_ok(), len <= 3, "{len} bytes");
        }
        assert_eq!(Decoder::new().decode(&[0x80], &mut Fields::new()), Err(HpackError));
    }

    #[test]
    fn a_bomb_of_references_is_cut_at_the_bound() {
        let mut decoder = Decoder::new();
        let mut block = vec![0x40, 1, b'n', 0x7f, 0xe1, 0x1d];
        block.extend([b'x'; 3936]);
        block.resize(block.len() + 100_000, 0xbe);
        let mut fields = Fields::new();
        decoder.decode(&block, &mut fields).unwrap();
        assert!(fields.heap_size() < 1 << 20, "{}", fields.heap_size());
        assert!(fields.left_out() > 90_000);
    }

    fn shown(decoder: &mut Decoder, block: &[u8]) -> Vec<String> {
        let mut fields = Fields::new();
        decoder.decode(block, &mut fields).unwrap();
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or("?".to_owned(), |bytes| String::from_utf8(bytes.to_vec()).unwrap())
        };
        fields.iter().map(|field| format!("{}: {}", text(field.name), text(field.value))).collect()
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
