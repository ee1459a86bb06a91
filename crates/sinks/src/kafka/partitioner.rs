//! Which partition a key belongs to: the same as for Kafka's own clients.

/// The partition of a key, by the hash that the default partitioner of Kafka's clients has.
pub(super) fn partition(key: &[u8], partitions: &[i32]) -> Option<i32> {
    let hash = usize::try_from(murmur2(key) & 0x7fff_ffff).unwrap_or(0);
    partitions.get(hash.checked_rem(partitions.len())?).copied()
}

/// `MurmurHash2` with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, rest) = data.as_chunks::<4>();
    let mut hash = SEED ^ len;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let bytes = rest.iter().rev();
        hash ^= bytes.fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_kafkas_clients() {
        // From `UtilsTest.testMurmur2` of Kafka.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()), i32::cast_unsigned(hash), "{text}");
        }
    }

    #[test]
    fn a_key_is_always_in_the_same_partition() {
        assert_eq!(partition(b"a", &[]), None);
        let found = partition(b"foobar", &[4, 5, 6]);
        assert_eq!(found, partition(b"foobar", &[4, 5, 6]));
        assert!(found.is_some());
    }
}
