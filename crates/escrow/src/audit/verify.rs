//! Verifies the log.

use std::io::{self, BufRead, Read as _};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::event::AuditEvent;
use crate::keys::VerifyingKey;

/// Where a log has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Lines that it has.
    pub lines: u64,
    /// Digest of the last one; zero of none.
    pub digest: [u8; 32],
}

/// A line that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number, from 1.
    pub sequence: u64,
    /// Its time, in milliseconds since 1970.
    pub time_ms: u64,
    /// What happened.
    pub event: AuditEvent,
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotVerified {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is none of a log.
    #[error("line {0} is damaged")]
    Line(u64),
    /// A line is not signed with the log's key.
    #[error("line {0} has a wrong signature")]
    Signature(u64),
    /// A line does not follow from the one before.
    #[error("line {0} does not follow from the one before: something is missing or was changed")]
    Chain(u64),
    /// The log has not come as far as it was known to, or by another way.
    #[error("line {0} is not the one that was known: the log was cut off or replaced")]
    Cut(u64),
}

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    pub(super) sequence: u64,
    pub(super) time_ms: u64,
    pub(super) previous: String,
    pub(super) event: AuditEvent,
}

/// Verifies all of a log, and hands each line on. `known` is where the log had come to at some time before.
///
/// # Errors
/// See [`NotVerified`]; lines in front of the one that is wrong were handed on.
pub fn verify(
    log: &mut dyn BufRead,
    key: &VerifyingKey,
    known: Option<Head>,
    each: &mut dyn FnMut(AuditLine),
) -> Result<Head, NotVerified> {
    let mut head = Head::START;
    let mut is_known = known.is_none_or(|known| known == head);
    let mut line = Vec::new();
    loop {
        line.clear();
        let number = head.lines.saturating_add(1);
        if log.take(MAX_LINE_LEN as u64).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(whole) = line.strip_suffix(b"\n") else { return Err(NotVerified::Line(number)) };
        let text = std::str::from_utf8(whole).map_err(|_error| NotVerified::Line(number))?;
        let (signature, json) = text.split_once(' ').ok_or(NotVerified::Line(number))?;
        let signature =
            BASE64.decode(signature.as_bytes()).map_err(|_error| NotVerified::Line(number))?;
        if !key.verifies(&message(json), &signature) {
            return Err(NotVerified::Signature(number));
        }
        let signed: Signed =
            serde_json::from_str(json).map_err(|_error| NotVerified::Line(number))?;
        if signed.sequence != number || signed.previous != head.digest_text() {
            return Err(NotVerified::Chain(number));
        }
        head = head.next(whole);
        is_known |= known == Some(head);
        each(AuditLine { sequence: signed.sequence, time_ms: signed.time_ms, event: signed.event });
    }
    match known {
        Some(known) if !is_known => Err(NotVerified::Cut(known.lines)),
        Some(_) | None => Ok(head),
    }
}

impl Head {
    /// Where a log begins.
    pub const START: Self = Self { lines: 0, digest: [0; 32] };

    /// Where it comes to with one more line.
    pub(super) fn next(self, line: &[u8]) -> Self {
        let digest = digest(&SHA256, line);
        let digest = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self { lines: self.lines.saturating_add(1), digest }
    }

    /// Where it has come to with this line.
    pub(super) fn of_line(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let signed: Signed = serde_json::from_str(text.split_once(' ')?.1).ok()?;
        Some(Self { lines: signed.sequence.checked_sub(1)?, digest: [0; 32] }.next(line))
    }

    pub(super) fn digest_text(self) -> String {
        HEXLOWER.encode(&self.digest)
    }

    /// Reads what [`std::fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (lines, digest) = text.trim().split_once(':')?;
        let digest = HEXLOWER.decode(digest.as_bytes()).ok()?;
        Some(Self { lines: lines.parse().ok()?, digest: *digest.as_array()? })
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.lines, self.digest_text())
    }
}

/// What is signed: nothing else that these keys sign begins like this.
pub(super) fn message(json: &str) -> Vec<u8> {
    [b"tlsight escrow audit 1\0", json.as_bytes()].concat()
}

/// A line has texts of whoever asks and approves, which are bounded where they are read.
pub(super) const MAX_LINE_LEN: usize = 64 << 10;
