//! The flags of a session: what else there is to say of it, in few words.

use event::{EarlyData, Ech, TlsEvent};

use super::sanitize::{clean, shorten, width};
use super::style::Tone;

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    text: String,
    /// The same for a narrow column.
    brief: Option<String>,
    tone: Tone,
}

impl Flag {
    fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), brief: None, tone }
    }

    fn or(self, brief: impl Into<String>) -> Self {
        Self { brief: Some(brief.into()), ..self }
    }

    fn shortest(&self) -> &str {
        self.brief.as_deref().unwrap_or(&self.text)
    }
}

/// The flags of a session, most urgent first.
pub(crate) fn flags(event: &TlsEvent) -> Vec<Flag> {
    let mut flags = trouble(event);
    let note = |text: &str| Flag::new(text, Tone::Plain);
    let tlsight = &event.tlsight;
    if let Some(group) = &tlsight.key_exchange.hello_retry {
        flags.push(note(&format!("hrr:{}", clean(group))).or("hrr"));
    }
    if event.tls.resumed {
        flags.push(match tlsight.resumption.method {
            Some(method) => note(&format!("resumed:{}", method.name())).or("resumed"),
            None => note("resumed"),
        });
    }
    flags.extend(match tlsight.early_data {
        EarlyData::None => None,
        EarlyData::Offered => Some(note("0rtt?")),
        EarlyData::Accepted => Some(note("0rtt")),
        EarlyData::Rejected => Some(note("0rtt:rejected").or("0rtt:no")),
    });
    flags.extend(match tlsight.ech {
        // The two look alike by design, and most of what browsers send is GREASE.
        Ech::None | Ech::Grease => None,
        Ech::Offered => Some(note("ech?")),
        Ech::Accepted => Some(note("ech")),
        Ech::Rejected => Some(note("ech:rejected").or("ech:no")),
    });
    flags.extend(tlsight.starttls.map(note));
    flags.extend(match tlsight.carrier {
        event::Carrier::Tcp => None,
        event::Carrier::Quic => Some(note("quic")),
        event::Carrier::Dtls => Some(note("dtls")),
    });
    if event.tls.client.x509.is_some() {
        flags.push(note("client-cert").or("mutual"));
    }
    flags
}

/// As many of `flags` as fit into `columns`, and how many do not. If not all of them fit as they
/// are, the less urgent ones are brief first.
pub(crate) fn fit(flags: &[Flag], columns: usize) -> Vec<(String, Tone)> {
    let spaces = flags.len().saturating_sub(1);
    let widths = flags.iter().map(|flag| width(flag.shortest()));
    let mut total = widths.fold(spaces, usize::saturating_add);
    let mut cell = Vec::new();
    let mut used = 0_usize;
    let mut left = flags.len();
    for flag in flags {
        let longer = total.saturating_sub(width(flag.shortest())).saturating_add(width(&flag.text));
        let text = if longer <= columns { &flag.text } else { flag.shortest() };
        total = if longer <= columns { longer } else { total };
        let space = if cell.is_empty() { "" } else { " " };
        left = left.saturating_sub(1);
        let more = if left == 0 { 0 } else { MORE_LEN };
        let free = columns.saturating_sub(used).saturating_sub(more).saturating_sub(space.len());
        if width(text) > free && !cell.is_empty() {
            cell.push((format!(" +{}", left.saturating_add(1)), Tone::Notice));
            break;
        }
        let text = format!("{space}{}", shorten(text, free));
        used = used.saturating_add(width(&text));
        cell.push((text, flag.tone));
    }
    cell
}

fn trouble(event: &TlsEvent) -> Vec<Flag> {
    let tlsight = &event.tlsight;
    let mut flags = Vec::new();
    let alerts = event.tls.detailed.iter().flat_map(|detailed| &detailed.alerts);
    let mut failing = alerts.filter(|alert| alert.severity == "fatal").peekable();
    if failing.peek().is_none() && event.event.outcome == "failure" {
        flags.push(Flag::new("failed", Tone::Bad));
    }
    for alert in failing {
        let flag = Flag::new(format!("alert:{}", clean(&alert.kind)), Tone::Bad)
            .or(format!("alert:{}", alert.code));
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    for anomaly in &tlsight.anomalies {
        flags.push(Flag::new(format!("!{}", clean(anomaly)), Tone::Bad));
    }
    if tlsight.downgrade.fallback_scsv {
        flags.push(Flag::new("fallback", Tone::Notice));
    }
    if tlsight.certificate.sni_match == Some(false) {
        flags.push(Flag::new("name-mismatch", Tone::Notice).or("bad-name"));
    }
    if tlsight.certificate.self_signed == Some(true) {
        flags.push(Flag::new("self-signed", Tone::Notice).or("self"));
    }
    for reason in &tlsight.partial {
        flags.push(Flag::new(format!("partial:{}", clean(reason)), Tone::Notice).or("partial"));
    }
    flags
}

/// Room for ` +9`.
const MORE_LEN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn trouble_comes_before_news() {
        let mut event = sample::tls12();
        event.tls.resumed = true;
        event.tlsight.starttls = Some("smtp");
        event.tlsight.anomalies = vec!["overlap".into()];
        event.tlsight.partial = vec!["gap".into()];
        event.tlsight.downgrade.fallback_scsv = true;
        assert_eq!(texts(&event), ["!overlap", "fallback", "partial:gap", "resumed", "smtp"]);
    }

    #[test]
    fn an_old_client_of_a_newer_server_is_no_trouble() {
        let mut event = sample::tls12();
        event.tlsight.downgrade.sentinel = Some("1.2");
        assert_eq!(trouble(&event), []);
    }

    #[test]
    fn a_failure_without_an_alert_is_still_named() {
        let mut event = sample::tls12();
        event.event.outcome = "failure";
        assert_eq!(flags(&event), [Flag::new("failed", Tone::Bad)]);
    }

    #[test]
    fn a_fatal_alert_is_the_first_flag() {
        let mut event = sample::tls13();
        event.event.outcome = "failure";
        event.tls.resumed = true;
        let detailed = event.tls.detailed.as_mut().unwrap();
        detailed.alerts = vec![sample::fatal("handshake_failure"); 2];
        assert_eq!(texts(&event), ["alert:handshake_failure", "resumed"]);
    }

    #[test]
    fn flags_that_do_not_fit_are_counted() {
        let flags = ["one", "two", "three"].map(|text| Flag::new(text, Tone::Plain));
        assert_eq!(fitted(&flags, 13), "one two three");
        assert_eq!(fitted(&flags, 12), "one two +1");
        assert_eq!(fitted(&flags, 9), "one +2");
        assert_eq!(fitted(&flags, 5), "o… +2");
    }

    #[test]
    fn the_less_urgent_flag_is_brief_first() {
        let flags = [
            Flag::new("name-mismatch", Tone::Notice).or("bad-name"),
            Flag::new("self-signed", Tone::Notice).or("self"),
        ];
        for (columns, expected) in [
            (25, "name-mismatch self-signed"),
            (24, "name-mismatch self"),
            (18, "name-mismatch self"),
            (17, "bad-name self"),
            (13, "bad-name self"),
            (12, "bad-name +1"),
            (10, "bad-na… +1"),
        ] {
            assert_eq!(fitted(&flags, columns), expected, "{columns} columns");
        }
    }

    fn texts(event: &TlsEvent) -> Vec<String> {
        flags(event).into_iter().map(|flag| flag.text).collect()
    }

    fn fitted(flags: &[Flag], columns: usize) -> String {
        fit(flags, columns).into_iter().map(|(text, _)| text).collect()
    }
}
