//! Sealed secrets that a capture carries: Custom Blocks (draft-ietf-opsawg-pcapng, section 4.8).
//!
//! Behind the enterprise number stand a magic, the number of this part and how many there are (32 bits each),
//! and the length of the bytes that follow. What they are, only who opens them knows.

use std::io::{self, Write};

use crate::file::order::Order;

/// A part of what is sealed.
pub(super) struct SealedPart<'a> {
    index: u32,
    count: u32,
    bytes: &'a [u8],
}

/// Puts what is sealed together from its parts.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    whole: Vec<Box<[u8]>>,
    /// What has begun: parts so far, and how many there are.
    begun: Option<(u32, u32, Vec<u8>)>,
    len: usize,
}

impl<'a> SealedPart<'a> {
    /// The part in the body of a Custom Block; `None` if it is of somebody else.
    pub(super) fn parse(order: Order, body: &'a [u8]) -> Option<Self> {
        let (&[e0, e1, e2, e3], rest) = body.split_first_chunk()?;
        let rest = rest.strip_prefix(MAGIC)?;
        let (&[i0, i1, i2, i3, c0, c1, c2, c3, l0, l1, l2, l3], rest) = rest.split_first_chunk()?;
        let bytes = rest.get(..order.u32([l0, l1, l2, l3]) as usize)?;
        let (index, count) = (order.u32([i0, i1, i2, i3]), order.u32([c0, c1, c2, c3]));
        let is_own = order.u32([e0, e1, e2, e3]) == ENTERPRISE && index < count;
        is_own.then_some(Self { index, count, bytes })
    }
}

impl Assembly {
    /// Takes a part; whether there was room for it, and it is the one that follows.
    pub(super) fn take(&mut self, part: &SealedPart<'_>) -> bool {
        let begun = match self.begun.take() {
            _ if part.index == 0 => Some((0, part.count, Vec::new())),
            Some(begun) if (begun.0, begun.1) == (part.index, part.count) => Some(begun),
            _ => None,
        };
        let total = self.len.saturating_add(part.bytes.len());
        let Some((_, count, mut bytes)) = begun.filter(|_| total <= MAX_LEN) else { return false };
        if self.whole.len() >= MAX_WHOLE {
            return false;
        }
        self.len = total;
        bytes.extend_from_slice(part.bytes);
        let taken = part.index.saturating_add(1);
        if taken == count {
            self.whole.push(bytes.into());
        } else {
            self.begun = Some((taken, count, bytes));
        }
        true
    }

    /// What is there whole, in the order of the capture.
    pub(super) fn whole(&self) -> &[Box<[u8]>] {
        &self.whole
    }
}

/// Whether a block, its header in front, is one with sealed secrets.
pub(super) fn is_sealed(order: Order, block: &[u8]) -> bool {
    block.get(HEADER_LEN..).is_some_and(|body| SealedPart::parse(order, body).is_some())
}

/// Writes Custom Blocks with what is sealed, as many as its length needs.
pub(super) fn write(output: &mut impl Write, order: Order, sealed: &[u8]) -> io::Result<()> {
    let parts = sealed.chunks(MAX_PART_LEN);
    let count = parts.len();
    let word = |value: usize| order.bytes(u32::try_from(value).unwrap_or(u32::MAX));
    for (index, part) in parts.enumerate() {
        let padding = part.len().wrapping_neg() % 4;
        let len = OVERHEAD.saturating_add(part.len()).saturating_add(padding);
        output.write_all(&order.bytes(CUSTOM_BLOCK))?;
        output.write_all(&word(len))?;
        output.write_all(&order.bytes(ENTERPRISE))?;
        output.write_all(MAGIC)?;
        for number in [index, count, part.len()] {
            output.write_all(&word(number))?;
        }
        output.write_all(part)?;
        output.write_all([0; 3].get(..padding).unwrap_or_default())?;
        output.write_all(&word(len))?;
    }
    Ok(())
}

/// Type of a Custom Block that programs may copy.
pub(super) const CUSTOM_BLOCK: u32 = 0x0000_0bad;

/// The number that is reserved for examples (RFC 5612): this project is no enterprise with one of its own.
/// Others may use it as well, so what counts is the magic.
const ENTERPRISE: u32 = 32473;

const MAGIC: &[u8; 8] = b"TLSESEAL";

const HEADER_LEN: usize = 8;

/// Header, enterprise number, magic, three numbers and trailer.
const OVERHEAD: usize = HEADER_LEN + 4 + MAGIC.len() + 12 + 4;

const MAX_PART_LEN: usize = 1 << 20;

/// Most bytes that are kept: what is released for a very large capture.
const MAX_LEN: usize = 64 << 20;

/// Most releases that are kept, so that empty ones cannot fill memory.
const MAX_WHOLE: usize = 1 << 10;
