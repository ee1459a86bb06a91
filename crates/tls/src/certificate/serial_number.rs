//! Serial numbers in decimal.

/// Writes the number whose two's complement `bytes` are, most significant first; `None` if there are
/// more than [`MAX_LEN`].
pub(super) fn decimal(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_LEN {
        return None;
    }
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut words = magnitude(bytes, negative);
    let mut words = words.as_mut_slice();
    let mut digits = [b'0'; MAX_DIGITS];
    for place in digits.rchunks_exact_mut(STEP_DIGITS) {
        while let [0, rest @ ..] = words {
            words = rest;
        }
        if words.is_empty() {
            break;
        }
        let mut part = divide(words);
        for digit in place.iter_mut().rev() {
            *digit = b"0123456789".get(part as usize % 10).copied().unwrap_or_default();
            part /= 10;
        }
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let shown = digits.get(zeros.min(MAX_DIGITS - 1)..).unwrap_or_default();
    let mut text = String::with_capacity(shown.len().saturating_add(1));
    if negative {
        text.push('-');
    }
    text.push_str(std::str::from_utf8(shown).unwrap_or_default());
    Some(text)
}

/// The absolute value in words of 32 bits, most significant first.
fn magnitude(bytes: &[u8], negative: bool) -> [u32; MAX_LEN / 4] {
    let sign = if negative { u32::MAX } else { 0 };
    let mut words = [sign; MAX_LEN / 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.rchunks(4)) {
        *word = bytes.iter().fold(sign, |value, byte| value << 8 | u32::from(*byte));
    }
    if negative {
        let mut carry = true;
        for word in words.iter_mut().rev() {
            (*word, carry) = (!*word).overflowing_add(u32::from(carry));
        }
    }
    words
}

/// Divides by [`STEP`] in place and returns the remainder.
fn divide(words: &mut [u32]) -> u32 {
    words.iter_mut().fold(0, |remainder: u32, word| {
        let value = u64::from(remainder) << 32 | u64::from(*word);
        *word = u32::try_from(value / u64::from(STEP)).unwrap_or(u32::MAX);
        u32::try_from(value % u64::from(STEP)).unwrap_or(0)
    })
}

/// Longest serial number that is shown, in bytes: three times what RFC 5280 section 4.1.2.2 allows,
/// because turning a number into decimal takes the square of its length.
const MAX_LEN: usize = 64;

/// The largest power of ten that fits a word.
const STEP: u32 = 1_000_000_000;
const STEP_DIGITS: usize = 9;

/// The 155 digits of 512 bits, in whole steps.
const MAX_DIGITS: usize = 18 * STEP_DIGITS;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_parser::num_bigint::BigInt;

    use super::*;

    #[test]
    fn no_bytes_are_zero_and_too_many_are_nothing() {
        assert_eq!(decimal(&[]).as_deref(), Some("0"));
        assert_eq!(decimal(&[0; MAX_LEN]).as_deref(), Some("0"));
        assert_eq!(decimal(&[0; MAX_LEN + 1]), None);
    }

    proptest! {
        #[test]
        fn numbers_of_any_length_and_sign_are_those_of_a_library(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff)], 1..=MAX_LEN),
        ) {
            let expected = BigInt::from_signed_bytes_be(&bytes).to_string();
            prop_assert_eq!(decimal(&bytes), Some(expected));
        }
    }
}
