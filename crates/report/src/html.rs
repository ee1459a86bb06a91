//! A page to print: all in one file, without scripts.

use crate::sheet::{Cell, Sheet, Table};

/// Writes a report as a page.
pub(crate) fn write(sheet: &Sheet) -> String {
    let mut out = String::new();
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Should anything of the content ever be taken for markup, it may load and run nothing.
    out.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n",
    );
    out.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    push(sheet.title, &mut out);
    out.push_str("</title>\n<style>");
    out.push_str(STYLE);
    out.push_str("</style>\n</head>\n<body>\n<h1>");
    push(sheet.title, &mut out);
    out.push_str("</h1>\n<dl>\n");
    for (label, text) in &sheet.notes {
        out.push_str("<dt>");
        push(label, &mut out);
        out.push_str("</dt><dd>");
        push(text, &mut out);
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n");
    for table in &sheet.tables {
        push_table(table, &mut out);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn push_table(table: &Table, out: &mut String) {
    out.push_str("<h2>");
    push(table.title, out);
    out.push_str("</h2>\n");
    if table.rows.is_empty() {
        out.push_str("<p>None.</p>\n");
        return;
    }
    out.push_str("<table>\n<thead><tr>");
    for title in &table.columns {
        out.push_str("<th scope=\"col\">");
        push(title, out);
        out.push_str("</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            match cell {
                Cell::Text(text) => {
                    out.push_str("<td>");
                    push(text, out);
                }
                Cell::Number(number) => {
                    out.push_str("<td class=\"n\">");
                    out.push_str(&number.to_string());
                }
                Cell::Nothing => out.push_str("<td>"),
            }
            out.push_str("</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

/// Appends a text so that nothing in it is markup, in an element or in an attribute, and nothing
/// changes the direction in which the rest is read.
fn push(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                out.push('\u{fffd}');
            }
            other if other.is_control() && other != '\n' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

const STYLE: &str = "
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #111; background: #fff; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th, td { border: 1px solid #bbb; padding: 3px 6px; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { background: #eee; } .n { text-align: right; } thead { display: table-header-group; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; } dt { font-weight: 600; }
dd { margin: 0; } tr { break-inside: avoid; }
@page { size: A4 landscape; margin: 12mm; } @media print { body { margin: 0; } }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        let hostile = "<script>alert(1)</script>\" onload='x' &lt; \u{202e}\x1b";
        let row = vec![Cell::text(hostile), Cell::Number(-1), Cell::Nothing];
        let table = Table { title: "<b>", columns: vec!["<i>"], rows: vec![row] };
        let notes = vec![("<u>", hostile.to_owned())];
        let page = write(&Sheet { title: "<title>", notes, tables: vec![table] });
        for tag in ["<script", "<b>", "<i>", "<u>", "<title><", "onload='", "\u{202e}", "\x1b"] {
            assert!(!page.contains(tag), "{tag}");
        }
        assert!(
            page.contains(
                "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;lt;"
            )
        );
    }
}
