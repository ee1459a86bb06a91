//! Where a program of Go has its functions, whether or not its symbols were stripped: the runtime needs
//! the table for itself (`internal/abi`, `debug/gosym` of Go).

use super::elf::Function;

/// Whether a table is one of Go 1.18 or later.
pub(crate) fn is_known(table: &[u8]) -> bool {
    u32_at(table, 0).is_some_and(|magic| MAGICS.contains(&magic))
        && table.get(7) == Some(&POINTER_LEN)
}

/// Finds functions in a table of Go 1.18 or later; `text` is where the code begins.
pub(crate) fn functions(
    table: &[u8],
    text: u64,
    wanted: &[&'static str],
) -> Vec<(&'static str, Function)> {
    find(table, text, wanted).unwrap_or_default()
}

fn find(table: &[u8], text: u64, wanted: &[&'static str]) -> Option<Vec<(&'static str, Function)>> {
    if !is_known(table) {
        return None;
    }
    let count = usize::try_from(word_at(table, 0)?).ok().filter(|count| *count <= MAX_FUNCTIONS)?;
    let start = Some(word_at(table, 2)?).filter(|start| *start > 0).unwrap_or(text);
    let names = table.get(usize::try_from(word_at(table, 3)?).ok()?..)?;
    let entries = table.get(usize::try_from(word_at(table, 7)?).ok()?..)?;
    let mut found = Vec::new();
    for at in (0..count).map(|index| index.saturating_mul(ENTRY_LEN)) {
        let (Some(begin), Some(place)) = (u32_at(entries, at), u32_at(entries, at + 4)) else {
            break;
        };
        // The end is where the next one begins; behind the last one there is such a place as well.
        let Some(end) = u32_at(entries, at + ENTRY_LEN) else { break };
        let name =
            usize::try_from(place).ok().and_then(|place| u32_at(entries, place.checked_add(4)?));
        let name = name.and_then(|name| names.get(usize::try_from(name).ok()?..));
        let Some(name) = name.and_then(|name| starts_with(wanted, name)) else { continue };
        let address = start.saturating_add(begin.into());
        found.push((name, Function { address, len: u64::from(end.saturating_sub(begin)) }));
    }
    Some(found)
}

/// Which of the names that are wanted some bytes begin with, up to a NUL.
fn starts_with(wanted: &[&'static str], bytes: &[u8]) -> Option<&'static str> {
    wanted
        .iter()
        .copied()
        .find(|name| bytes.get(name.len()) == Some(&0) && bytes.starts_with(name.as_bytes()))
}

/// A word of the header, behind its first eight bytes.
fn word_at(table: &[u8], index: usize) -> Option<u64> {
    let at = index.checked_mul(8)?.checked_add(8)?;
    table.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// Sections that hold the table.
pub(crate) const SECTIONS: [&[u8]; 2] = [b".gopclntab", b".data.rel.ro.gopclntab"];

/// How the table begins since Go 1.18, and since 1.20.
const MAGICS: [u32; 2] = [0xffff_fff0, 0xffff_fff1];

const POINTER_LEN: u8 = 8;

/// Place of the code and place of the description, of a function.
const ENTRY_LEN: usize = 8;

/// The largest programs have some hundred thousand.
const MAX_FUNCTIONS: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [&str; 2] = ["crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"];

    #[test]
    fn functions_are_found_by_the_table_that_the_runtime_needs() {
        let table = table();
        let found = functions(&table, 0x40_1000, &WANTED);
        let read = Function { address: 0x40_1010, len: 0x20 };
        assert_eq!(found, [("crypto/tls.(*Conn).Read", read)]);
        for len in 0..table.len() {
            functions(&table[..len], 0, &WANTED);
        }
        assert!(functions(&[0; 200], 0, &WANTED).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_table_or_none(mut bytes: Vec<u8>, count: u8) {
            let mut table = table();
            table[8] = count;
            table.truncate(table.len().saturating_sub(bytes.len()));
            table.append(&mut bytes);
            functions(&table, 0, &WANTED);
        }
    }

    /// Two functions, `main.main` and `crypto/tls.(*Conn).Read`.
    fn table() -> Vec<u8> {
        let names = b"main.main\0crypto/tls.(*Conn).Read\0";
        let entries_at = 72 + names.len() as u64;
        let mut table = Vec::from(MAGICS[1].to_le_bytes());
        table.extend([0, 0, 1, 8]);
        table.extend([2, 0, 0, 72, 0, 0, 0, entries_at].into_iter().flat_map(u64::to_le_bytes));
        table.extend(names);
        let entries = [0_u32, 20, 0x10, 28, 0x30, 0, 0, 0x10, 10];
        // Descriptions lie behind the three places: each says where its code and its name are.
        let [a, b, c, d, end, f, g, h, i] = entries;
        table.extend([a, b, c, d, end, f, g, h, i].into_iter().flat_map(u32::to_le_bytes));
        table
    }
}
