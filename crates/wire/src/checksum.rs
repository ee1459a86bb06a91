//! The internet checksum.

/// A sum of 16-bit words in one's complement (RFC 1071), kept in the byte order of the host: the sum
/// of words whose bytes are swapped is the sum with its bytes swapped (section 2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum(u64);

impl Checksum {
    /// Adds `bytes`; an odd last byte is the high half of a word, so only the last part of the
    /// input may have an odd length.
    #[inline]
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        let (words, odd) = bytes.as_chunks::<4>();
        let mut sum = self.0;
        for word in words {
            sum = sum.wrapping_add(u64::from(u32::from_ne_bytes(*word)));
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(odd) {
            *to = *from;
        }
        sum = sum.wrapping_add(u64::from(u32::from_ne_bytes(last)));
        // Folding here leaves room for 2³¹ words, more than any packet has.
        Self((sum & 0xffff_ffff) + (sum >> 32))
    }

    /// Adds a word.
    #[inline]
    #[must_use]
    pub const fn with_word(self, word: u16) -> Self {
        Self(self.0 + word.to_be() as u64)
    }

    /// The pseudo-header of TCP or UDP over IPv4 (RFC 9293 section 3.1).
    #[must_use]
    pub fn pseudo_v4(source: [u8; 4], destination: [u8; 4], protocol: u8, len: u16) -> Self {
        let [high, low] = len.to_be_bytes();
        Self::default().with(&source).with(&destination).with(&[0, protocol, high, low])
    }

    /// The pseudo-header of an upper protocol over IPv6 (RFC 8200 section 8.1).
    #[must_use]
    pub fn pseudo_v6(source: [u8; 16], destination: [u8; 16], protocol: u8, len: u32) -> Self {
        let sum = Self::default().with(&source).with(&destination);
        sum.with(&len.to_be_bytes()).with(&[0, 0, 0, protocol])
    }

    /// The value of the checksum field; 0 if the field was part of the sum and is right.
    #[must_use]
    pub const fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [.., high, low] = sum.to_be_bytes();
        !u16::from_be(u16::from_be_bytes([high, low]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header from which Wikipedia and most course books compute the checksum.
    const HEADER: [u8; 20] = [
        0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,
        0xc7,
    ];

    #[test]
    fn a_right_checksum_sums_up_to_nothing() {
        assert_eq!(Checksum::default().with(&HEADER).finish(), 0);
        let mut without = HEADER;
        without[10..12].fill(0);
        assert_eq!(Checksum::default().with(&without).finish(), 0xb861);
    }

    #[test]
    fn an_odd_last_byte_is_the_high_half_of_a_word() {
        let sum = |bytes: &[u8]| Checksum::default().with(bytes).finish();
        assert_eq!(sum(&[1, 2, 3]), sum(&[1, 2, 3, 0]));
        assert_eq!(sum(&[1, 2, 3]), !0x0402);
    }

    #[test]
    fn carries_are_not_lost() {
        assert_eq!(Checksum::default().with(&[0xff; 65_535]).finish(), 0x00ff);
        assert_eq!(Checksum::default().with(&[0xff; 65_534]).finish(), 0);
    }

    #[test]
    fn a_word_is_two_bytes_of_it() {
        for word in [0, 1, 0x1234, u16::MAX] {
            let sum = Checksum::default().with(&[9, 8]);
            assert_eq!(sum.with_word(word).finish(), sum.with(&word.to_be_bytes()).finish());
        }
    }

    #[test]
    fn pseudo_headers_have_the_fields_of_their_standards() {
        let v4 = Checksum::pseudo_v4([1, 2, 3, 4], [5, 6, 7, 8], 6, 0x0102);
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 0, 6, 1, 2];
        assert_eq!(v4.finish(), Checksum::default().with(&bytes).finish());
        let v6 = Checksum::pseudo_v6([1; 16], [2; 16], 17, 0x0102_0304);
        let bytes = [&[1; 16][..], &[2; 16], &[1, 2, 3, 4, 0, 0, 0, 17]].concat();
        assert_eq!(v6.finish(), Checksum::default().with(&bytes).finish());
    }
}
