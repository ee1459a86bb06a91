//! Strings and names.

/// Writes the name of a field and the colon after it.
#[inline]
pub(super) fn write_name(out: &mut Vec<u8>, name: &'static str) {
    out.reserve(name.len() + 3);
    write_constant(out, name);
    out.push(b':');
}

/// Writes a string that is a constant of the program and has nothing to escape.
#[inline]
pub(super) fn write_constant(out: &mut Vec<u8>, constant: &'static str) {
    debug_assert!(constant.bytes().all(|byte| escape(byte).is_none()), "{constant}");
    out.reserve(constant.len() + 2);
    out.push(b'"');
    out.extend_from_slice(constant.as_bytes());
    out.push(b'"');
}

/// Writes text with what JSON cannot hold escaped (RFC 8259 section 7).
#[inline]
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        write_escaped(out, bytes);
    }
    out.push(b'"');
}

/// Whether no byte has to be escaped.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let end = match bytes.last_chunk::<8>() {
        Some(end) => is_plain_word(u64::from_ne_bytes(*end)),
        None => rest.iter().all(|&byte| escape(byte).is_none()),
    };
    end && words.iter().all(|word| is_plain_word(u64::from_ne_bytes(*word)))
}

/// Whether none of the eight bytes of `word` is a control character, a quotation mark or a
/// backslash: the sign bit of each byte tells after a subtraction that does not borrow from its
/// neighbour ("Bit Twiddling Hacks", "Determine if a word has a byte less than n").
#[inline]
const fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const SIGNS: u64 = u64::from_ne_bytes([0x80; 8]);
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslashes = zero_bytes(word ^ (ONES * b'\\' as u64));
    (controls | quotes | backslashes) & SIGNS == 0
}

/// Sets the sign bit of the first zero byte, and perhaps of others.
#[inline]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([1; 8])) & !word
}

#[cold]
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        match escape(byte) {
            None => out.push(byte),
            Some(b'u') => {
                let low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), low]);
            }
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
        }
    }
}

/// The letter after the backslash, of a byte that has to be escaped.
#[inline]
const fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        0..=0x1f => Some(b'u'),
        _ => None,
    }
}
