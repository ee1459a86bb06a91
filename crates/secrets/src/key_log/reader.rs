//! Key logs, as they grow.

use zeroize::Zeroizing;

use super::entry::{KeyLogEntry, LineError, MAX_LINE_LEN};

/// Reads a key log piece by piece, however it is cut.
#[derive(Default)]
pub struct KeyLogReader {
    /// The beginning of a line whose end has not come.
    line: Zeroizing<Vec<u8>>,
    /// Whether the rest of the line is passed over.
    is_too_long: bool,
    counts: KeyLogCounts,
}

/// What the lines of a key log were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLogCounts {
    /// Secrets that open records.
    pub secrets: u64,
    /// Secrets that open none, and are not kept.
    pub other_secrets: u64,
    /// Lines with a label that is not known.
    pub unknown_labels: u64,
    /// Lines that are none of a key log.
    pub malformed: u64,
}

impl KeyLogReader {
    /// Begins before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, and gives the secrets in the lines that they end.
    pub fn feed(&mut self, mut bytes: &[u8], take: &mut impl FnMut(KeyLogEntry)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (rest_of_line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            if self.line.is_empty() && !self.is_too_long {
                self.line_is(rest_of_line, take);
            } else {
                self.keep(rest_of_line);
                self.finish(take);
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep(bytes);
    }

    /// Ends the last line, if its end has not come.
    pub fn finish(&mut self, take: &mut impl FnMut(KeyLogEntry)) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_too_long) {
            self.counts.malformed = self.counts.malformed.saturating_add(1);
        } else {
            self.line_is(&line, take);
        }
    }

    /// What the lines so far were.
    #[must_use]
    pub const fn counts(&self) -> KeyLogCounts {
        self.counts
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.is_too_long {
            return;
        }
        if self.line.len().saturating_add(bytes.len()) > MAX_LINE_LEN {
            self.is_too_long = true;
            self.line = Zeroizing::default();
            return;
        }
        // A vector that grows leaves what it held behind.
        if self.line.capacity() < MAX_LINE_LEN && !bytes.is_empty() {
            let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE_LEN));
            line.extend_from_slice(&self.line);
            self.line = line;
        }
        self.line.extend_from_slice(bytes);
    }

    fn line_is(&mut self, line: &[u8], take: &mut impl FnMut(KeyLogEntry)) {
        let counts = &mut self.counts;
        let counter = match KeyLogEntry::parse(line) {
            Ok(None) => return,
            Ok(Some(KeyLogEntry::Other)) => &mut counts.other_secrets,
            Ok(Some(entry)) => {
                take(entry);
                &mut counts.secrets
            }
            Err(LineError::UnknownLabel) => &mut counts.unknown_labels,
            Err(LineError::Words | LineError::Value | LineError::TooLong) => &mut counts.malformed,
        };
        *counter = counter.saturating_add(1);
    }
}
