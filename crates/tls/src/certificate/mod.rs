//! X.509 certificates (RFC 5280) as [`event::Certificate`], whatever state they are in.
//!
//! The outside of a certificate is walked here and its parts are read one by one, so that one that is
//! malformed costs that part and not the certificate.

mod algorithm;
mod anomaly;
mod cache;
mod coverage;
mod der;
mod digest;
mod extension;
mod name;
mod oid;
mod outline;
mod plain;
mod public_key;
mod sct;
mod serial_number;
#[cfg(test)]
mod tests;
mod text;
mod validity;

use std::sync::Arc;

use event::{Certificate, Shared, X509};

pub use anomaly::{
    ALTERNATIVE_NAMES_TRUNCATED, DATE_IRREGULAR, DATE_MALFORMED, MALFORMED, NAME_CONTROL_CHARACTER,
    NAME_TRUNCATED, SERIAL_NUMBER_TOO_LONG, SIGNATURE_ALGORITHM_MISMATCH, TRAILING_BYTES,
};
pub use cache::{CertificateCache, MAX_CACHED_CERTIFICATES, MAX_CACHED_DER_LEN};
pub use coverage::covers;
pub use digest::Fingerprints;
pub use sct::scts;
pub use validity::days_left;

use anomaly::Anomalies;
use extension::Extensions;
use outline::Outline;

/// What is kept of a certificate beside what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Which digests of the DER form are computed.
    pub fingerprints: Fingerprints,
    /// Whether the PEM text is kept.
    pub include_raw: bool,
}

/// The distinguished name in DER form `der`, as a `CertificateRequest` lists those of authorities;
/// empty if it cannot be read.
#[must_use]
pub fn distinguished_name(der: &[u8]) -> String {
    name::read(Some(der), &mut Anomalies::default()).distinguished_name
}

/// Reads a certificate in DER form.
///
/// What cannot be read is left empty and named in `anomalies`; digests and PEM are those of `der`
/// whatever it holds.
#[must_use]
pub fn parse(der: &[u8], settings: &Settings) -> Certificate {
    let mut anomalies = Anomalies::default();
    let outline = Outline::read(der, &mut anomalies);
    let issuer = name::read(outline.issuer, &mut anomalies);
    let subject = name::read(outline.subject, &mut anomalies);
    let (not_before, not_after) = validity::read(outline.validity, &mut anomalies);
    let key = public_key::read(outline.public_key, &mut anomalies);
    let extensions = Extensions::read(outline.extensions, &mut anomalies);
    let signature_algorithm = algorithm::signature(&outline, &mut anomalies);
    let serial_number = outline.serial_number(&mut anomalies);
    let self_signed = outline.subject.is_some() && outline.subject == outline.issuer;
    let (issuer_name, subject_name) =
        (Arc::from(&*issuer.distinguished_name), Arc::from(&*subject.distinguished_name));
    Certificate {
        x509: Shared::new(X509 {
            version_number: outline.version,
            serial_number,
            issuer,
            subject,
            not_before,
            not_after,
            public_key_algorithm: key.algorithm,
            public_key_size: key.bits,
            public_key_exponent: key.exponent,
            public_key_curve: key.curve,
            signature_algorithm,
            alternative_names: extensions.alternative_names,
            key_usage: extensions.key_usage,
            extended_key_usage: extensions.extended_key_usage,
            is_ca: extensions.is_ca,
        }),
        hash: Shared::new(settings.fingerprints.of(der)),
        pem: settings.include_raw.then(|| Shared::new(digest::pem(der))),
        subject: subject_name,
        issuer: issuer_name,
        self_signed,
        scts: extensions.scts,
        anomalies: anomalies.into_names(),
    }
}
