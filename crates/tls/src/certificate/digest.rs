//! Digests and PEM of the DER form.

use data_encoding::{BASE64, HEXUPPER};
use event::CertificateHash;
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Which digests of a certificate are computed; SHA-1 alone by default, as in Packetbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprints {
    /// MD5.
    pub md5: bool,
    /// SHA-1.
    pub sha1: bool,
    /// SHA-256.
    pub sha256: bool,
}

impl Default for Fingerprints {
    fn default() -> Self {
        Self { md5: false, sha1: true, sha256: false }
    }
}

impl Fingerprints {
    pub(super) fn of(self, der: &[u8]) -> CertificateHash {
        CertificateHash {
            md5: self.md5.then(|| HEXUPPER.encode(&Md5::digest(der))),
            sha1: self.sha1.then(|| HEXUPPER.encode(&Sha1::digest(der))),
            sha256: self.sha256.then(|| HEXUPPER.encode(&Sha256::digest(der))),
        }
    }
}

/// The textual form of a certificate (RFC 7468 section 5).
pub(super) fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(BYTES_A_LINE) {
        BASE64.encode_append(line, &mut text);
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// 64 characters of Base64, as RFC 7468 section 2 demands.
const BYTES_A_LINE: usize = 48;
