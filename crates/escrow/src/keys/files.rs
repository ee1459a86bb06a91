//! Files of keys and statements.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::statement::{NotSigned, Signed};

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is no statement.
    #[error("{path}: {cause}")]
    Statement {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: NotSigned,
    },
    /// It is longer than what it should be.
    #[error("{0}: longer than a statement")]
    TooLong(PathBuf),
}

/// Writes a file that only its owner can read, and that was not there; it is on the disk then.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), FileError> {
    write(path, text, 0o600)
}

/// The same, which all may read.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), FileError> {
    write(path, text, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), FileError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).and_then(
        |mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            sync_folder(path)
        },
    );
    written.map_err(|cause| FileError::Io { path: path.to_owned(), cause })
}

/// Has the folder of a file on the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// The statements of a folder, in the order of their names: of files that end with `.json`.
///
/// # Errors
/// A file cannot be read, or is no statement.
pub fn read_statements(folder: &Path) -> Result<Vec<Signed>, FileError> {
    let failed = |cause| FileError::Io { path: folder.to_owned(), cause };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_statement(path)).collect()
}

/// The statement of a file.
pub(crate) fn read_statement(path: &Path) -> Result<Signed, FileError> {
    let failed = |cause| FileError::Io { path: path.to_owned(), cause };
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(MAX_FILE_LEN);
    if file.read_to_string(&mut text).map_err(failed)? as u64 == MAX_FILE_LEN {
        return Err(FileError::TooLong(path.to_owned()));
    }
    Signed::parse(&text).map_err(|cause| FileError::Statement { path: path.to_owned(), cause })
}

/// Longer than any statement.
const MAX_FILE_LEN: u64 = 64 << 10;
