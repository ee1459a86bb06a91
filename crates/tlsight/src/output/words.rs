//! The facts of a session in the words that people use for them.

use event::{CertificateState, EarlyData, Ech, KeyExchangeClass, Tls, TlsEvent};

use super::sanitize::clean;
use super::style::Tone;

/// The negotiated version as people write it: `TLS 1.3`, `DTLS 1.2`, `SSL 3.0`.
pub(crate) fn version(tls: &Tls) -> Option<String> {
    let protocol = tls.version_protocol.unwrap_or("tls").to_ascii_uppercase();
    tls.version.map(|version| format!("{protocol} {version}"))
}

/// How good a version is. What RFC 8996 and RFC 7568 took out of use is bad.
pub(crate) fn version_tone(tls: &Tls) -> Tone {
    match (tls.version_protocol, tls.version) {
        (_, None) => Tone::Dim,
        (_, Some("1.3")) => Tone::Good,
        (_, Some("1.2")) => Tone::Plain,
        _ => Tone::Bad,
    }
}

/// The class of a key exchange in words.
pub(crate) const fn class(class: Option<KeyExchangeClass>) -> &'static str {
    match class {
        Some(KeyExchangeClass::Classical) => "classical",
        Some(KeyExchangeClass::HybridPq) => "hybrid post-quantum",
        Some(KeyExchangeClass::Pq) => "post-quantum",
        Some(KeyExchangeClass::None) => "no ephemeral exchange",
        None => "unknown",
    }
}

/// The class of a key exchange as the events and the filter write it.
pub(crate) const fn class_key(class: Option<KeyExchangeClass>) -> &'static str {
    match class {
        Some(KeyExchangeClass::Classical) => "classical",
        Some(KeyExchangeClass::HybridPq) => "hybrid_pq",
        Some(KeyExchangeClass::Pq) => "pq",
        Some(KeyExchangeClass::None) => "none",
        None => "unknown",
    }
}

/// How good a class of key exchange is.
pub(crate) const fn class_tone(class: Option<KeyExchangeClass>) -> Tone {
    match class {
        Some(KeyExchangeClass::HybridPq | KeyExchangeClass::Pq) => Tone::Good,
        Some(KeyExchangeClass::Classical) => Tone::Plain,
        Some(KeyExchangeClass::None) => Tone::Bad,
        None => Tone::Dim,
    }
}

/// A cipher suite, from its whole name down to its bulk cipher: each form shorter than the last.
///
/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`, `ECDHE-RSA-AES128-GCM`
/// and `AES128-GCM`.
pub(crate) fn cipher_forms(name: &str) -> [String; 3] {
    let name = clean(name);
    let stem = name.strip_prefix("TLS_").or_else(|| name.strip_prefix("SSL_")).unwrap_or(&name);
    let (exchange, bulk) = stem.split_once("_WITH_").map_or(("", stem), |(kx, bulk)| (kx, bulk));
    let joined = |text: &str| {
        text.replace("AES_", "AES").replace("CHACHA20_POLY1305", "CHACHA20").replace('_', "-")
    };
    let exchange = joined(exchange);
    let bulk = joined(bulk);
    let without_hash = ["-SHA256", "-SHA384", "-SHA512", "-SHA", "-MD5"]
        .iter()
        .find_map(|hash| bulk.strip_suffix(hash))
        .unwrap_or(&bulk);
    let prefixed = |bulk: &str| {
        if exchange.is_empty() { bulk.to_owned() } else { format!("{exchange}-{bulk}") }
    };
    [prefixed(&bulk), prefixed(without_hash), without_hash.to_owned()]
}

/// The key of the server's certificate: `RSA-2048`, `ECDSA P-256`, `Ed25519`.
pub(crate) fn certificate_key(event: &TlsEvent) -> Option<String> {
    let x509 = event.tls.server.x509.as_ref()?;
    let algorithm = clean(&x509.public_key_algorithm);
    Some(match (&x509.public_key_curve, x509.public_key_size) {
        (Some(curve), _) => format!("{algorithm} {}", clean(curve)),
        (None, Some(bits)) if matches!(algorithm.as_str(), "RSA" | "DSA") => {
            format!("{algorithm}-{bits}")
        }
        _ => algorithm,
    })
}

/// The server's certificate: how long it is valid for if it was seen, why it was not if not.
pub(crate) fn certificate_state(event: &TlsEvent) -> (String, Tone) {
    let certificate = &event.tlsight.certificate;
    match (certificate.state, certificate.days_left) {
        (CertificateState::Visible, Some(days)) if days < 0 => {
            (format!("expired {}d", days.unsigned_abs()), Tone::Bad)
        }
        (CertificateState::Visible, Some(days)) if days < SOON_DAYS => {
            (format!("{days}d"), Tone::Notice)
        }
        (CertificateState::Visible, Some(days)) => (format!("{days}d"), Tone::Plain),
        (CertificateState::Visible, None) => ("visible".to_owned(), Tone::Plain),
        (CertificateState::Encrypted, _) => ("encrypted".to_owned(), Tone::Dim),
        (CertificateState::Resumed, _) => ("resumed".to_owned(), Tone::Dim),
        (CertificateState::Absent, _) => ("-".to_owned(), Tone::Dim),
    }
}

/// The server's certificate in at most six columns, for all but the oldest and newest of them.
pub(crate) fn certificate_state_brief(event: &TlsEvent) -> String {
    let certificate = &event.tlsight.certificate;
    match (certificate.state, certificate.days_left) {
        (CertificateState::Visible, Some(days)) => format!("{days}d"),
        (CertificateState::Visible, None) => "seen".to_owned(),
        (CertificateState::Encrypted, _) => "enc".to_owned(),
        // The flags say that the session was resumed.
        (CertificateState::Resumed | CertificateState::Absent, _) => "-".to_owned(),
    }
}

/// The server's common name, or its first alternative name.
pub(crate) fn certificate_name(event: &TlsEvent) -> Option<&str> {
    let x509 = event.tls.server.x509.as_ref()?;
    let common = x509.subject.common_name.as_deref().filter(|name| !name.is_empty());
    common.or_else(|| x509.alternative_names.first().map(String::as_str))
}

/// What else there is to say of a session, most urgent first.
pub(crate) fn flags(event: &TlsEvent) -> Vec<(String, Tone)> {
    let mut flags = trouble(event);
    let mut note = |text: String| flags.push((text, Tone::Plain));
    let tlsight = &event.tlsight;
    if let Some(group) = &tlsight.key_exchange.hello_retry {
        note(format!("hrr:{}", clean(group)));
    }
    if event.tls.resumed {
        note(match tlsight.resumption.method {
            Some(method) => format!("resumed:{}", method.name()),
            None => "resumed".to_owned(),
        });
    }
    match tlsight.early_data {
        EarlyData::None => {}
        EarlyData::Offered => note("0rtt?".to_owned()),
        EarlyData::Accepted => note("0rtt".to_owned()),
        EarlyData::Rejected => note("0rtt:rejected".to_owned()),
    }
    match tlsight.ech {
        // The two look alike by design, and most of what browsers send is GREASE.
        Ech::None | Ech::Grease => {}
        Ech::Offered => note("ech?".to_owned()),
        Ech::Accepted => note("ech".to_owned()),
        Ech::Rejected => note("ech:rejected".to_owned()),
    }
    if let Some(protocol) = tlsight.starttls {
        note(protocol.to_owned());
    }
    match tlsight.carrier {
        event::Carrier::Tcp => {}
        event::Carrier::Quic => note("quic".to_owned()),
        event::Carrier::Dtls => note("dtls".to_owned()),
    }
    if event.tls.client.x509.is_some() {
        note("client-cert".to_owned());
    }
    flags
}

fn trouble(event: &TlsEvent) -> Vec<(String, Tone)> {
    let tlsight = &event.tlsight;
    let mut flags = Vec::new();
    let alerts = event.tls.detailed.iter().flat_map(|detailed| &detailed.alerts);
    let mut failing = alerts.filter(|alert| alert.severity == "fatal").peekable();
    if failing.peek().is_none() && event.event.outcome == "failure" {
        flags.push(("failed".to_owned(), Tone::Bad));
    }
    for alert in failing {
        let flag = (format!("alert:{}", clean(&alert.kind)), Tone::Bad);
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    for anomaly in &tlsight.anomalies {
        flags.push((format!("!{}", clean(anomaly)), Tone::Bad));
    }
    if tlsight.downgrade.fallback_scsv {
        flags.push(("fallback".to_owned(), Tone::Notice));
    }
    if tlsight.certificate.sni_match == Some(false) {
        flags.push(("name-mismatch".to_owned(), Tone::Notice));
    }
    if tlsight.certificate.self_signed == Some(true) {
        flags.push(("self-signed".to_owned(), Tone::Notice));
    }
    for reason in &tlsight.partial {
        flags.push((format!("partial:{}", clean(reason)), Tone::Notice));
    }
    flags
}

/// A certificate that ends within a month should have been replaced: those of public authorities
/// are renewed with a third of their life left, which is 30 of the common 90 days.
const SOON_DAYS: i64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn cipher_suites_read_as_openssl_writes_them() {
        assert_eq!(
            cipher_forms("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM", "AES128-GCM"]
        );
        assert_eq!(
            cipher_forms("TLS_CHACHA20_POLY1305_SHA256"),
            ["CHACHA20-SHA256", "CHACHA20", "CHACHA20"]
        );
        assert_eq!(
            cipher_forms("TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
            ["RSA-3DES-EDE-CBC-SHA", "RSA-3DES-EDE-CBC", "3DES-EDE-CBC"]
        );
        assert_eq!(cipher_forms("0x1234"), ["0x1234", "0x1234", "0x1234"]);
    }

    #[test]
    fn a_certificate_shows_how_long_it_lasts() {
        let state = |days| {
            let mut event = sample::tls12();
            event.tlsight.certificate.days_left = days;
            certificate_state(&event)
        };
        assert_eq!(state(Some(-12)), ("expired 12d".to_owned(), Tone::Bad));
        assert_eq!(state(Some(0)), ("0d".to_owned(), Tone::Notice));
        assert_eq!(state(Some(29)), ("29d".to_owned(), Tone::Notice));
        assert_eq!(state(Some(30)), ("30d".to_owned(), Tone::Plain));
        assert_eq!(state(None), ("visible".to_owned(), Tone::Plain));
    }

    #[test]
    fn trouble_comes_before_news() {
        let mut event = sample::tls12();
        event.tls.resumed = true;
        event.tlsight.starttls = Some("smtp");
        event.tlsight.anomalies = vec!["overlap".into()];
        event.tlsight.partial = vec!["gap".into()];
        event.tlsight.downgrade.fallback_scsv = true;
        let words: Vec<String> = flags(&event).into_iter().map(|(text, _)| text).collect();
        assert_eq!(words, ["!overlap", "fallback", "partial:gap", "resumed", "smtp"]);
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
        assert_eq!(flags(&event), [("failed".to_owned(), Tone::Bad)]);
    }

    #[test]
    fn a_fatal_alert_is_the_first_flag() {
        let mut event = sample::tls13();
        event.event.outcome = "failure";
        event.tls.resumed = true;
        let detailed = event.tls.detailed.as_mut().unwrap();
        detailed.alerts = vec![sample::fatal("handshake_failure"); 2];
        let words: Vec<String> = flags(&event).into_iter().map(|(text, _)| text).collect();
        assert_eq!(words, ["alert:handshake_failure", "resumed"]);
    }
}
