//! A keyed hash of few words.

/// A keyed hash of few words, made of widening multiplications whose factors hide behind the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyedHash {
    keys: [u64; 4],
}

impl KeyedHash {
    pub(crate) const fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut keys = [0; 4];
        let [a, b, c, d] = &mut keys;
        *a = split_mix(&mut state);
        *b = split_mix(&mut state);
        *c = split_mix(&mut state);
        *d = split_mix(&mut state);
        Self { keys }
    }

    #[inline]
    pub(crate) const fn pair(&self, a: u64, b: u64) -> u64 {
        let [k0, k1, k2, k3] = self.keys;
        fold(fold(a ^ k0, b ^ k1) ^ k2, k3)
    }

    #[inline]
    pub(crate) const fn words(&self, words: [u64; 5]) -> u64 {
        let [a, b, c, d, e] = words;
        let [k0, k1, k2, k3] = self.keys;
        let addresses = fold(a ^ k0, b ^ k1) ^ fold(c ^ k2, d ^ k3).rotate_left(32);
        fold(addresses ^ k1, e ^ k2)
    }
}

/// The product of two words, its halves mixed.
#[inline]
pub(crate) const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    let [low @ .., _, _, _, _, _, _, _, _] = product.to_le_bytes();
    u64::from_le_bytes(low) ^ high(product)
}

#[inline]
const fn high(product: u128) -> u64 {
    let [_, _, _, _, _, _, _, _, high @ ..] = product.to_le_bytes();
    u64::from_le_bytes(high)
}

/// The generator `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_and_the_seed_matter() {
        let hash = KeyedHash::new(1);
        let words = [1, 2, 3, 4, 5];
        for index in 0..5 {
            let mut other = words;
            other[index] ^= 1 << 40;
            assert_ne!(hash.words(other), hash.words(words));
        }
        for other in [(1, 3), (2, 2), (2, 1)] {
            assert_ne!(hash.pair(other.0, other.1), hash.pair(1, 2));
        }
        assert_ne!(KeyedHash::new(2).pair(1, 2), hash.pair(1, 2));
        assert_ne!(KeyedHash::new(2).words(words), hash.words(words));
    }

    #[test]
    fn neighbours_spread_over_all_bits() {
        let hash = KeyedHash::new(7);
        let mut seen = [0_u32; 64];
        for port in 0..1000 {
            for value in [hash.words([0, 1, 0, 2, port << 32]), hash.pair(port, 1 << 16)] {
                for (bit, count) in seen.iter_mut().enumerate() {
                    *count += u32::from(value >> bit & 1 == 1);
                }
            }
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }
}
