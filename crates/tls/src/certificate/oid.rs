//! Object identifiers as text.

use std::fmt::Write;

/// The dotted text of an object identifier from the contents of its DER form.
///
/// An identifier with an arc over 64 bits, or not well-formed, is `0x` and hexadecimal.
pub(super) fn text(contents: &[u8]) -> String {
    dotted(contents).unwrap_or_else(|| {
        let shown = contents.get(..MAX_SHOWN_LEN).unwrap_or(contents);
        format!("0x{}", data_encoding::HEXLOWER.encode(shown))
    })
}

fn dotted(contents: &[u8]) -> Option<String> {
    if contents.len() > MAX_SHOWN_LEN {
        return None;
    }
    let mut text = String::new();
    let mut arc = 0_u64;
    for byte in contents {
        arc = arc.checked_mul(1 << 7)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc.checked_sub(first.checked_mul(40)?)?).ok()?;
        } else {
            write!(text, ".{arc}").ok()?;
        }
        arc = 0;
    }
    (contents.last()? & 0x80 == 0).then_some(text)
}

/// Longest identifier that is shown whole, in bytes: the longest in use, of Microsoft's certificate
/// templates, take 30.
const MAX_SHOWN_LEN: usize = 64;
