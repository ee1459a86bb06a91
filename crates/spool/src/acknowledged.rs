//! How far a spool is acknowledged, in a file of its own. If that cannot be read, entries are told again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

#[derive(Debug)]
pub(crate) struct Acknowledged {
    file: File,
}

impl Acknowledged {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        Ok(Self { file })
    }

    /// The first number that is not acknowledged, as far as is known.
    pub(crate) fn read(&self) -> u64 {
        let (mut next, mut sum) = ([0; 8], [0; 4]);
        let read = self
            .file
            .read_exact_at(&mut next, 0)
            .and_then(|()| self.file.read_exact_at(&mut sum, next.len() as u64));
        if read.is_err() || crc32fast::hash(&next).to_le_bytes() != sum {
            return 0;
        }
        u64::from_le_bytes(next)
    }

    /// Notes that everything before `next` is acknowledged.
    pub(crate) fn write(&self, next: u64) -> io::Result<()> {
        let next = next.to_le_bytes();
        let sum = crc32fast::hash(&next).to_le_bytes();
        self.file.write_all_at(&[next.as_slice(), &sum].concat(), 0)
    }
}
