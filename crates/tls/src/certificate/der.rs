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
pub(super) fn element<'a>(reader: &mut Reader<'a>) -> Option<Element<'a>> {
    let whole = reader.rest();
    let start = reader.offset();
    let mut ahead = *reader;
    let tag = ahead.u8().ok().filter(|tag| tag & HIGH_TAG_NUMBER != HIGH_TAG_NUMBER)?;
    let len = length(&mut ahead)?;
    let complete = len <= ahead.remaining();
    let contents = ahead.take(len.min(ahead.remaining())).ok()?;
    let raw = whole.get(..ahead.offset().checked_sub(start)?)?;
    *reader = ahead;
    Some(Element { tag, contents, raw, complete })
}

/// Takes the next element if its tag is `tag`.
pub(super) fn tagged<'a>(reader: &mut Reader<'a>, tag: u8) -> Option<Element<'a>> {
    (reader.rest().first() == Some(&tag)).then(|| element(reader)).flatten()
}

fn length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.u8().ok()? {
        short @ 0..=0x7f => Some(usize::from(short)),
        0x81 => reader.u8().ok().map(usize::from),
        0x82 => reader.u16().ok().map(usize::from),
        0x83 => reader.u24().ok().and_then(|len| usize::try_from(len).ok()),
        0x84 => reader.u32().ok().and_then(|len| usize::try_from(len).ok()),
        _ => None,
    }
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// All ones in the tag number: it follows in further bytes, which X.509 never needs.
const HIGH_TAG_NUMBER: u8 = 0x1f;
