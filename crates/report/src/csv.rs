//! Comma-separated values (RFC 4180).

use crate::sheet::{Cell, Table};

/// Writes a table with its heading.
pub(crate) fn write(table: &Table) -> String {
    let mut out = String::new();
    let titles: Vec<Cell> = table.columns.iter().map(|title| Cell::text(*title)).collect();
    for row in std::iter::once(&titles).chain(&table.rows) {
        for (place, cell) in row.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            match cell {
                Cell::Text(text) => push(text, &mut out),
                Cell::Number(number) => out.push_str(&number.to_string()),
                Cell::Nothing => {}
            }
        }
        out.push_str("\r\n");
    }
    out
}

/// Appends a text. Spreadsheets calculate what begins with one of these characters, and names and
/// certificates are chosen by whoever sends them: an apostrophe makes it a text.
fn push(text: &str, out: &mut String) {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%', '＝', '＋', '－', '＠']);
    let is_quoted = is_formula || text.contains(['"', ',', '\r', '\n']);
    if is_quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    for character in text.chars() {
        match character {
            '"' => out.push_str("\"\""),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    if is_quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_where_it_must_be_and_never_calculated() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"so\"", "\"say \"\"so\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-1+2", "\"'-1+2\""),
            ("\t=1", "\"'\t=1\""),
            ("", ""),
        ] {
            let mut out = String::new();
            push(text, &mut out);
            assert_eq!(out, expected, "{text:?}");
        }
    }

    #[test]
    fn rows_end_with_a_carriage_return_and_a_line_feed() {
        let rows = vec![vec![Cell::Number(-5), Cell::Nothing]];
        let table = Table { title: "t", columns: vec!["a", "b"], rows };
        assert_eq!(write(&table), "a,b\r\n-5,\r\n");
    }
}
