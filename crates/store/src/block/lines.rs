//! The lines of a block.

use super::codec::{Decoder, Encoder, pack, unpack};
use super::{Damaged, FULL_LINES_LEN, MAX_LINES_LEN, MAX_ROWS};

/// Lines, packed together.
pub(crate) struct Lines {
    bytes: Vec<u8>,
}

/// Gathers the lines of a block.
#[derive(Default)]
pub(crate) struct LinesBuilder {
    encoder: Encoder,
    count: usize,
}

impl Lines {
    /// Packs lines into as few blocks as their bounds allow. Returns each with the number of its lines.
    pub(crate) fn pack<'a>(
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<(usize, Vec<u8>)>, Damaged> {
        let mut packed = Vec::new();
        let mut builder = LinesBuilder::default();
        for line in lines {
            builder.encoder.text(line);
            builder.count += 1;
            if builder.count >= MAX_ROWS || builder.encoder.bytes.len() >= FULL_LINES_LEN {
                packed.push((builder.count, pack(&builder.encoder.bytes)?));
                builder.encoder.bytes.clear();
                builder.count = 0;
            }
        }
        if builder.count > 0 {
            packed.push((builder.count, pack(&builder.encoder.bytes)?));
        }
        Ok(packed)
    }

    /// Unpacks the lines of a block.
    pub(crate) fn unpack(packed: &[u8]) -> Result<Self, Damaged> {
        Ok(Self { bytes: unpack(packed, MAX_LINES_LEN)? })
    }

    /// The lines, by their place.
    pub(crate) fn all(&self) -> Result<Vec<&[u8]>, Damaged> {
        let mut decoder = Decoder::new(&self.bytes);
        let mut lines = Vec::new();
        while !decoder.is_empty() {
            if lines.len() >= MAX_ROWS {
                return Err(Damaged);
            }
            lines.push(decoder.text()?);
        }
        Ok(lines)
    }

    /// One line.
    pub(crate) fn line(&self, place: usize) -> Result<&[u8], Damaged> {
        let mut decoder = Decoder::new(&self.bytes);
        for _ in 0..place {
            decoder.text()?;
        }
        decoder.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_by_place() {
        let lines: Vec<Vec<u8>> = (0..3000).map(|n| format!("{{\"n\":{n}}}").into()).collect();
        let packed = Lines::pack(lines.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(packed.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [1024, 1024, 952]);
        let second = Lines::unpack(&packed[1].1).unwrap();
        assert_eq!(second.line(5).unwrap(), lines[1029]);
        assert_eq!(second.all().unwrap(), &lines[1024..2048]);
        assert!(second.line(1024).is_err());
    }

    #[test]
    fn long_lines_fill_a_block_before_it_has_all_of_its_rows() {
        let line = vec![b'x'; crate::Record::MAX_LINE_LEN];
        let packed = Lines::pack(std::iter::repeat_n(line.as_slice(), 40)).unwrap();
        assert_eq!(packed.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [16, 16, 8]);
        assert!(packed.iter().all(|(_, packed)| Lines::unpack(packed).is_ok()));
    }

    #[test]
    fn what_is_no_block_is_damaged() {
        let packed = Lines::pack([b"line".as_slice()]).unwrap();
        for len in 0..packed[0].1.len() {
            assert!(Lines::unpack(&packed[0].1[..len]).is_err(), "prefix of {len} bytes");
        }
        let huge = zstd::bulk::compress(&vec![0; MAX_LINES_LEN + 1], 1).unwrap();
        assert!(Lines::unpack(&huge).is_err());
    }
}
