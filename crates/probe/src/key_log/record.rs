//! What the kernel's side tells: one secret (`struct key_record` of `bpf/key_log.bpf.c`).

use handover::{Label, TakenSecret};

/// A secret that a library was about to write.
pub struct TakenKey {
    /// Number of the file that the library is in.
    pub target: u32,
    /// Process id.
    pub pid: u32,
    /// Effective user.
    pub uid: u32,
    /// Name of the thread.
    pub command: String,
    /// Random of the client's hello.
    pub random: [u8; 32],
    /// The secret.
    pub secret: TakenSecret,
}

/// A record.
pub(crate) enum KeyRecord {
    Taken(TakenKey),
    /// A secret of another kind, such as one of a later generation.
    Other,
    /// It cannot be: the function is not the one that it was taken for.
    Malformed,
}

impl KeyRecord {
    /// Reads it by place and length.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or(Self::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (numbers, bytes) = bytes.split_at_checked(16)?;
        let (words, _) = numbers.as_chunks::<4>();
        let [target, pid, uid, len] = words else { return None };
        let (command, bytes) = bytes.split_first_chunk::<16>()?;
        let (label, bytes) = bytes.split_first_chunk::<40>()?;
        let (random, bytes) = bytes.split_first_chunk::<32>()?;
        let secret = bytes.get(..usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        let name = until_nul(label);
        let Some(label) = Label::of_name(name) else {
            let is_word = |byte: &u8| byte.is_ascii_uppercase() || b"_0123456789".contains(byte);
            let is_label = !name.is_empty() && name.iter().all(is_word);
            return Some(if is_label { Self::Other } else { Self::Malformed });
        };
        Some(Self::Taken(TakenKey {
            target: u32::from_le_bytes(*target),
            pid: u32::from_le_bytes(*pid),
            uid: u32::from_le_bytes(*uid),
            command: String::from_utf8_lossy(until_nul(command)).into_owned(),
            random: Some(*random).filter(|random| *random != [0; 32])?,
            secret: TakenSecret::new(label, secret)?,
        }))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let bytes = record(b"CLIENT_RANDOM", 48);
        let KeyRecord::Taken(key) = KeyRecord::parse(&bytes) else { panic!("a secret") };
        assert_eq!((key.target, key.pid, key.uid, &*key.command), (1, 2, 3, "curl"));
        assert_eq!((key.random, key.secret.label()), ([7; 32], Label::Master));
        assert_eq!(key.secret.dangerous_bytes(), [9; 48]);
        for len in 0..bytes.len() {
            assert!(matches!(KeyRecord::parse(&bytes[..len]), KeyRecord::Malformed), "{len}");
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_malformed() {
        let is_malformed = |bytes: &[u8]| matches!(KeyRecord::parse(bytes), KeyRecord::Malformed);
        assert!(is_malformed(&record(b"", 48)));
        assert!(is_malformed(&record(b"client", 48)));
        assert!(is_malformed(&record(b"CLIENT_RANDOM", 32)));
        assert!(is_malformed(&record(b"CLIENT_RANDOM", 4000)));
        let mut without_random = record(b"CLIENT_RANDOM", 48);
        without_random[72..104].fill(0);
        assert!(is_malformed(&without_random));
        let later = record(b"CLIENT_TRAFFIC_SECRET_N", 32);
        assert!(matches!(KeyRecord::parse(&later), KeyRecord::Other));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            KeyRecord::parse(&bytes);
        }
    }

    fn record(label: &[u8], len: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend([1, 2, 3, len].into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(*b"curl\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend(label);
        bytes.resize(72, 0);
        bytes.extend([7; 32]);
        bytes.extend([9; 48]);
        bytes
    }
}
