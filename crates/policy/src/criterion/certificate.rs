//! The server's certificate.

use event::CertificateState;

use super::fact::{Fact, Facts};
use crate::posture::CertificatePosture;
use crate::subject::Subject;

pub(super) fn state<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::text(match subject.posture.certificate.state {
        CertificateState::Visible => "visible",
        CertificateState::Encrypted => "encrypted",
        CertificateState::Resumed => "resumed",
        CertificateState::Absent => "absent",
    })
    .into()
}

pub(super) const STATES: &[&str] = &["visible", "encrypted", "resumed", "absent"];

pub(super) fn expiry<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let missing = missing(&subject.posture.certificate, "when the certificate ends is not told");
    Fact::number_or(subject.days_left(), missing).into()
}

pub(super) fn lifetime<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "how long the certificate is valid is not told");
    Fact::number_or(certificate.lifetime_days(), missing).into()
}

pub(super) fn key_type<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "the type of the certificate's key is not told");
    Fact::text_or(certificate.key_type.as_deref(), missing).into()
}

pub(super) fn key_size<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "the size of the certificate's key is not told");
    Fact::number_or(certificate.key_bits, missing).into()
}

pub(super) fn signature<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "the certificate's signature is not told");
    Fact::text_or(certificate.signature_algorithm.as_deref(), missing).into()
}

pub(super) fn self_signed<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "whether the certificate is self-signed is not told");
    Fact::flag_or(certificate.self_signed, missing).into()
}

pub(super) fn name_match<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let certificate = &subject.posture.certificate;
    let missing = missing(certificate, "whether the certificate covers the name is not told");
    Fact::flag_or(certificate.sni_match, missing).into()
}

pub(super) fn issuer<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let seen = subject.session.and_then(|session| session.certificate.as_ref());
    let missing = missing(&subject.posture.certificate, "the certificate's issuer is not told");
    Fact::text_or(seen.map(|certificate| certificate.issuer.as_str()), missing).into()
}

/// Why something of the certificate is not known: it was not seen, or else `untold`.
fn missing(certificate: &CertificatePosture, untold: &'static str) -> Fact<'static> {
    Fact::Unknown(match certificate.state {
        CertificateState::Visible => untold,
        CertificateState::Encrypted => "the certificate is encrypted in TLS 1.3",
        CertificateState::Resumed => "no certificate is sent when a session is resumed",
        CertificateState::Absent => "no certificate was seen",
    })
}
