//! What tshark counts in each capture (`tshark_counts.tsv`).

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::compare::{Place, Tally};
use super::names::Names;
use super::normal;
use super::oracle::{Corpora, Sessions, sessions_of};
use super::session::Session;

/// The oracle's name.
pub(super) const NAME: &str = "tshark";

/// What tshark says about one capture.
#[derive(Debug)]
pub(super) struct Counts {
    /// The capture.
    pub(super) capture: String,
    columns: BTreeMap<String, String>,
}

impl Counts {
    fn number(&self, column: &str) -> u64 {
        self.columns.get(column).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn text(&self, column: &str) -> Option<String> {
        self.columns.get(column).cloned().and_then(normal::non_empty)
    }

    fn list(&self, column: &str) -> Vec<String> {
        let text = self.text(column).unwrap_or_default();
        text.split('/').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

/// Reads the table.
///
/// # Errors
/// If it is missing or has no header.
pub(super) fn read(corpora: &Corpora) -> Result<Vec<Counts>> {
    let text = corpora.text("tshark_counts.tsv")?;
    let mut lines = text.lines();
    let header: Vec<&str> =
        lines.next().context("tshark_counts.tsv is empty")?.split('\t').collect();
    Ok(lines
        .map(|line| {
            let values = line.split('\t').map(str::to_owned);
            let columns: BTreeMap<String, String> =
                header.iter().map(|&name| name.to_owned()).zip(values).collect();
            Counts { capture: columns.get("path").cloned().unwrap_or_default(), columns }
        })
        .collect())
}

/// Compares every capture.
///
/// # Errors
/// If the table cannot be read.
pub(super) fn compare(corpora: &Corpora, sessions: &Sessions, tally: &mut Tally) -> Result<()> {
    let names = Names::load()?;
    for counts in read(corpora)? {
        let ours = sessions_of(sessions, &counts.capture);
        one(&counts, ours, &names, tally);
        let complete = sessions.get(&counts.capture).map(|output| output.complete.to_string());
        let theirs = (counts.text("tshark_ok").as_deref() == Some("yes")).to_string();
        let mut place =
            Place { tally, oracle: NAME, capture: &counts.capture, session: String::new() };
        place.expect("read to its end", &theirs, complete);
    }
    Ok(())
}

fn one(counts: &Counts, ours: &[Session], names: &Names, tally: &mut Tally) {
    let mut place = Place { tally, oracle: NAME, capture: &counts.capture, session: String::new() };
    // The columns of TLS do not count DTLS, which has three columns of its own.
    let stream: Vec<&Session> = ours.iter().filter(|session| !is_dtls(session)).collect();
    let every: Vec<&Session> = ours.iter().collect();
    for &(field, columns, messages) in MESSAGES {
        let theirs = columns.iter().map(|column| counts.number(column)).sum();
        let dtls = columns.iter().any(|column| column.starts_with("DTLS") || *column == "HRR");
        let ours = if dtls { &every } else { &stream };
        let ours = messages.iter().map(|name| total(ours, name)).sum();
        place.count(field, theirs, ours);
    }
    let names_sent = distinct(&every, |session| session.text("tls.client.server_name"));
    let names_sent = u64::try_from(names_sent.len()).unwrap_or(u64::MAX);
    place.count("distinct server names", counts.number("sni_count"), names_sent);
    for (field, column, path) in
        [("JA3", "ja3_first", "tls.client.ja3"), ("JA3S", "ja3s_first", "tls.server.ja3s")]
    {
        let theirs = counts.text(column);
        let ours = one_of(theirs.as_deref(), distinct(&stream, |session| session.text(path)));
        place.compare(field, theirs, ours);
    }
    let theirs = counts.list("selected_group").iter().map(|code| names.group(code)).collect();
    place.set("groups of ServerHello key shares", theirs, key_share_groups(&stream));
    let theirs = counts.list("selected_ciphers").iter().map(|code| names.cipher(code)).collect();
    place.set("ciphers", theirs, distinct(&stream, |session| session.text("tls.cipher")));
    let theirs = negotiated(&counts.list("server_versions"));
    if !theirs.is_empty() {
        place.set("versions", theirs, distinct(&every, |session| session.version()));
    }
}

fn is_dtls(session: &Session) -> bool {
    session.text("tlsight.carrier").is_some_and(|carrier| carrier == "dtls")
}

fn total(sessions: &[&Session], message: &str) -> u64 {
    sessions.iter().map(|session| session.messages(message)).sum()
}

/// Their value if it is among ours: the table has one of a capture's fingerprints.
fn one_of(theirs: Option<&str>, ours: Vec<String>) -> Option<String> {
    let same = ours.iter().find(|value| Some(value.as_str()) == theirs).cloned();
    same.or_else(|| normal::non_empty(ours.join(", ")))
}

fn distinct(sessions: &[&Session], value: impl Fn(&Session) -> Option<String>) -> Vec<String> {
    let mut values: Vec<String> = sessions.iter().filter_map(|session| value(session)).collect();
    values.sort();
    values.dedup();
    values
}

fn key_share_groups(sessions: &[&Session]) -> Vec<String> {
    distinct(sessions, |session| {
        let modern = session.version().is_some_and(|version| version.contains("1.3"));
        session.text("tls.curve").filter(|_| modern)
    })
}

/// The versions that were negotiated: beside a `TLS1.3` the column has the `TLS1.2` that every
/// hello of TLS 1.3 has for middleboxes, which a session of TLS 1.2 cannot be told from.
fn negotiated(listed: &[String]) -> Vec<String> {
    let modern = listed.iter().any(|version| version.contains("1.3"));
    let mut versions: Vec<String> = listed
        .iter()
        .filter(|version| !(modern && *version == "TLS1.2"))
        .map(|version| normal::version(version))
        .collect();
    versions.sort();
    versions
}

type Messages = (&'static str, &'static [&'static str], &'static [&'static str]);

const MESSAGES: &[Messages] = &[
    ("ClientHello", &["ClientHello", "DTLS_ClientHello"], &["client_hello"]),
    (
        "ServerHello with HelloRetryRequest",
        &["ServerHello(incl HRR)", "DTLS_ServerHello"],
        &["server_hello", "hello_retry_request"],
    ),
    ("HelloRetryRequest", &["HRR"], &["hello_retry_request"]),
    ("Certificate", &["Certificate", "DTLS_Certificate"], &["certificate"]),
    ("CertificateRequest", &["CertificateRequest"], &["certificate_request"]),
    ("CertificateStatus", &["CertificateStatus"], &["certificate_status"]),
    ("ServerKeyExchange", &["ServerKeyExchange"], &["server_key_exchange"]),
    ("NewSessionTicket", &["NewSessionTicket"], &["new_session_ticket"]),
    ("alerts", &["alerts"], &["alert"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_capture_of_the_folder() {
        let Some(corpora) = Corpora::for_tests() else { return };
        let rows = read(&corpora).unwrap();
        assert_eq!(rows.len(), 267);
        for row in &rows {
            assert!(corpora.path(&row.capture).is_file(), "{}", row.capture);
        }
        let hellos: u64 = rows.iter().map(|row| row.number("ClientHello")).sum();
        assert!(hellos > 300, "{hellos}");
    }

    #[test]
    fn counts_are_sums_over_the_sessions_of_a_capture() {
        let session = |hellos: u32, start: &str, ja3: &str| {
            let text = format!(
                r#"{{"event":{{"start":"{start}"}},"tls":{{"client":{{"ja3":"{ja3}"}}}},
                "tlsight":{{"messages":{{"client_hello":{hellos}}}}}}}"#
            );
            Session::parse(&text).unwrap().unwrap()
        };
        let ours = [session(1, "2020", "b"), session(2, "2019", "a")];
        let columns = [("ClientHello", "1"), ("DTLS_ClientHello", "2"), ("ja3_first", "a")];
        let columns = columns.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let counts = Counts { capture: "c".to_owned(), columns };
        let mut tally = Tally::default();
        one(&counts, &ours, &Names::load().unwrap(), &mut tally);
        let rows: Vec<_> = tally.rows.iter().map(|r| (r.field.as_str(), r.agrees())).collect();
        assert_eq!(rows, [("ClientHello", true), ("JA3", true)]);
    }

    #[test]
    fn the_middlebox_version_of_tls_1_3_is_not_a_negotiated_one() {
        let listed =
            |text: &str| negotiated(&text.split('/').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(listed("TLS1.2/TLS1.3"), ["TLS 1.3"]);
        assert_eq!(listed("TLS1.0/TLS1.2"), ["TLS 1.0", "TLS 1.2"]);
        assert_eq!(listed("TLS1.2/TLS1.3-draft28"), ["TLS 1.3 draft 28"]);
    }
}
