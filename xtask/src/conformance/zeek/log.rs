//! Zeek's logs: tab-separated values, perhaps several logs in one file.

use std::collections::BTreeMap;

use crate::conformance::session::{End, Ends};

/// One line of a log.
#[derive(Debug)]
pub(super) struct Line(BTreeMap<String, String>);

impl Line {
    /// The value of a column, or nothing if it is unset or not there.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        let value = self.0.get(column)?;
        match value.as_str() {
            "-" | "(empty)" | "" => None,
            _ => Some(unescape(value)),
        }
    }

    /// The elements of a vector or a set.
    pub(super) fn list(&self, column: &str) -> Vec<String> {
        match self.0.get(column).map_or("-", String::as_str) {
            "-" | "(empty)" | "" => Vec::new(),
            value => value.split(',').map(unescape).collect(),
        }
    }

    /// The two ends of the connection, originator first, or nothing if the log is cut.
    pub(super) fn ends(&self) -> Option<Ends> {
        let end = |side: &str| {
            let ip = self.text(&format!("id.{side}_h"))?;
            Some(End::new(&ip, &self.text(&format!("id.{side}_p"))?))
        };
        Some(Ends(end("orig")?, end("resp")?))
    }

    /// The names of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads all lines; without a `#fields` line, as `zeek-cut` leaves it, the first line may name the
/// columns.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut columns: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            columns = fields.split('\t').collect();
        } else if line.starts_with('#') || line.is_empty() {
            continue;
        } else if columns.is_empty() {
            if !line.split('\t').any(|name| name == "uid") {
                return Vec::new();
            }
            columns = line.split('\t').collect();
        } else {
            let values = line.split('\t').map(str::to_owned);
            let names = columns.iter().map(|&name| name.to_owned());
            lines.push(Line(names.zip(values).collect()));
        }
    }
    lines
}

/// Undoes `\xAB` and `\\`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let hexadecimal = rest.strip_prefix("\\x").and_then(|tail| tail.get(..2));
        let (byte, len) = match hexadecimal.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => (Some(byte), 4),
            None if rest.starts_with("\\\\") => (Some(b'\\'), 2),
            None => (None, c.len_utf8()),
        };
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = rest.get(len..).unwrap_or("");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_logs_with_their_own_columns_are_read_from_one_file() {
        let text = "#fields\tuid\ta\n1\tx\n#close\n#fields\tuid\tb\n2\t-\n3\ty\\x2cz,\\\\\n";
        let lines = read(text);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].text("a").as_deref(), Some("x"));
        assert_eq!(lines[1].text("b"), None);
        assert_eq!(lines[2].list("b"), ["y,z", "\\"]);
        assert!(lines[0].ends().is_none());
    }

    #[test]
    fn a_cut_log_has_its_columns_in_the_first_line_or_none() {
        assert_eq!(read("### BTest\nuid\tversion\nC1\tTLSv13\n").len(), 1);
        assert!(read("### BTest\nCHh\tCsx\n").is_empty());
    }
}
