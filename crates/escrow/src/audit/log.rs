//! Writes the log. Several processes may write to the same.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use event::Timestamp;

use super::event::AuditEvent;
use super::verify::{Head, Signed, message};
use crate::keys::SigningKey;

/// A log that is written to.
pub struct AuditLog {
    path: PathBuf,
    file: File,
    key: SigningKey,
    /// What the file ends with when it has this length.
    known: Option<(u64, Head)>,
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The last line is none of a log.
    #[error("{0}: the last line is damaged; verify the log")]
    Damaged(PathBuf),
}

impl AuditLog {
    /// Opens a log, or begins one.
    ///
    /// # Errors
    /// See [`AuditError`].
    pub fn open(path: &Path, key: SigningKey) -> Result<Self, AuditError> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o640).open(path);
        let file = file.map_err(|cause| AuditError::Io { path: path.to_owned(), cause })?;
        Ok(Self { path: path.to_owned(), file, key, known: None })
    }

    /// Appends what happened; it is on the disk then.
    ///
    /// # Errors
    /// See [`AuditError`].
    pub fn append(&mut self, now: Timestamp, events: &[AuditEvent]) -> Result<Head, AuditError> {
        let failed = |path: &Path, cause| AuditError::Io { path: path.to_owned(), cause };
        self.file.lock().map_err(|cause| failed(&self.path, cause))?;
        let written = self.append_locked(now, events);
        let unlocked = self.file.unlock().map_err(|cause| failed(&self.path, cause));
        let head = written?;
        unlocked.map(|()| head)
    }

    fn append_locked(&mut self, now: Timestamp, events: &[AuditEvent]) -> Result<Head, AuditError> {
        let path = self.path.clone();
        let failed = |cause| AuditError::Io { path: path.clone(), cause };
        let len = self.file.metadata().map_err(failed)?.len();
        let (mut head, torn_bytes) = match self.known {
            Some((known, head)) if known == len => (head, 0),
            _ => self.read_head(len)?,
        };
        if torn_bytes > 0 {
            self.file.set_len(len.saturating_sub(torn_bytes)).map_err(failed)?;
        }
        let torn = AuditEvent::TornLine { bytes: torn_bytes };
        let torn = (torn_bytes > 0).then_some(&torn);
        let mut lines = String::new();
        for event in torn.into_iter().chain(events) {
            let line = self.line(now, head, event).map_err(failed)?;
            head = head.next(line.as_bytes());
            lines.push_str(&line);
            lines.push('\n');
        }
        self.file.write_all(lines.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        let len = len.saturating_sub(torn_bytes).saturating_add(lines.len() as u64);
        self.known = Some((len, head));
        Ok(head)
    }

    fn line(&self, now: Timestamp, head: Head, event: &AuditEvent) -> io::Result<String> {
        let signed = Signed {
            sequence: head.lines.saturating_add(1),
            time_ms: u64::try_from(now.as_nanos() / 1_000_000).unwrap_or_default(),
            previous: head.digest_text(),
            event: event.clone(),
        };
        let json = serde_json::to_string(&signed)?;
        Ok(format!("{} {json}", BASE64.encode(&self.key.sign(&message(&json)))))
    }

    /// What the last whole line says, and the bytes behind it.
    fn read_head(&mut self, len: u64) -> Result<(Head, u64), AuditError> {
        let failed = |cause| AuditError::Io { path: self.path.clone(), cause };
        let from = len.saturating_sub(MAX_TAIL);
        self.file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut tail = Vec::new();
        (&self.file).take(MAX_TAIL).read_to_end(&mut tail).map_err(failed)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn_bytes = tail.len().saturating_sub(end) as u64;
        let damaged = || AuditError::Damaged(self.path.clone());
        let Some(whole) = tail.get(..end.saturating_sub(1)).filter(|_| end > 0) else {
            // There is no line, unless what is read begins within one.
            return if from == 0 { Ok((Head::START, torn_bytes)) } else { Err(damaged()) };
        };
        let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok((Head::of_line(line).ok_or_else(damaged)?, torn_bytes))
    }
}

/// Two of the longest lines.
const MAX_TAIL: u64 = 2 * super::verify::MAX_LINE_LEN as u64;
