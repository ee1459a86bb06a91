//! Where functions begin, by the table for unwinding stacks (`.eh_frame_hdr`; Linux Standard Base Core
//! Specification 5.0, section 10.6.2).

/// The addresses in a table that is at an address, in ascending order; none if it has another form than
/// all linkers give it.
pub(crate) fn function_starts(table: &[u8], address: u64) -> Vec<u64> {
    let [VERSION, _, COUNT_U32, ENTRIES_I32_OF_TABLE, _, _, _, _, a, b, c, d, entries @ ..] = table
    else {
        return Vec::new();
    };
    let count = u32::from_le_bytes([*a, *b, *c, *d]);
    let (entries, _) = entries.as_chunks::<8>();
    let mut starts: Vec<u64> = entries
        .iter()
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .map(|[a, b, c, d, ..]| i32::from_le_bytes([*a, *b, *c, *d]))
        .filter_map(|distance| address.checked_add_signed(distance.into()))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

const VERSION: u8 = 1;

/// `DW_EH_PE_udata4`, and `DW_EH_PE_datarel | DW_EH_PE_sdata4`.
const COUNT_U32: u8 = 0x03;
const ENTRIES_I32_OF_TABLE: u8 = 0x3b;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_begin_where_the_table_says() {
        let mut table = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0, 2, 0, 0, 0];
        for (start, frame) in [(-0x800_i32, 0_i32), (-0x1000, 16), (5, 5)] {
            table.extend([start.to_le_bytes(), frame.to_le_bytes()].concat());
        }
        assert_eq!(function_starts(&table, 0x2000), [0x1000, 0x1800]);
        table[3] = 0x1b;
        assert!(function_starts(&table, 0x2000).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_table(table: Vec<u8>, address: u64) {
            assert!(function_starts(&table, address).len() <= table.len() / 8);
        }
    }
}
