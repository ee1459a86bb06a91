//! The format `RowBinary`: values one after the other, numbers in little-endian, texts after their
//! length (LEB128), and a byte before what may be absent.

use std::io::Read;

use super::failure::Failure;

/// Rows that a server answers, read as they come.
pub(super) struct Reader<R> {
    input: R,
    /// The first byte of a row, which was read to see whether there is one.
    ahead: Option<u8>,
    /// Bytes that may still come.
    left: usize,
}

impl<R: Read> Reader<R> {
    /// Reads rows of at most some bytes in all.
    pub(super) const fn new(input: R, limit: usize) -> Self {
        Self { input, ahead: None, left: limit }
    }

    /// Whether there is another row.
    pub(super) fn has_more(&mut self) -> Result<bool, Failure> {
        if self.ahead.is_some() {
            return Ok(true);
        }
        let mut byte = [0];
        loop {
            match self.input.read(&mut byte) {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    self.ahead = Some(byte[0]);
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Failure> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Failure> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Failure> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Failure> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let len = self.len(limit)?;
        let mut bytes = vec![0; len];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn text(&mut self, limit: usize) -> Result<String, Failure> {
        String::from_utf8(self.bytes(limit)?).map_err(|_error| Failure::Malformed("no UTF-8"))
    }

    pub(super) fn optional_text(&mut self, limit: usize) -> Result<Option<String>, Failure> {
        match self.u8()? {
            0 => self.text(limit).map(Some),
            1 => Ok(None),
            _ => Err(Failure::Malformed("neither there nor absent")),
        }
    }

    fn len(&mut self, limit: usize) -> Result<usize, Failure> {
        let mut value = 0_usize;
        for shift in (0..28).step_by(7) {
            let byte = self.u8()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if value <= limit { Ok(value) } else { Err(Failure::TooLong) };
            }
        }
        Err(Failure::TooLong)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Failure> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(Failure::TooLong)?;
        let Some((first, behind)) = bytes.split_first_mut() else { return Ok(()) };
        let rest = match self.ahead.take() {
            Some(byte) => {
                *first = byte;
                behind
            }
            None => bytes,
        };
        self.input.read_exact(rest).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                Failure::Malformed("it ends within a row")
            } else {
                error.into()
            }
        })
    }
}

/// Rows to be sent.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) bytes: Vec<u8>,
}

impl Rows {
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(&mut self, text: &[u8]) -> &mut Self {
        let mut len = text.len();
        while len >= 0x80 {
            self.bytes.push(u8::try_from(len & 0x7f).unwrap_or(0) | 0x80);
            len >>= 7;
        }
        self.bytes.push(u8::try_from(len).unwrap_or(0));
        self.raw(text)
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.u8(0).text(text.as_bytes()),
            None => self.u8(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_cut_is_not() {
        let mut rows = Rows::default();
        rows.u8(7).u16(8).u32(9).u64(10).i64(-1).raw(&[5; 16]).text(&[b'x'; 300]);
        rows.optional_text(Some("é")).optional_text(None);
        let read = |bytes: &[u8], limit| {
            let mut reader = Reader::new(bytes, limit);
            assert_eq!((reader.u8()?, reader.u16()?, reader.u32()?), (7, 8, 9));
            assert_eq!((reader.u64()?, reader.i64()?), (10, -1));
            assert_eq!((reader.array()?, reader.text(300)?), ([5; 16], "x".repeat(300)));
            assert_eq!(reader.optional_text(9)?, Some("é".to_owned()));
            assert_eq!(reader.optional_text(9)?, None);
            assert!(!reader.has_more()?);
            Ok::<(), Failure>(())
        };
        assert!(read(&rows.bytes, 1000).is_ok());
        for len in 0..rows.bytes.len() {
            let result = read(&rows.bytes[..len], 1000);
            assert!(matches!(result, Err(Failure::Malformed(_))), "prefix of {len} bytes");
        }
        assert!(matches!(read(&rows.bytes, 340), Err(Failure::TooLong)));
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        for bytes in [&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..], &[0xff, 0xff, 0xff, 0x7f]] {
            assert!(matches!(Reader::new(bytes, 1 << 30).text(1 << 20), Err(Failure::TooLong)));
        }
        assert!(matches!(Reader::new(&[1, 0xff][..], 9).text(9), Err(Failure::Malformed(_))));
        assert!(matches!(Reader::new(&[2][..], 9).optional_text(9), Err(Failure::Malformed(_))));
    }
}
