//! Certificates in DER form.

use std::hint::black_box;

use tls::certificate::{Fingerprints, Settings, covers, distinguished_name, parse, scts};

/// Parses the input as a certificate, a distinguished name and a list of timestamps.
pub fn certificate(input: &[u8]) {
    let fingerprints = Fingerprints { md5: true, sha1: true, sha256: true };
    let certificate = parse(input, &Settings { fingerprints, include_raw: true });
    black_box((covers(&certificate, "www.example.com"), covers(&certificate, "192.0.2.1")));
    black_box((distinguished_name(input), scts(input)));
}
