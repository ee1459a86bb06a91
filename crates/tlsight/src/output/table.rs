//! The table: one line a session, as wide as the terminal.

use event::{Party, Timestamp, TlsEvent};

use super::flags;
use super::layout::{Column, GAP, Layout};
use super::sanitize::{clean, shorten, shorten_middle, width};
use super::style::{Palette, Tone};
use super::words;

/// Writes sessions as lines of a table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    layout: Layout,
    palette: Palette,
}

/// A day in UTC: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day(i64);

impl Day {
    /// The day of a point in time.
    pub(crate) const fn of(time: Timestamp) -> Self {
        Self(time.as_nanos().div_euclid(NANOS_PER_DAY))
    }

    fn to_text(self) -> String {
        let midnight = Timestamp::from_nanos(self.0.saturating_mul(NANOS_PER_DAY));
        midnight.to_rfc3339().chars().take(DATE_LEN).collect()
    }
}

impl Table {
    /// A table for lines of `line_columns`.
    pub(crate) fn new(line_columns: usize, palette: Palette) -> Self {
        Self { layout: Layout::new(line_columns), palette }
    }

    /// The same with a column for processes.
    pub(crate) fn at_sockets(line_columns: usize, palette: Palette) -> Self {
        Self { layout: Layout::at_sockets(line_columns), palette }
    }

    /// Appends the line that names the columns.
    pub(crate) fn heading(&self, out: &mut Vec<u8>) {
        let cells = self
            .layout
            .columns()
            .map(|(column, columns)| (vec![(column.title().to_owned(), Tone::Strong)], columns));
        self.line(cells, out);
    }

    /// Appends the line that begins a day.
    pub(crate) fn day(&self, day: Day, out: &mut Vec<u8>) {
        self.palette.paint(out, Tone::Dim, &format!("-- {} UTC --", day.to_text()));
        out.push(b'\n');
    }

    /// Appends the line of a session.
    pub(crate) fn row(&self, event: &TlsEvent, out: &mut Vec<u8>) {
        let cells = self
            .layout
            .columns()
            .map(|(column, columns)| (self.cell(column, columns, event), columns));
        self.line(cells, out);
    }

    fn line(&self, cells: impl Iterator<Item = (Cell, usize)>, out: &mut Vec<u8>) {
        let mut owed = 0_usize;
        for (cell, columns) in cells {
            if cell.is_empty() {
                owed = owed.saturating_add(columns).saturating_add(GAP);
                continue;
            }
            out.extend(std::iter::repeat_n(b' ', owed));
            let mut used = 0_usize;
            for (text, tone) in &cell {
                used = used.saturating_add(width(text));
                self.palette.paint(out, *tone, text);
            }
            owed = columns.saturating_sub(used).saturating_add(GAP);
        }
        out.push(b'\n');
    }

    fn cell(&self, column: Column, columns: usize, event: &TlsEvent) -> Cell {
        match column {
            Column::Time => one(clock(event.timestamp, columns), Tone::Dim),
            Column::Process => one(processes(event, columns), Tone::Strong),
            Column::Client => one(address(&event.client, columns), Tone::Plain),
            Column::Server => one(address(&event.server, columns), Tone::Plain),
            Column::Name => self.name(event, columns),
            Column::Version => one(version(event, columns), words::version_tone(&event.tls)),
            Column::Cipher => one(cipher(event, columns), Tone::Plain),
            Column::Group => {
                let class = event.tlsight.key_exchange.class;
                let group = event.tlsight.key_exchange.group.as_deref();
                let text = group.map_or_else(|| no_group(class).to_owned(), clean);
                one(shorten(&text, columns), words::class_tone(class))
            }
            Column::Certificate => certificate(event, columns),
            Column::Flags => flags::fit(&flags::flags(event), columns),
        }
    }

    fn name(&self, event: &TlsEvent, columns: usize) -> Cell {
        let server_shown = self.layout.has(Column::Server);
        let (text, tone) = match (&event.tls.client.server_name, words::certificate_name(event)) {
            (Some(name), _) if event.tlsight.server_name_is_outer => {
                (format!("~{}", clean(name)), Tone::Notice)
            }
            (Some(name), _) => (clean(name), Tone::Plain),
            (None, Some(name)) => (format!("({})", clean(name)), Tone::Dim),
            (None, None) if server_shown => ("-".to_owned(), Tone::Dim),
            (None, None) => return one(address(&event.server, columns), Tone::Dim),
        };
        let port = event.server.port;
        if server_shown || port == HTTPS {
            one(shorten(&text, columns), tone)
        } else {
            let port = format!(":{port}");
            let text = shorten(&text, columns.saturating_sub(port.len()));
            vec![(text, tone), (port, Tone::Dim)]
        }
    }
}

/// Parts of a cell, each clean, and together no wider than its column.
type Cell = Vec<(String, Tone)>;

fn one(text: String, tone: Tone) -> Cell {
    vec![(text, tone)]
}

/// The client's process and the server's, as far as these are local: `curl[17]>nginx[4]`.
fn processes(event: &TlsEvent, columns: usize) -> String {
    let [client, server] = [&event.client, &event.server].map(|party| {
        let process = party.process.as_deref()?;
        Some((clean(process.name.as_deref().unwrap_or("?")), process.pid))
    });
    let numbered = |(name, pid): &(String, u32)| format!("{name}[{pid}]");
    let forms = match (&client, &server) {
        (None, None) => return "-".to_owned(),
        (Some(client), None) => [numbered(client), client.0.clone(), client.0.clone()],
        (None, Some(server)) => {
            [format!(">{}", numbered(server)), format!(">{}", server.0), String::new()]
        }
        (Some(client), Some(server)) => [
            format!("{}>{}", numbered(client), numbered(server)),
            format!("{}>{}", client.0, server.0),
            numbered(client),
        ],
    };
    let [_, brief, _] = &forms;
    let fitting = forms.iter().find(|form| !form.is_empty() && width(form) <= columns);
    shorten(fitting.unwrap_or(brief), columns)
}

fn clock(time: Timestamp, columns: usize) -> String {
    time.to_rfc3339().chars().skip(DATE_LEN + 1).take(columns.min(CLOCK_LEN)).collect()
}

fn address(party: &Party, columns: usize) -> String {
    let ip = party.ip.as_str();
    let port = party.port;
    let whole = if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
    if whole.len() <= columns { whole } else { shorten_middle(ip, columns) }
}

fn version(event: &TlsEvent, columns: usize) -> String {
    let Some(version) = event.tls.version else { return "-".to_owned() };
    let protocol = event.tls.version_protocol.unwrap_or("tls").to_ascii_uppercase();
    let whole = format!("{protocol}{version}");
    match event.tls.version_protocol {
        _ if whole.len() <= columns => whole,
        Some("ssl") => whole.chars().take(columns).collect(),
        _ => version.to_owned(),
    }
}

fn cipher(event: &TlsEvent, columns: usize) -> String {
    let Some(name) = event.tls.cipher.as_deref() else { return "-".to_owned() };
    let forms = words::cipher_forms(name);
    let [.., shortest] = &forms;
    let fitting = forms.iter().find(|form| width(form) <= columns);
    shorten(fitting.unwrap_or(shortest), columns)
}

const fn no_group(class: Option<event::KeyExchangeClass>) -> &'static str {
    match class {
        Some(event::KeyExchangeClass::None) => "none",
        _ => "-",
    }
}

fn certificate(event: &TlsEvent, columns: usize) -> Cell {
    let (state, tone) = words::certificate_state(event);
    let key = words::certificate_key(event);
    let whole = key.map_or_else(|| state.clone(), |key| format!("{state} {key}"));
    let brief = words::certificate_state_brief(event);
    let forms = [whole, state, brief];
    let [.., shortest] = &forms;
    let fitting = forms.iter().find(|form| width(form) <= columns);
    one(shorten(fitting.unwrap_or(shortest), columns), tone)
}

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

const DATE_LEN: usize = "2026-11-21".len();

const CLOCK_LEN: usize = "13:30:00.123".len();

/// The port that goes without saying.
const HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn rows(columns: usize, events: &[TlsEvent]) -> Vec<String> {
        let table = Table::new(columns, Palette::Mono);
        let mut out = Vec::new();
        table.heading(&mut out);
        for event in events {
            table.row(event, &mut out);
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_narrow_table_says_what_matters() {
        assert_eq!(
            rows(80, &[sample::tls13(), sample::tls12()]),
            [
                "TIME     CLIENT          NAME               VERS GROUP          CERT   FLAGS",
                "13:30:00 192.0.2.17      www.example.com    1.3  X25519MLKEM768 enc",
                "13:30:00 192.0.2.17      (mail.example.org) 1.2  x25519         89d",
            ]
        );
    }

    #[test]
    fn a_wide_table_says_more() {
        let lines = rows(160, &[sample::tls12()]);
        for part in
            ["13:30:00.123", "192.0.2.17:51234", "198.51.100.7:443", "TLS1.2", "89d RSA-2048"]
        {
            assert!(lines[1].contains(part), "{part} in {:?}", lines[1]);
        }
    }

    #[test]
    fn processes_are_shown_as_far_as_they_are_known_and_fit() {
        let mut event = sample::tls13();
        assert_eq!(processes(&event, 20), "-");
        event.server.process = Some(sample::process("nginx", 4).into());
        assert_eq!(processes(&event, 20), ">nginx[4]");
        event.client.process = Some(sample::process("cu\x1brl", 1234).into());
        for (columns, expected) in
            [(26, "cu\\u{1b}rl[1234]>nginx[4]"), (20, "cu\\u{1b}rl>nginx"), (8, "cu\\u{1b…")]
        {
            assert_eq!(processes(&event, columns), expected);
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut event = sample::between(
            sample::tls12(),
            ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1", 1),
            ("::ffff:255.255.255.255", 65_535),
        );
        event.tls.client.server_name = Some("例え".repeat(60).into());
        event.tlsight.anomalies = vec!["overlap".into(), "x".repeat(300).into(), "third".into()];
        event.tlsight.certificate.days_left = Some(-1_000_000);
        for columns in 80..240 {
            for line in rows(columns, &[event.clone(), sample::tls13()]) {
                assert!(width(&line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn a_hostile_name_cannot_reach_the_terminal() {
        let mut event = sample::tls13();
        event.tls.client.server_name = Some("\x1b]0;x\x07\n\u{202e}a".into());
        let lines = rows(200, &[event]);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("\\u{1b}]0;x\\u{7}\\n\\u{202e}a"), "{}", lines[1]);
    }

    #[test]
    fn ssl_is_not_taken_for_tls_where_there_is_no_room() {
        let mut event = sample::tls12();
        event.tls.version_protocol = Some("ssl");
        event.tls.version = Some("3.0");
        assert!(rows(80, &[event])[1].contains(" SSL3 "));
    }

    #[test]
    fn an_outer_name_is_marked() {
        let mut event = sample::tls13();
        event.tlsight.server_name_is_outer = true;
        assert!(rows(80, &[event])[1].contains(" ~www.example.com"));
    }

    #[test]
    fn a_name_without_a_server_column_carries_an_unusual_port() {
        let event = sample::between(sample::tls13(), ("192.0.2.17", 5), ("198.51.100.7", 8443));
        assert!(rows(80, std::slice::from_ref(&event))[1].contains("www.example.…:8443"));
        assert!(rows(160, &[event])[1].contains("198.51.100.7:8443"));
    }

    #[test]
    fn flags_get_room_before_what_one_can_do_without() {
        let mut event = sample::tls12();
        event.tlsight.certificate.sni_match = Some(false);
        event.tlsight.certificate.self_signed = Some(true);
        for (columns, flags) in [
            (80, " bad-n… +1"),
            (100, " bad-name self"),
            (120, " name-mismatch self"),
            (160, " name-mismatch self-signed"),
        ] {
            let line = &rows(columns, std::slice::from_ref(&event))[1];
            assert!(line.ends_with(flags), "{columns}: {line}");
        }
    }

    #[test]
    fn a_day_is_named_in_utc() {
        let mut out = Vec::new();
        Table::new(80, Palette::Mono).day(Day::of(sample::START), &mut out);
        assert_eq!(out, b"-- 2026-11-21 UTC --\n");
    }

    #[test]
    fn weakness_is_coloured() {
        let mut event = sample::tls12();
        event.tls.version = Some("1.0");
        event.tlsight.key_exchange.class = Some(event::KeyExchangeClass::None);
        event.tlsight.key_exchange.group = None;
        event.tlsight.certificate.days_left = Some(-3);
        let mut out = Vec::new();
        Table::new(160, Palette::Ansi).row(&event, &mut out);
        let line = String::from_utf8(out).unwrap();
        for bad in ["TLS1.0", "none", "expired 3d"] {
            assert!(line.contains(&format!("\x1b[31m{bad}")), "{bad} in {line:?}");
        }
    }
}
