//! DER elements with definite lengths, no deeper than the caller asks.

use wire::Reader;

/// A tag, its contents, and both with the length between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    pub(super) raw: &'a [u8],
    /// Whether all of the contents are there; if not, `contents` is what is.
    pub(super) complete: bool,
}

/// Takes the next element, or `None` if no tag and length can be read.
#[inline]
pub(super) fn element<'a>(reader: &mut Reader<'a>) -> Option<Element<'a>> {
    let (tag, body, len) = match reader.rest() {
        [tag, len @ 0..=0x7f, body @ ..] => (*tag, body, usize::from(*len)),
        [tag, 0x81, len, body @ ..] => (*tag, body, usize::from(*len)),
        [tag, 0x82, high, low, body @ ..] => {
            (*tag, body, usize::from(u16::from_be_bytes([*high, *low])))
        }
        [tag, 0x83, a, b, c, body @ ..] => (*tag, body, length([0, *a, *b, *c])?),
        [tag, 0x84, a, b, c, d, body @ ..] => (*tag, body, length([*a, *b, *c, *d])?),
        _ => return None,
    };
    if tag & HIGH_TAG_NUMBER == HIGH_TAG_NUMBER {
        return None;
    }
    let (contents, complete) = body.get(..len).map_or((body, false), |contents| (contents, true));
    let after = body.len().checked_sub(contents.len())?;
    let raw = reader.take(reader.remaining().checked_sub(after)?).ok()?;
    Some(Element { tag, contents, raw, complete })
}

/// Takes the next element if its tag is `tag`.
#[inline]
pub(super) fn tagged<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<Element<'a>> {
    (reader.rest().first() == Some(&tag)).then(|| element(reader)).flatten()
}

/// Takes the contents of the next element if its tag is `tag` and all of it is there.
#[inline]
pub(super) fn whole<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<&'a [u8]> {
    tagged(reader, tag).filter(|element| element.complete).map(|element| element.contents)
}

/// The contents of the one element that `bytes` is, if its tag is `tag`.
#[inline]
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    whole(&mut reader, tag).filter(|_| reader.is_empty())
}

fn length(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// All ones in the tag number: it follows in further bytes, which X.509 never needs.
const HIGH_TAG_NUMBER: u8 = 0x1f;
