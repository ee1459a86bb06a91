//! One entry, as it is in a file: a head of fixed length, then its bytes.

use crate::id::EntryId;

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: EntryId,
    /// When it was put in, as its owner said.
    pub at: i64,
    /// How much is lost if it is, in whatever its owner counts.
    pub weight: u64,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// All of an entry but its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) at: i64,
    pub(crate) weight: u64,
    /// Of its bytes.
    pub(crate) len: u32,
    /// Of the head and the bytes.
    checksum: u32,
}

impl Head {
    /// The length of a head in a file.
    pub(crate) const LEN: usize = 36;
    /// What each head begins with.
    pub(crate) const MAGIC: [u8; 4] = *b"tlSE";

    /// The head of an entry with these bytes.
    pub(crate) fn new(number: u64, at: i64, weight: u64, len: u32, bytes: &[u8]) -> Self {
        let mut head = Self { number, at, weight, len, checksum: 0 };
        head.checksum = head.sum(bytes);
        head
    }

    /// Whether these are its bytes.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        self.sum(bytes) == self.checksum
    }

    /// As it is in a file.
    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let fields = Self::MAGIC
            .into_iter()
            .chain(self.len.to_le_bytes())
            .chain(self.number.to_le_bytes())
            .chain(self.at.to_le_bytes())
            .chain(self.weight.to_le_bytes())
            .chain(self.checksum.to_le_bytes());
        out.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        out
    }

    /// Reads what [`Head::encode`] wrote; none if it is something else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&Self::MAGIC)?;
        let (len, bytes) = bytes.split_first_chunk()?;
        let (number, bytes) = bytes.split_first_chunk()?;
        let (at, bytes) = bytes.split_first_chunk()?;
        let (weight, bytes) = bytes.split_first_chunk()?;
        let checksum = bytes.first_chunk()?;
        Some(Self {
            number: u64::from_le_bytes(*number),
            at: i64::from_le_bytes(*at),
            weight: u64::from_le_bytes(*weight),
            len: u32::from_le_bytes(*len),
            checksum: u32::from_le_bytes(*checksum),
        })
    }

    fn sum(&self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.len.to_le_bytes());
        hasher.update(&self.number.to_le_bytes());
        hasher.update(&self.at.to_le_bytes());
        hasher.update(&self.weight.to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}
