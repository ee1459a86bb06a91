//! Files of lines, which are renamed, compressed and removed when they are full or old.

mod line_file;
mod old_files;

use std::path::PathBuf;
use std::time::Duration;

use crate::line::Line;
use crate::receiver::{Failure, Outcome, Receiver};
use crate::settings::Log;
pub use line_file::LineFile;
pub use old_files::OldFiles;

/// Which file, and what becomes of old ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The file.
    pub path: PathBuf,
    /// What becomes of old ones.
    pub rotation: Rotation,
}

/// What becomes of files that are full or old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Size in bytes with which a file is full.
    pub size: u64,
    /// Age with which a file is old.
    pub age: Duration,
    /// How many old files are kept.
    pub keep: usize,
    /// Whether old files are compressed.
    pub compress: bool,
}

/// A file.
pub(crate) struct FileReceiver {
    settings: FileSettings,
    file: Option<LineFile>,
    log: Log,
}

impl FileReceiver {
    pub(crate) fn new(settings: FileSettings, log: Log) -> Self {
        Self { settings, file: None, log }
    }

    fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        let FileSettings { path, rotation } = &self.settings;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => LineFile::open(path)?,
        };
        if file.is_due(rotation, lines.len()) {
            let tended = file
                .rotate()
                .and_then(|()| OldFiles::of(path).tend(rotation.keep, rotation.compress));
            if let Err(error) = tended {
                let path = path.display();
                (self.log)(&format!("old files of {path} cannot be put in order: {error}"));
            }
        }
        file.write(lines)?;
        file.sync()?;
        self.file = Some(file);
        Ok(())
    }
}

impl Receiver for FileReceiver {
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let mut text = Vec::new();
        for line in lines {
            text.extend_from_slice(line.text.as_bytes());
            text.push(b'\n');
        }
        let written = self.write(&text);
        written.map_err(|error| {
            Failure::later(format!("cannot write to {}: {error}", self.settings.path.display()))
        })?;
        Ok(Outcome::default())
    }
}
