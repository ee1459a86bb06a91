//! A file of lines, with the files that it was before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use event::Timestamp;

use super::Rotation;
use super::old_files::OldFiles;

/// A file that whole lines are added to. One that is full or old is renamed, and a new one begun.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: File,
    /// Whether it can be cut and renamed: not a terminal, a pipe or the like.
    is_regular: bool,
    /// Bytes of whole lines.
    len: u64,
    since: SystemTime,
}

impl LineFile {
    /// Opens a file to add to it. A part of a line at its end,
    /// which a crash left, is ended.
    ///
    /// # Errors
    /// What the system reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        let is_regular = !(kind.is_char_device() || kind.is_fifo() || kind.is_block_device());
        let since = metadata.created().unwrap_or_else(|_| SystemTime::now());
        let mut own = Self { path: path.to_owned(), file, is_regular, len: metadata.len(), since };
        if is_regular && !ends_with_a_line(&own.file, own.len)? {
            own.file.write_all(b"\n")?;
            own.len = own.len.saturating_add(1);
        }
        Ok(own)
    }

    /// Whether the file is to be followed by a new one before `more` bytes are added.
    #[must_use]
    pub fn is_due(&self, rotation: &Rotation, more: usize) -> bool {
        let is_full = self.len.saturating_add(more as u64) > rotation.size;
        let is_old = self.since.elapsed().is_ok_and(|age| age >= rotation.age);
        self.is_regular && self.len > 0 && (is_full || is_old)
    }

    /// Renames the file and begins a new one.
    ///
    /// # Errors
    /// What the system reports; the file is the same then.
    pub fn rotate(&mut self) -> io::Result<()> {
        let old = OldFiles::of(&self.path).name_at(now());
        fs::rename(&self.path, &old)?;
        match Self::open(&self.path) {
            Ok(new) => {
                *self = new;
                Ok(())
            }
            Err(error) => {
                // What is written meanwhile goes to the file of old.
                fs::rename(&old, &self.path).ok();
                self.since = SystemTime::now();
                Err(error)
            }
        }
    }

    /// Adds lines, or nothing.
    ///
    /// # Errors
    /// What the system reports.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let result = self.file.write_all(lines);
        if result.is_ok() {
            self.len = self.len.saturating_add(lines.len() as u64);
        } else if self.is_regular {
            // A full disk may have taken a part of a line.
            self.file.set_len(self.len).ok();
        }
        result
    }
}

impl LineFile {
    /// Waits until the disk has all that was added; nothing, where it is no file on a disk.
    ///
    /// # Errors
    /// What the system reports.
    pub fn sync(&self) -> io::Result<()> {
        if self.is_regular { self.file.sync_data() } else { Ok(()) }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn ends_with_a_line(file: &File, len: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let Some(last) = len.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

/// Command lines and names of hosts are not for everybody.
const MODE: u32 = 0o640;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_or_old_file_is_followed_by_a_new_one() {
        let folder = folder("rotate");
        let path = folder.join("lines");
        let mut file = LineFile::open(&path).unwrap();
        let settings = settings(10, Duration::from_secs(3600));
        assert!(!file.is_due(&settings, 100), "an empty file is never due");
        file.write(b"12345\n").unwrap();
        assert!(!file.is_due(&settings, 4) && file.is_due(&settings, 5));
        assert!(file.is_due(&self::settings(100, Duration::ZERO), 0));
        file.rotate().unwrap();
        file.write(b"new\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        let old: Vec<_> = OldFiles::of(&path).list().unwrap();
        assert_eq!(old.len(), 1);
        assert_eq!(fs::read(&old[0]).unwrap(), b"12345\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_part_of_a_line_does_not_spoil_the_next() {
        let folder = folder("part");
        let path = folder.join("lines");
        fs::write(&path, b"whole\npar").unwrap();
        LineFile::open(&path).unwrap().write(b"next\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole\npar\nnext\n");
        fs::remove_dir_all(folder).unwrap();
    }

    fn settings(size: u64, age: Duration) -> Rotation {
        Rotation { size, age, keep: 1, compress: false }
    }

    fn folder(name: &str) -> PathBuf {
        let name = format!("tlsight-file-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}
