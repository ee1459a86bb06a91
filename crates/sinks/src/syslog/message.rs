//! A line as a message of RFC 5424.

use serde_json::Value;

use crate::dataset::Dataset;
use crate::line::Line;

/// What messages are like.
pub(super) struct Form {
    pub(super) facility: u8,
    pub(super) sd_id: String,
    pub(super) max_bytes: usize,
}

impl Form {
    /// The message of a line. If it is too long, it has the line without its details, or no line at all, and
    /// says so in its structured data.
    pub(super) fn message(&self, line: &Line) -> String {
        let whole = self.with(line, None, &line.text);
        if whole.len() <= self.max_bytes {
            return whole;
        }
        let less = self.with(line, Some("details"), &without_details(&line.value).to_string());
        if less.len() <= self.max_bytes {
            return less;
        }
        self.with(line, Some("all"), "")
    }

    fn with(&self, line: &Line, shortened: Option<&str>, json: &str) -> String {
        let priority = u16::from(self.facility).saturating_mul(8).saturating_add(severity(line));
        let time = timestamp(line.str("/@timestamp").unwrap_or_default());
        let (host, id) = (host_name(&line.host), line.dataset.event_name());
        let mut message = format!("<{priority}>1 {time} {host} tlsight - {id} [{}", self.sd_id);
        let found = PARAMETERS.iter().filter_map(|(name, places)| {
            Some((*name, places.iter().find_map(|place| text(line.value.pointer(place)?))?))
        });
        for (name, value) in found.chain(shortened.map(|it| ("shortened", it.to_owned()))) {
            message.push_str(&format!(" {name}=\"{}\"", escaped(&value)));
        }
        message.push(']');
        if !json.is_empty() {
            message.push(' ');
            push_ascii(&mut message, json);
        }
        message
    }
}

/// RFC 5424 section 6.2.1, table 2.
fn severity(line: &Line) -> u16 {
    const CRITICAL: u16 = 2;
    const ERROR: u16 = 3;
    const WARNING: u16 = 4;
    const NOTICE: u16 = 5;
    const INFORMATIONAL: u16 = 6;
    match line.dataset {
        Dataset::Session | Dataset::Edge if line.str("/event/outcome") == Some("failure") => NOTICE,
        Dataset::Session | Dataset::Edge => INFORMATIONAL,
        Dataset::Loss => WARNING,
        Dataset::Violation => match line.str("/tlsight/violation/severity") {
            _ if line.str("/event/action") == Some("resolved") => INFORMATIONAL,
            Some("critical") => CRITICAL,
            Some("high") => ERROR,
            Some("medium") => WARNING,
            _ => NOTICE,
        },
    }
}

/// A time of RFC 3339 with at most six digits of a second, as RFC 5424 section 6.2.3 has it; nil if it is none.
fn timestamp(text: &str) -> String {
    if text.parse::<event::Timestamp>().is_err() || !text.is_ascii() {
        return NIL.to_owned();
    }
    let Some((whole, fraction)) = text.split_once('.') else { return text.to_uppercase() };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = fraction.split_at_checked(digits).unwrap_or_default();
    let digits = digits.get(..digits.len().min(6)).unwrap_or_default();
    format!("{whole}.{digits}{zone}").to_uppercase()
}

/// Printable ASCII, at most 255 of it (RFC 5424 section 6); nil if there is none.
fn host_name(host: &str) -> String {
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    if host.is_empty() { NIL.to_owned() } else { host }
}

/// A value as structured data has it. Control characters, which a receiver may write into a file of lines as
/// they are, are replaced; the JSON has them escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars().take(MAX_VALUE_CHARS) {
        match it {
            '"' | '\\' | ']' => out.extend(['\\', it]),
            it if it.is_control() || matches!(it, '\u{2028}' | '\u{2029}') => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

/// JSON whose characters beyond ASCII are escaped: a message in UTF-8 would have to begin with a byte order mark
/// (RFC 5424 section 6.4), at which parsers of JSON stumble.
fn push_ascii(out: &mut String, json: &str) {
    let mut units = [0; 2];
    for it in json.chars() {
        if it.is_ascii_graphic() {
            out.push(it);
        } else if it.is_ascii_whitespace() {
            // Between the values of somebody else's line it may be any.
            out.push(' ');
        } else {
            for unit in it.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The line without what makes it long: the hellos, and all of certificates but who and until when.
fn without_details(line: &Value) -> Value {
    let mut line = line.clone();
    let mut remove = |object: &str, keys: &[&str]| {
        if let Some(object) = line.pointer_mut(object).and_then(Value::as_object_mut) {
            for key in keys {
                object.remove(*key);
            }
        }
    };
    remove("/tls", &["detailed"]);
    remove("/tls/client", &["supported_ciphers", "certificate_chain", "x509"]);
    remove("/tls/server", &["certificate_chain", "x509"]);
    remove("/tlsight", &["requested_authorities"]);
    remove("/tlsight/key_exchange", &["offered_groups", "offered_key_shares"]);
    line
}

/// Names of structured data, and where in a line the value is; the first of these that is there counts.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("client", &["/client/ip", "/source/address"]),
    ("client_port", &["/client/port"]),
    ("server", &["/server/ip", "/destination/address"]),
    ("server_port", &["/server/port", "/destination/port"]),
    ("server_name", &["/tls/client/server_name", "/server/domain"]),
    ("transport", &["/network/transport"]),
    ("protocol", &["/tls/version_protocol"]),
    ("version", &["/tls/version"]),
    ("cipher", &["/tls/cipher"]),
    ("group", &["/tlsight/key_exchange/group"]),
    ("key_exchange", &["/tlsight/key_exchange/class"]),
    ("established", &["/tls/established"]),
    ("outcome", &["/event/outcome"]),
    ("process", &["/process/name"]),
    ("pid", &["/process/pid"]),
    ("container", &["/container/id"]),
    ("namespace", &["/kubernetes/namespace"]),
    ("pod", &["/kubernetes/pod/name"]),
    ("sessions", &["/tlsight/edge/sessions"]),
    ("action", &["/event/action"]),
    ("policy", &["/rule/id"]),
    ("severity", &["/tlsight/violation/severity"]),
];

/// What is not known (RFC 5424 section 6).
const NIL: &str = "-";

/// A name has at most 255; all values together fit into the least that a receiver takes over UDP.
const MAX_VALUE_CHARS: usize = 255;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(max_bytes: usize) -> Form {
        Form { facility: 16, sd_id: "tlsight@32473".to_owned(), max_bytes }
    }

    fn line(host: &str, value: &Value) -> Line {
        Line::read(&Arc::from(host), value.to_string().as_bytes()).unwrap()
    }

    fn session(name: &str) -> Value {
        json!({
            "@timestamp": "2026-11-21T13:30:00.123456789Z",
            "event": {"dataset": "tls", "outcome": "success"},
            "client": {"ip": "192.0.2.1", "port": 55222},
            "server": {"ip": "192.0.2.2", "port": 443},
            "tls": {"version": "1.3", "client": {"server_name": name}, "established": true},
        })
    }

    #[test]
    fn a_session_is_one_message() {
        let message = form(8096).message(&line("node-1", &session("example.test")));
        let head = "<134>1 2026-11-21T13:30:00.123456Z node-1 tlsight - session [tlsight@32473 \
            client=\"192.0.2.1\" client_port=\"55222\" server=\"192.0.2.2\" server_port=\"443\" \
            server_name=\"example.test\" version=\"1.3\" established=\"true\" outcome=\"success\"] {";
        assert!(message.starts_with(head), "{message}");
        let json = &message[head.len() - 1..];
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), session("example.test"));
    }

    #[test]
    fn what_is_worse_is_more_severe() {
        let priority = |value: Value| {
            let message = form(8096).message(&line("h", &value));
            message[1..].split('>').next().unwrap().parse::<u16>().unwrap() - 128
        };
        let violation = |severity: &str, action: &str| {
            json!({"event": {"dataset": "tlsight.violation", "action": action},
                "tlsight": {"violation": {"severity": severity}}})
        };
        let failed = json!({"event": {"dataset": "tls", "outcome": "failure"}});
        assert_eq!(priority(session("a")), 6);
        assert_eq!(priority(failed), 5);
        assert_eq!(priority(json!({"event": {"dataset": "tlsight.loss"}})), 4);
        assert_eq!(priority(violation("critical", "active")), 2);
        assert_eq!(priority(violation("low", "active")), 5);
        assert_eq!(priority(violation("critical", "resolved")), 6);
    }

    #[test]
    fn a_message_that_is_too_long_says_what_it_lacks() {
        let mut value = session("example.test");
        value["tls"]["detailed"] = json!({"much": "x".repeat(5000)});
        let message = form(2048).message(&line("h", &value));
        assert!(message.len() <= 2048 && message.contains(" shortened=\"details\"] {"));
        value["more"] = json!("x".repeat(5000));
        let message = form(2048).message(&line("h", &value));
        assert!(message.len() <= 2048 && message.ends_with(" shortened=\"all\"]"), "{message}");
    }

    #[test]
    fn times_and_hosts_that_are_none_are_nil() {
        assert_eq!(timestamp("2026-11-21T13:30:00Z"), "2026-11-21T13:30:00Z");
        assert_eq!(
            timestamp("2026-11-21t13:30:00.1234567+01:00"),
            "2026-11-21T13:30:00.123456+01:00"
        );
        assert_eq!(timestamp("] <1>"), "-");
        assert_eq!(host_name(""), "-");
        assert_eq!(host_name("a b\nc\u{e9}"), "abc");
    }

    /// Reads a message by the grammar of RFC 5424, and returns its parameters and what is behind them.
    fn parsed(message: &str) -> (Vec<(String, String)>, String) {
        let mut rest =
            message.splitn(7, ' ').nth(6).unwrap().strip_prefix("[tlsight@32473").unwrap();
        let mut parameters = Vec::new();
        while let Some(behind) = rest.strip_prefix(' ') {
            let (name, behind) = behind.split_once("=\"").unwrap();
            let (mut value, mut chars) = (String::new(), behind.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (_, '\\') => value.push(chars.next().unwrap().1),
                    (at, '"') => break at + 1,
                    (_, ']') => panic!("{message}"),
                    (_, it) => value.push(it),
                }
            };
            parameters.push((name.to_owned(), value));
            rest = &behind[end..];
        }
        let rest = rest.strip_prefix(']').unwrap();
        (parameters, rest.strip_prefix(' ').unwrap_or(rest).to_owned())
    }

    proptest! {
        #[test]
        fn no_name_breaks_out_of_its_element(name in any::<String>(), host in any::<String>()) {
            let value = session(&name);
            let message = form(1 << 20).message(&line(&host, &value));
            prop_assert!(!message.chars().any(char::is_control));
            let (parameters, json) = parsed(&message);
            let told: Vec<_> = parameters.iter().filter(|(key, _)| key == "server_name").collect();
            prop_assert_eq!(told.len(), 1);
            let same = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
            let expected: String =
                name.chars().take(255).map(|it| if same(it) { '\u{fffd}' } else { it }).collect();
            prop_assert_eq!(&told[0].1, &expected);
            prop_assert!(json.is_ascii());
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }

        #[test]
        fn json_stays_the_same_in_ascii(name in "[\u{0}-\u{2ff}\u{2028}😀]{0,40}") {
            let (value, mut out) = (session(&name), String::new());
            push_ascii(&mut out, &value.to_string());
            prop_assert!(out.bytes().all(|it| (b' '..=b'~').contains(&it)));
            prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value);
        }

        #[test]
        fn any_text_is_escaped_as_the_standard_says(text in "[\\]\\\\\"=a-c\n\u{0}\u{85}é]{0,40}") {
            let escaped = escaped(&text);
            let mut chars = escaped.chars();
            while let Some(it) = chars.next() {
                prop_assert!(it != '"' && it != ']');
                if it == '\\' {
                    let next = chars.next();
                    prop_assert!(matches!(next, Some('"' | '\\' | ']')), "{:?}", next);
                }
            }
        }
    }
}
