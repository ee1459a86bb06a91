//! Text of certificates: decoded from the ASN.1 string types and made safe to show.

use std::borrow::Cow;
use std::fmt::Write;

use x509_parser::asn1_rs::Tag;

/// Decodes a string; `None` if the type is no string type.
///
/// Bytes that are not what the type demands are read as Latin-1, as `TeletexString` always was.
pub(super) fn decode(tag: Tag, bytes: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::TeletexString
        | Tag::GeneralString => Some(utf8_or_latin1(bytes)),
        Tag::BmpString => {
            let (units, _) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(REPLACEMENT));
            Some(Cow::Owned(text.collect()))
        }
        Tag::UniversalString => {
            let (units, _) = bytes.as_chunks::<4>();
            let units = units.iter().map(|unit| u32::from_be_bytes(*unit));
            let text = units.map(|unit| char::from_u32(unit).unwrap_or(REPLACEMENT));
            Some(Cow::Owned(text.collect()))
        }
        _ => None,
    }
}

/// Reads `bytes` as UTF-8, or as Latin-1 if they are not that.
pub(super) fn utf8_or_latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Whether showing `character` would hide or reorder text.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` with each unsafe character as `\XX` for every byte of its UTF-8 form (RFC 4514 section 2.4);
/// borrowed if there is none.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let printable = text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    if printable || !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            push_escaped(&mut shown, character);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Adds `character` as `\XX` for every byte of its UTF-8 form.
pub(super) fn push_escaped(text: &mut String, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        write!(text, "\\{byte:02X}").unwrap_or_default();
    }
}

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;
