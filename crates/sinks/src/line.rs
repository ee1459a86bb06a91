//! Lines, as queues keep them and receivers get them.

use std::sync::Arc;

use event::Timestamp;
use serde_json::Value;

use crate::dataset::Dataset;

/// One line, and the host that told it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) host: Arc<str>,
    pub(crate) text: String,
    /// The same, read.
    pub(crate) value: Value,
    pub(crate) dataset: Dataset,
}

impl Line {
    /// Reads a line; none if it is of no known kind.
    pub(crate) fn read(host: &Arc<str>, line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let value: Value = serde_json::from_str(text).ok()?;
        let dataset = Dataset::named(value.pointer("/event/dataset")?.as_str()?)?;
        Some(Self { host: Arc::clone(host), text: text.to_owned(), value, dataset })
    }

    /// A text of it.
    pub(crate) fn str(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// When what it tells happened, if it says so.
    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        self.str("/@timestamp")?.parse().ok()
    }
}

/// Writes lines of a host as one entry of a queue.
pub(crate) fn entry(host: &str, lines: &[u8]) -> Vec<u8> {
    let mut entry = serde_json::to_vec(host).unwrap_or_default();
    entry.push(b'\n');
    entry.extend_from_slice(lines);
    entry
}

/// Reads what [`entry`] wrote. Says as well how many lines cannot be read.
pub(crate) fn lines(entry: &[u8]) -> (Vec<Line>, u64) {
    let mut parts = entry.split(|byte| *byte == b'\n').filter(|part| !part.is_empty());
    let host = parts.next().and_then(|host| serde_json::from_slice::<String>(host).ok());
    let host: Arc<str> = host.unwrap_or_default().into();
    let mut unreadable = 0_u64;
    let lines = parts
        .filter_map(|part| {
            let line = Line::read(&host, part);
            unreadable = unreadable.saturating_add(u64::from(line.is_none()));
            line
        })
        .collect();
    (lines, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let text =
            b"{\"event\":{\"dataset\":\"tls\"}}\n{\"event\":{\"dataset\":\"tlsight.loss\"}}\n";
        let (lines, unreadable) = lines(&entry("node\n\"1\"", text));
        assert_eq!((lines.len(), unreadable), (2, 0));
        assert!(lines.iter().all(|line| &*line.host == "node\n\"1\""));
        assert_eq!((lines[0].dataset, lines[1].dataset), (Dataset::Session, Dataset::Loss));
    }

    #[test]
    fn what_is_no_line_is_counted() {
        let text = b"{\"event\":{\"dataset\":\"tls\"}}\nnonsense\n{}\n\xff\n";
        let (lines, unreadable) = lines(&entry("h", text));
        assert_eq!((lines.len(), unreadable), (1, 3));
        assert_eq!(super::lines(b"").0.len(), 0);
    }
}
