//! The files that a file of lines was before: named, compressed and, at last, removed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use event::Timestamp;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The old files beside a file: `FILE.2026-11-21T18-05-33.123456Z`, or the same with `.gz`.
#[derive(Clone, Debug)]
pub struct OldFiles {
    path: PathBuf,
}

impl OldFiles {
    /// Those of the file at `path`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// A name that no file has, of the time `at` or, if need be, a little later.
    #[must_use]
    pub fn name_at(&self, at: Timestamp) -> PathBuf {
        let mut micros = at.as_nanos().div_euclid(1000);
        loop {
            let time = Timestamp::from_nanos(micros.saturating_mul(1000)).to_rfc3339();
            let path = self.beside(&format!(".{}", time.replace(':', "-")));
            let packed = with_ending(&path, PACKED);
            if !(fs::exists(&path).unwrap_or(false) || fs::exists(packed).unwrap_or(false)) {
                return path;
            }
            micros = micros.saturating_add(1);
        }
    }

    /// All of them, the oldest first.
    ///
    /// # Errors
    /// What the system reports.
    pub fn list(&self) -> io::Result<Vec<PathBuf>> {
        let name = self.path.file_name().unwrap_or_default().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            let own = path.file_name().unwrap_or_default().as_bytes();
            let rest = own.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"."));
            if rest.is_some_and(|rest| is_time(rest.strip_suffix(b".gz").unwrap_or(rest))) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Removes the oldest until `keep` are left, and compresses these if that is wanted.
    ///
    /// # Errors
    /// What the system reports.
    pub fn tend(&self, keep: usize, compress: bool) -> io::Result<()> {
        let files = self.list()?;
        let (surplus, kept) =
            files.split_at_checked(files.len().saturating_sub(keep)).unwrap_or_default();
        for path in surplus {
            fs::remove_file(path)?;
        }
        for path in kept {
            if compress && path.extension().is_none_or(|ending| ending != "gz") {
                self.pack(path)?;
            }
        }
        Ok(())
    }

    /// Compresses a file. Until that is done, it has the name of no old file.
    fn pack(&self, path: &Path) -> io::Result<()> {
        let part = self.beside(".part");
        let mut encoder = GzEncoder::new(File::create(&part)?, Compression::default());
        let result = io::copy(&mut File::open(path)?, &mut encoder)
            .and_then(|_| encoder.finish())
            .and_then(|file| {
                file.set_permissions(fs::metadata(path)?.permissions())?;
                fs::rename(&part, with_ending(path, PACKED))
            });
        match result {
            Ok(()) => fs::remove_file(path),
            Err(error) => {
                fs::remove_file(&part).ok();
                Err(error)
            }
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        with_ending(&self.path, ending)
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Whether a name ends as those of old files do: nobody else's file is to be removed.
fn is_time(text: &[u8]) -> bool {
    text.len() == PATTERN.len()
        && text.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

const PATTERN: &[u8] = b"0000-00-00T00-00-00.000000Z";

const PACKED: &str = ".gz";

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_oldest_go_and_the_rest_are_compressed() {
        let folder = std::env::temp_dir().join(format!("tlsight-old-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let old = OldFiles::of(&folder.join("lines"));
        let start = Timestamp::from_nanos(1_795_267_800_123_456_789);
        for number in 0..4_u8 {
            fs::write(old.name_at(start), [b'a' + number, b'\n']).unwrap();
        }
        let others = ["lines.1", "lines.2026-11-21T18-05-33.12345XZ", "lines", "other"];
        for name in others {
            fs::write(folder.join(name), "").unwrap();
        }
        old.tend(2, true).unwrap();
        let files = old.list().unwrap();
        let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(
            names,
            ["lines.2026-11-21T13-30-00.123458Z.gz", "lines.2026-11-21T13-30-00.123459Z.gz"]
        );
        let mut text = String::new();
        let file = File::open(&files[1]).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "d\n");
        assert!(others.iter().all(|name| folder.join(name).exists()));
        old.tend(0, true).unwrap();
        assert_eq!(old.list().unwrap(), Vec::<PathBuf>::new());
        fs::remove_dir_all(folder).unwrap();
    }
}
