//! JA4, the fingerprint of TLS clients (<https://github.com/FoxIO-LLC/ja4>, BSD-3-Clause).

use event::Carrier;
use sha2::{Digest, Sha256};

use super::push_hex;
use crate::grease::is_grease;
use crate::handshake::ClientHello;
use crate::registry::ExtensionType;
use crate::version::ProtocolVersion;

/// The JA4 fingerprint of a client, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
#[must_use]
pub fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> String {
    let suites = sorted(hello.cipher_suites.iter().map(|suite| suite.0));
    let mut extensions = sorted(hello.extensions.iter().map(|extension| extension.kind.0));
    let mut text = String::with_capacity(36);
    text.push(match carrier {
        Carrier::Tcp => 't',
        Carrier::Quic => 'q',
        Carrier::Dtls => 'd',
    });
    text.push_str(version(hello));
    let has_name = hello.extensions.contains(ExtensionType::SERVER_NAME);
    text.push(if has_name { 'd' } else { 'i' });
    push_count(&mut text, suites.len());
    push_count(&mut text, extensions.len());
    push_alpn(&mut text, hello);
    text.push('_');
    push_digest(&mut text, &suites, &[]);
    text.push('_');
    extensions
        .retain(|kind| *kind != ExtensionType::SERVER_NAME.0 && *kind != ExtensionType::ALPN.0);
    let schemes: Vec<u16> = match hello.signature_algorithms() {
        Some(schemes) => schemes.iter().map(|scheme| scheme.0).filter(|s| !is_grease(*s)).collect(),
        None => Vec::new(),
    };
    push_digest(&mut text, &extensions, &schemes);
    text
}

/// The values but for GREASE, in ascending order.
fn sorted(values: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut values: Vec<u16> = values.filter(|value| !is_grease(*value)).collect();
    values.sort_unstable();
    values
}

/// The two characters of the highest version offered.
fn version(hello: &ClientHello<'_>) -> &'static str {
    let offered = hello.supported_versions().and_then(|versions| {
        let versions = versions.iter().filter(|version| !version.is_grease());
        versions.max_by_key(|version| (version.age_rank(), version.0))
    });
    match offered.unwrap_or(hello.legacy_version) {
        ProtocolVersion::TLS13 => "13",
        ProtocolVersion::TLS12 => "12",
        ProtocolVersion::TLS11 => "11",
        ProtocolVersion::TLS10 => "10",
        ProtocolVersion::SSL3 => "s3",
        ProtocolVersion::SSL2 => "s2",
        ProtocolVersion::DTLS10 => "d1",
        ProtocolVersion::DTLS12 => "d2",
        ProtocolVersion::DTLS13 => "d3",
        _ => "00",
    }
}

fn push_count(text: &mut String, count: usize) {
    let count = u8::try_from(count).unwrap_or(u8::MAX).min(MAX_COUNT);
    for digit in [count / 10, count % 10] {
        text.push(char::from(b'0'.wrapping_add(digit)));
    }
}

/// Appends the first and last character of the first ALPN protocol; those of its hexadecimal form
/// if one of them is neither letter nor digit.
fn push_alpn(text: &mut String, hello: &ClientHello<'_>) {
    let protocol = hello.alpn().and_then(|protocols| protocols.iter().next()).unwrap_or_default();
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        text.push_str("00");
        return;
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        text.push(char::from(*first));
        text.push(char::from(*last));
    } else {
        for nibble in [first >> 4, last & 0xf] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
}

/// Appends the first twelve digits of the SHA-256 of `values`, comma-separated, with `suffix`
/// behind an underscore; zeros if there are no values.
fn push_digest(text: &mut String, values: &[u16], suffix: &[u16]) {
    if values.is_empty() {
        text.push_str("000000000000");
        return;
    }
    let mut joined = String::with_capacity(8 * (values.len() + suffix.len()));
    push_joined(&mut joined, values);
    if !suffix.is_empty() {
        joined.push('_');
        push_joined(&mut joined, suffix);
    }
    let digest: [u8; 32] = Sha256::digest(joined.as_bytes()).into();
    for byte in digest.iter().take(DIGEST_BYTES) {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
}

fn push_joined(text: &mut String, values: &[u16]) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_hex(text, *value);
    }
}

/// The largest count that JA4 writes: it has two digits.
const MAX_COUNT: u8 = 99;
/// How much of each digest JA4 keeps.
const DIGEST_BYTES: usize = 6;
