//! The parts of a program or library that are mapped and not written to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use object::elf::{EM_X86_64, FileHeader64, PF_W, PF_X, PT_GNU_EH_FRAME, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, ReadCache};

use super::unwinding;

/// A file with code for this machine.
pub(crate) struct Image {
    file: File,
    segments: Vec<Segment>,
    /// Address and length of the table by which stacks are unwound.
    unwinding: Option<(u64, u64)>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Constants,
    Code,
}

/// A part of it.
#[derive(Clone, Copy, Debug)]
struct Segment {
    address: u64,
    offset: u64,
    len: u64,
    is_code: bool,
}

impl Image {
    /// Reads where the parts of a file are.
    ///
    /// # Errors
    /// If it cannot be read, or is no file of this kind.
    pub(crate) fn read(file: File) -> io::Result<Self> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let data = ReadCache::new(file.try_clone()?);
        let header = FileHeader64::<Endianness>::parse(&data).map_err(invalid)?;
        let endian = header.endian().map_err(invalid)?;
        let mut segments = Vec::new();
        let mut unwinding = None;
        if header.e_machine(endian) == EM_X86_64 {
            for segment in header.program_headers(endian, &data).map_err(invalid)? {
                let flags = segment.p_flags(endian);
                if segment.p_type(endian) == PT_GNU_EH_FRAME {
                    unwinding = Some((segment.p_vaddr(endian), segment.p_memsz(endian)));
                }
                if segment.p_type(endian) != PT_LOAD || flags & PF_W != 0 {
                    continue;
                }
                segments.push(Segment {
                    address: segment.p_vaddr(endian),
                    offset: segment.p_offset(endian),
                    len: segment.p_filesz(endian).min(MAX_SEGMENT_LEN),
                    is_code: flags & PF_X != 0,
                });
            }
        }
        segments.truncate(MAX_SEGMENTS);
        Ok(Self { file, segments, unwinding })
    }

    /// The bytes at an address, at most `len` and as many as are there.
    pub(crate) fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let found = self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address).filter(|into| *into < segment.len)?;
            Some((segment.offset.checked_add(into)?, segment.len - into))
        });
        let Some((offset, left)) = found else { return Vec::new() };
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(len);
        self.at(offset, len)
    }

    /// Addresses at which functions begin, in ascending order, as far as the table for unwinding stacks
    /// tells, which a program keeps when it is stripped.
    pub(crate) fn function_starts(&self) -> Vec<u64> {
        let Some((address, len)) = self.unwinding else { return Vec::new() };
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(MAX_UNWINDING_LEN);
        unwinding::function_starts(&self.bytes(address, len), address)
    }

    /// The place in the file of an address of code.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().filter(|segment| segment.is_code).find_map(|segment| {
            let into = address.checked_sub(segment.address).filter(|into| *into < segment.len)?;
            segment.offset.checked_add(into)
        })
    }

    /// Looks at all of a part, piece by piece: `look` gets a piece and the address of its
    /// first byte. Each piece begins with the last [`OVERLAP`] bytes of the one before.
    pub(crate) fn each_piece(&self, part: Part, mut look: impl FnMut(&[u8], u64)) {
        // A linker may put constants and code together.
        let has_constants = self.segments.iter().any(|segment| !segment.is_code);
        let is_wanted = |segment: &&Segment| match part {
            Part::Code => segment.is_code,
            Part::Constants => !segment.is_code || !has_constants,
        };
        for segment in self.segments.iter().filter(is_wanted) {
            let mut into = 0_u64;
            while into < segment.len {
                let left = usize::try_from(segment.len - into).unwrap_or(usize::MAX);
                let Some(offset) = segment.offset.checked_add(into) else { break };
                let piece = self.at(offset, left.min(PIECE_LEN));
                look(&piece, segment.address.saturating_add(into));
                let is_last = piece.len() < PIECE_LEN;
                if is_last {
                    break;
                }
                into = into.saturating_add((PIECE_LEN - OVERLAP) as u64);
            }
        }
    }

    fn at(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read = read.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        bytes.truncate(read);
        bytes
    }
}

/// Bytes that are read at a time.
const PIECE_LEN: usize = 1 << 20;

/// Longer than what is looked for: a text, an instruction.
pub(crate) const OVERLAP: usize = 64;

/// The largest browsers have some 300 megabytes.
const MAX_SEGMENT_LEN: u64 = 1 << 30;

/// Linkers make four or five.
const MAX_SEGMENTS: usize = 64;

/// Eight bytes for each function, of which the largest browsers have a million.
const MAX_UNWINDING_LEN: usize = 64 << 20;
