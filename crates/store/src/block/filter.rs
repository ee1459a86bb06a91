//! What a block may hold (a Bloom filter), so that a search skips most blocks.

use std::net::IpAddr;

use crate::id::EdgeId;

/// Something that a search may ask for, as a number: FNV-1a of its kind and value, mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Term(u64);

/// Which terms a block may hold.
pub(crate) struct Filter<'a> {
    bits: &'a [u8],
}

impl Term {
    pub(crate) fn text(kind: &str, value: &str) -> Self {
        Self::of(kind, value.bytes().map(|byte| byte.to_ascii_lowercase()))
    }

    pub(crate) fn ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::of("ip", ip.octets()),
            IpAddr::V6(ip) => Self::of("ip", ip.octets()),
        }
    }

    pub(crate) fn edge(id: EdgeId) -> Self {
        Self::of("edge", id.0)
    }

    pub(crate) fn number(kind: &str, value: u32) -> Self {
        Self::of(kind, value.to_le_bytes())
    }

    fn of(kind: &str, value: impl IntoIterator<Item = u8>) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in kind.bytes().chain([0]).chain(value) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        // The finalizer of MurmurHash3: low bits of FNV-1a depend on little.
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self(hash ^ (hash >> 33))
    }

    /// The bits of the term in a filter of `len` bits.
    fn bits(self, len: u64) -> impl Iterator<Item = (usize, u8)> {
        let step = self.0.rotate_left(32) | 1;
        (0..HASHES).map(move |index| {
            let hash = self.0.wrapping_add(index.wrapping_mul(step));
            let bit = hash % len.max(1);
            (usize::try_from(bit / 8).unwrap_or(usize::MAX), 1_u8 << (bit % 8))
        })
    }
}

impl<'a> Filter<'a> {
    pub(crate) const fn new(bits: &'a [u8]) -> Self {
        Self { bits }
    }

    /// The filter of a block with these terms.
    pub(crate) fn build(mut terms: Vec<Term>) -> Vec<u8> {
        terms.sort_unstable();
        terms.dedup();
        let len = (terms.len() * BITS_PER_TERM).div_ceil(8).max(8);
        let mut bits = vec![0_u8; len];
        for term in &terms {
            for (byte, bit) in term.bits(len as u64 * 8) {
                if let Some(byte) = bits.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        bits
    }

    /// Whether the block may hold a term: `false` is certain.
    pub(crate) fn may_hold(&self, term: Term) -> bool {
        let len = self.bits.len() as u64 * 8;
        term.bits(len).all(|(byte, bit)| self.bits.get(byte).is_some_and(|byte| byte & bit != 0))
    }
}

/// Ten bits and seven hashes take one block in 120 for one with the term though it is none.
const BITS_PER_TERM: usize = 10;
const HASHES: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_block_holds_is_found_and_most_of_the_rest_is_not() {
        let terms: Vec<_> = (0..1000).map(|n| Term::number("pair", n)).collect();
        let bits = Filter::build(terms.clone());
        let filter = Filter::new(&bits);
        assert!(terms.iter().all(|term| filter.may_hold(*term)));
        let wrong = (1000..11_000).filter(|n| filter.may_hold(Term::number("pair", *n))).count();
        assert!(wrong < 200, "{wrong} of 10,000");
    }

    #[test]
    fn texts_are_the_same_whatever_their_case_and_kinds_are_apart() {
        assert_eq!(Term::text("name", "Example.TEST"), Term::text("name", "example.test"));
        assert_ne!(Term::text("name", "x"), Term::text("group", "x"));
        assert_eq!(
            Term::ip("::ffff:192.0.2.1".parse().unwrap()),
            Term::ip("192.0.2.1".parse().unwrap())
        );
        assert!(!Filter::new(&[]).may_hold(Term::number("pair", 1)));
    }
}
