//! Calendars (RFC 5545).

use event::Timestamp;

/// One day on which something ends.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) uid: String,
    pub(crate) day: Timestamp,
    pub(crate) summary: String,
    pub(crate) description: String,
}

/// Writes a calendar; each entry reminds 30 and 7 days before.
pub(crate) fn write(now: Timestamp, entries: impl Iterator<Item = Entry>) -> String {
    let mut out = String::new();
    let stamp = basic(now, true);
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tlsight//certificates//EN"] {
        push(line, &mut out);
    }
    for entry in entries {
        push("BEGIN:VEVENT", &mut out);
        push(&format!("UID:{}", escaped(&entry.uid)), &mut out);
        push(&format!("DTSTAMP:{stamp}"), &mut out);
        push(&format!("DTSTART;VALUE=DATE:{}", basic(entry.day, false)), &mut out);
        push(&format!("SUMMARY:{}", escaped(&entry.summary)), &mut out);
        push(&format!("DESCRIPTION:{}", escaped(&entry.description)), &mut out);
        push("TRANSP:TRANSPARENT", &mut out);
        for before in ["-P30D", "-P7D"] {
            push("BEGIN:VALARM", &mut out);
            push("ACTION:DISPLAY", &mut out);
            push(&format!("TRIGGER:{before}"), &mut out);
            push(&format!("DESCRIPTION:{}", escaped(&entry.summary)), &mut out);
            push("END:VALARM", &mut out);
        }
        push("END:VEVENT", &mut out);
    }
    push("END:VCALENDAR", &mut out);
    out
}

/// The basic format of ISO 8601, in UTC.
fn basic(time: Timestamp, with_clock: bool) -> String {
    let text = time.to_rfc3339();
    let digits = |part: Option<&str>| -> String {
        part.unwrap_or_default().chars().filter(char::is_ascii_digit).collect()
    };
    let date = digits(text.get(.."2026-11-21".len()));
    if with_clock {
        let clock = digits(text.get("2026-11-21T".len().."2026-11-21T10:00:00".len()));
        return format!("{date}T{clock}Z");
    }
    date
}

/// A text in which nothing ends the property (section 3.3.11).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Appends a line, folded where it is longer than is allowed (section 3.1).
fn push(line: &str, out: &mut String) {
    let mut used = 0_usize;
    for character in line.chars() {
        let len = character.len_utf8();
        if used.saturating_add(len) > MAX_LINE_LEN {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(character);
        used = used.saturating_add(len);
    }
    out.push_str("\r\n");
}

/// Octets of a line without its end.
const MAX_LINE_LEN: usize = 75;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_cannot_break_out_of_its_property() {
        let hostile = "CN=a;b,c\\\r\nEND:VEVENT\u{e9}".to_owned() + &"é".repeat(100);
        let entry = Entry {
            uid: "1@tlsight".to_owned(),
            day: "2027-01-02T03:04:05Z".parse().unwrap(),
            summary: hostile.clone(),
            description: hostile,
        };
        let text = write("2026-11-21T10:00:00Z".parse().unwrap(), [entry].into_iter());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= MAX_LINE_LEN), "{text}");
        assert_eq!(lines.iter().filter(|line| **line == "END:VEVENT").count(), 1);
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.contains("\r\nDTSTART;VALUE=DATE:20270102\r\n"));
        assert!(text.contains("\r\nDTSTAMP:20261121T100000Z\r\n"));
        assert!(text.contains("SUMMARY:CN=a\\;b\\,c\\\\\u{fffd}\\nEND:VEVENT"), "{text}");
    }
}
