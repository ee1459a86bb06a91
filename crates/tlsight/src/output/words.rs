//! The facts of a session in the words that people use for them.

use event::{CertificateState, KeyExchangeClass, Tls, TlsEvent};

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
        text.replace("AES_", "AES")
            .replace("3DES_EDE", "3DES")
            .replace("CHACHA20_POLY1305", "CHACHA20")
            .replace('_', "-")
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
            ["RSA-3DES-CBC-SHA", "RSA-3DES-CBC", "3DES-CBC"]
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
}
