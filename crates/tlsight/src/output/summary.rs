//! The summary in words, under the table.

use std::collections::BTreeMap;

use event::{Losses, Timestamp, Totals};

use super::loss;
use super::sanitize::{clean, width};
use super::style::{Palette, Tone};
use super::tally::Span;

/// Appends the summary of a run.
pub(crate) fn write(totals: &Totals, span: Span, page: Page, out: &mut Vec<u8>) {
    out.push(b'\n');
    let mut line = |label: &str, parts: &[(String, Tone)]| page.line(label, parts, ", ", out);
    line("Sessions", &[(grouped(totals.sessions), Tone::Plain)]);
    for (label, counts, tone) in [
        ("Versions", &totals.versions, version_tone as fn(&str) -> Tone),
        ("Key exchange", &totals.key_exchange_classes, class_tone),
        ("Ciphers", &totals.ciphers, plain),
        ("Anomalies", &totals.anomalies, bad),
    ] {
        if !counts.is_empty() {
            line(label, &ranking(counts, totals.sessions, tone));
        }
    }
    line("Traffic", &traffic(totals));
    if let (Some(first), Some(last)) = (span.first(), span.last()) {
        let seconds = last.nanos_since(first) / 1_000_000;
        let took = format!("{}.{:03} s", grouped(seconds / 1000), seconds % 1000);
        let span = format!("{} to {}", to_the_millisecond(first), to_the_millisecond(last));
        line("Time", &[(span, Tone::Plain), (took, Tone::Plain)]);
    }
    write_loss(&totals.loss, page, out);
}

/// Appends what was lost, a line a cause.
pub(crate) fn write_loss(losses: &Losses, page: Page, out: &mut Vec<u8>) {
    for (cause, count) in losses {
        let text = format!("{}: {}", loss::in_words(cause), grouped(*count));
        let words: Vec<_> = text.split(' ').map(|word| (word.to_owned(), Tone::Bad)).collect();
        page.line("Not seen", &words, " ", out);
    }
}

/// Where the summary is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// How wide its lines may be.
    pub(crate) columns: usize,
    /// Whether and how it is coloured.
    pub(crate) palette: Palette,
}

impl Page {
    /// Appends parts with a separator between, beside a label. Those that do not fit go to further
    /// lines; a part wider than a line is not cut.
    fn line(self, label: &str, parts: &[(String, Tone)], separator: &str, out: &mut Vec<u8>) {
        self.palette.paint(out, Tone::Strong, &format!("{label:LABEL_COLUMNS$}"));
        let mut used = LABEL_COLUMNS;
        let mut parts = parts.iter().peekable();
        let mut is_first = true;
        while let Some((text, tone)) = parts.next() {
            let separator = if parts.peek().is_some() { separator } else { "" };
            let columns = width(text).saturating_add(width(separator.trim_end()));
            if !is_first && used.saturating_add(columns) > self.columns {
                out.truncate(out.trim_ascii_end().len());
                out.extend_from_slice(format!("\n{:LABEL_COLUMNS$}", "").as_bytes());
                used = LABEL_COLUMNS;
            }
            is_first = false;
            self.palette.paint(out, *tone, text);
            out.extend_from_slice(separator.as_bytes());
            used = used.saturating_add(width(text)).saturating_add(width(separator));
        }
        out.push(b'\n');
    }
}

fn to_the_millisecond(time: Timestamp) -> String {
    let text = time.to_rfc3339();
    text.chars().take("1970-01-01T00:00:00.000".len()).chain(['Z']).collect()
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_add(digits.len() / 3));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn ranking(counts: &BTreeMap<String, u64>, of: u64, tone: fn(&str) -> Tone) -> Vec<(String, Tone)> {
    let mut ranked: Vec<_> = counts.iter().collect();
    ranked.sort_by(|(a_key, a), (b_key, b)| b.cmp(a).then(a_key.cmp(b_key)));
    let rest = ranked.len().saturating_sub(SHOWN_KEYS);
    let mut parts: Vec<_> = ranked
        .iter()
        .take(SHOWN_KEYS)
        .map(|(key, count)| {
            let text = format!("{} {} ({})", clean(key), grouped(**count), percent(**count, of));
            (text, tone(key))
        })
        .collect();
    if rest > 0 {
        parts.push((format!("{rest} more"), Tone::Dim));
    }
    parts
}

/// A share in whole percent; never 0 for something nor 100 for less than all.
fn percent(count: u64, of: u64) -> String {
    let share = u128::from(count).saturating_mul(100) / u128::from(of.max(1));
    match share {
        0 if count > 0 => "<1%".to_owned(),
        share => format!("{share}%"),
    }
}

fn traffic(totals: &Totals) -> Vec<(String, Tone)> {
    let mut parts = vec![
        (format!("{} packets", grouped(totals.packets)), Tone::Plain),
        (bytes(totals.bytes), Tone::Plain),
        (format!("{} flows", grouped(totals.flows)), Tone::Plain),
    ];
    if totals.packets_left_in_kernel > 0 {
        let left = grouped(totals.packets_left_in_kernel);
        parts.push((format!("{left} packets left in the kernel"), Tone::Dim));
    }
    parts
}

fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut scaled = u128::from(count).saturating_mul(10);
    let mut unit = "bytes";
    for next in units {
        if scaled < 10_240 {
            break;
        }
        scaled /= 1024;
        unit = next;
    }
    if unit == "bytes" {
        format!("{count} bytes")
    } else {
        format!("{}.{} {unit}", scaled / 10, scaled % 10)
    }
}

fn version_tone(key: &str) -> Tone {
    match key {
        "TLS 1.3" | "DTLS 1.3" => Tone::Good,
        "TLS 1.2" | "DTLS 1.2" => Tone::Plain,
        "unknown" => Tone::Dim,
        _ => Tone::Bad,
    }
}

fn class_tone(key: &str) -> Tone {
    match key {
        "hybrid_pq" | "pq" => Tone::Good,
        "classical" => Tone::Plain,
        "none" => Tone::Bad,
        _ => Tone::Dim,
    }
}

const fn plain(_: &str) -> Tone {
    Tone::Plain
}

const fn bad(_: &str) -> Tone {
    Tone::Bad
}

const LABEL_COLUMNS: usize = 14;

/// The long tail of cipher suites is for the JSON.
const SHOWN_KEYS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_ranks_and_names_what_was_lost() {
        let counts = |pairs: &[(&str, u64)]| {
            pairs.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect()
        };
        let totals = Totals {
            packets: 1_234_567,
            bytes: 5_368_709_120,
            flows: 1000,
            sessions: 2000,
            versions: counts(&[("TLS 1.2", 1), ("TLS 1.3", 1999)]),
            ciphers: counts(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)]),
            loss: [("kernel_drops", 12)].into(),
            ..Totals::default()
        };
        let mut span = Span::default();
        span.extend(Timestamp::from_nanos(0));
        span.extend(Timestamp::from_nanos(3_600_250_000_000));
        let mut out = Vec::new();
        write(&totals, span, Page { columns: 105, palette: Palette::Mono }, &mut out);
        let text = String::from_utf8(out).unwrap();
        for part in [
            "Sessions      2,000\n",
            "Versions      TLS 1.3 1,999 (99%), TLS 1.2 1 (<1%)\n",
            "Ciphers       f 6 (<1%), e 5 (<1%), d 4 (<1%), c 3 (<1%), b 2 (<1%), 1 more\n",
            "Traffic       1,234,567 packets, 5.0 GiB, 1,000 flows\n",
            "1970-01-01T01:00:00.250Z, 3,600.250 s\n",
            "Not seen      packets dropped by the kernel, which this program did not take in time: 12\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn what_does_not_fit_goes_to_further_lines() {
        let line = |columns, separator| {
            let parts = ["one", "three", "ten"].map(|text| (text.to_owned(), Tone::Plain));
            let mut out = Vec::new();
            Page { columns, palette: Palette::Mono }.line("Label", &parts, separator, &mut out);
            String::from_utf8(out).unwrap()
        };
        let (label, indent) = ("Label         ", " ".repeat(LABEL_COLUMNS));
        assert_eq!(line(29, ", "), format!("{label}one, three, ten\n"));
        assert_eq!(line(28, ", "), format!("{label}one, three,\n{indent}ten\n"));
        assert_eq!(line(25, ", "), format!("{label}one, three,\n{indent}ten\n"));
        assert_eq!(line(24, ", "), format!("{label}one,\n{indent}three, ten\n"));
        assert_eq!(line(23, ", "), format!("{label}one,\n{indent}three,\n{indent}ten\n"));
        assert_eq!(line(23, " "), format!("{label}one three\n{indent}ten\n"));
        assert_eq!(line(0, " "), format!("{label}one\n{indent}three\n{indent}ten\n"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1000, 12_345_678].map(grouped));
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
