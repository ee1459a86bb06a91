//! `server_name` (RFC 6066 section 3).

use std::borrow::Cow;
use std::fmt::Write as _;

use wire::Reader;

use super::vectors::end;
use crate::malformed::{Field, Malformed};

/// The names that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerNames<'a> {
    list: &'a [u8],
}

impl<'a> ServerNames<'a> {
    /// Reads the body of a client's `server_name`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let list = reader.prefixed_u16().field("server_name_list")?;
        end(&reader, "server_name_list")?;
        let mut names = Reader::new(list);
        while !names.is_empty() {
            names.u8().field("name_type")?;
            names.prefixed_u16().field("host_name")?;
        }
        Ok(Self { list })
    }

    /// The host names, in the order sent. The standard allows one.
    pub fn host_names(&self) -> impl Iterator<Item = HostName<'a>> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || {
            let kind = reader.u8().ok()?;
            let name = reader.prefixed_u16().ok()?;
            Some((kind, name))
        })
        .filter(|(kind, _)| *kind == HOST_NAME)
        .map(|(_, name)| HostName(name))
    }
}

/// A host name as sent: not always a name, nor text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostName<'a>(pub &'a [u8]);

impl<'a> HostName<'a> {
    /// Whether the name is printable text without spaces and no longer than a DNS name can be.
    ///
    /// A NUL inside a name is how one reader is made to see another host than the next.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= MAX_HOST_NAME_LEN && printable(self.0).is_some()
    }

    /// The name as text that is safe to show: what is not printable UTF-8 as `\x00`, and cut after
    /// 255 bytes.
    #[must_use]
    pub fn to_text(&self) -> Cow<'a, str> {
        let bytes = self.0.get(..MAX_HOST_NAME_LEN).unwrap_or(self.0);
        match printable(bytes) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(escape(bytes)),
        }
    }
}

fn printable(bytes: &[u8]) -> Option<&str> {
    if bytes.iter().all(u8::is_ascii_graphic) {
        return std::str::from_utf8(bytes).ok();
    }
    std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_printable))
}

/// Whether a character cannot move a cursor, end a line or hide: no control, space or format
/// character.
fn is_printable(character: char) -> bool {
    let hides = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    );
    !character.is_control() && !character.is_whitespace() && !hides
}

#[cold]
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_printable(character) {
                text.push(character);
            } else {
                let mut encoded = [0; 4];
                escape_bytes(character.encode_utf8(&mut encoded).as_bytes(), &mut text);
            }
        }
        escape_bytes(chunk.invalid(), &mut text);
    }
    text
}

fn escape_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        let written = write!(text, "\\x{byte:02x}");
        debug_assert!(written.is_ok(), "a string takes any text");
    }
}

/// `host_name`, the only type of name there is.
const HOST_NAME: u8 = 0;

/// Longest name of the domain name system, in bytes (RFC 1035 section 2.3.4).
const MAX_HOST_NAME_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_shown_as_it_is() {
        let body = [&[0, 14, 0, 0, 11][..], b"example.com"].concat();
        let names = ServerNames::parse(&body).unwrap();
        let name = names.host_names().next().unwrap();
        assert_eq!(name.to_text(), "example.com");
        assert!(name.is_sound());
    }

    #[test]
    fn bytes_that_could_deceive_are_escaped_and_flagged() {
        for (bytes, text) in [
            (&b"good.com\0evil.com"[..], "good.com\\x00evil.com"),
            (b"a\xffb", "a\\xffb"),
            (b"a b\n", "a\\x20b\\x0a"),
            ("a\u{202e}b".as_bytes(), "a\\xe2\\x80\\xaeb"),
            ("b\u{fc}cher.example".as_bytes(), "b\u{fc}cher.example"),
        ] {
            assert_eq!(HostName(bytes).to_text(), text);
        }
        assert!(!HostName(b"good.com\0evil.com").is_sound());
        assert!(!HostName(b"").is_sound());
    }

    #[test]
    fn a_name_longer_than_dns_allows_is_cut_and_flagged() {
        let long = HostName(&[b'a'; 300]);
        assert!(!long.is_sound());
        assert_eq!(long.to_text().len(), 255);
    }

    #[test]
    fn names_of_other_types_are_passed_over() {
        let body = [&[0, 10, 7, 0, 1, b'x', 0, 0, 3][..], b"a.b"].concat();
        let names: Vec<_> = ServerNames::parse(&body).unwrap().host_names().collect();
        assert_eq!(names, [HostName(b"a.b")]);
    }
}
