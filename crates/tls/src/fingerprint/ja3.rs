//! JA3 and JA3S (<https://github.com/salesforce/ja3>, BSD-3-Clause).

use md5::{Digest, Md5};

use super::push_decimal;
use crate::grease::is_grease;
use crate::handshake::{ClientHello, ServerHello};

/// The JA3 fingerprint of a client: the MD5 digest of [`ja3_string`].
#[must_use]
pub fn ja3(hello: &ClientHello<'_>) -> [u8; 16] {
    Md5::digest(ja3_string(hello).as_bytes()).into()
}

/// What JA3 digests: version, cipher suites, extensions, groups and point formats in decimal,
/// without GREASE.
#[must_use]
pub fn ja3_string(hello: &ClientHello<'_>) -> String {
    let mut text = String::with_capacity(256);
    push_decimal(&mut text, hello.legacy_version.0);
    text.push(',');
    push_list(&mut text, hello.cipher_suites.iter().map(|suite| suite.0));
    text.push(',');
    push_list(&mut text, hello.extensions.iter().map(|extension| extension.kind.0));
    text.push(',');
    if let Some(groups) = hello.supported_groups() {
        push_list(&mut text, groups.iter().map(|group| group.0));
    }
    text.push(',');
    if let Some(formats) = hello.ec_point_formats() {
        push_list(&mut text, formats.iter().map(|format| u16::from(format.0)));
    }
    text
}

/// The JA3S fingerprint of a server: the MD5 digest of [`ja3s_string`].
#[must_use]
pub fn ja3s(hello: &ServerHello<'_>) -> [u8; 16] {
    Md5::digest(ja3s_string(hello).as_bytes()).into()
}

/// What JA3S digests: version, cipher suite and extensions in decimal.
#[must_use]
pub fn ja3s_string(hello: &ServerHello<'_>) -> String {
    let mut text = String::with_capacity(64);
    push_decimal(&mut text, hello.legacy_version.0);
    text.push(',');
    push_decimal(&mut text, hello.cipher_suite.0);
    text.push(',');
    push_list(&mut text, hello.extensions.iter().map(|extension| extension.kind.0));
    text
}

fn push_list(text: &mut String, values: impl Iterator<Item = u16>) {
    let mut is_first = true;
    for value in values.filter(|value| !is_grease(*value)) {
        if !is_first {
            text.push('-');
        }
        is_first = false;
        push_decimal(text, value);
    }
}
