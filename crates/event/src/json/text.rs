//! Strings.

/// Writes a string that is known to have nothing to escape.
#[inline]
pub(super) fn write_plain(out: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(is_plain(text), "{text:?}");
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// Writes text with what JSON cannot hold escaped (RFC 8259 section 7).
pub(super) fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text);
    } else {
        write_escaped(out, text);
    }
    out.push(b'"');
}

/// Whether no byte has to be escaped. The last piece overlaps with the one before it.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    if let Some(end) = bytes.last_chunk::<16>() {
        return bytes.as_chunks::<16>().0.iter().all(is_plain_piece) && is_plain_piece(end);
    }
    if let (Some(start), Some(end)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return is_plain_word(u64::from_ne_bytes(*start))
            && is_plain_word(u64::from_ne_bytes(*end));
    }
    if let (Some(start), Some(end)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let start = u64::from(u32::from_ne_bytes(*start));
        return is_plain_word(start << 32 | u64::from(u32::from_ne_bytes(*end)));
    }
    !bytes.iter().copied().any(has_to_be_escaped)
}

/// The same of as many bytes as vector instructions take at once.
#[inline]
fn is_plain_piece(piece: &[u8; 16]) -> bool {
    !piece.iter().fold(false, |found, &byte| found | has_to_be_escaped(byte))
}

/// The same of the eight bytes of `word`: the sign bit of each byte tells after a subtraction that
/// does not borrow from its neighbour ("Bit Twiddling Hacks", "Determine if a word has a byte less
/// than n").
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

#[inline]
pub(super) const fn has_to_be_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
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
