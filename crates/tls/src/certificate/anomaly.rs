//! What can be wrong with the form of a certificate.

use std::borrow::Cow;

use event::Name;

/// The anomalies of one certificate, each named once.
#[derive(Debug, Default)]
pub(super) struct Anomalies(Vec<Name>);

impl Anomalies {
    pub(super) fn add(&mut self, anomaly: &'static str) {
        if !self.0.iter().any(|known| known == anomaly) {
            self.0.push(Cow::Borrowed(anomaly));
        }
    }

    pub(super) fn into_names(self) -> Vec<Name> {
        self.0
    }
}

/// A part of the certificate is not valid DER or not what RFC 5280 puts there, or is missing.
pub const MALFORMED: &str = "certificate_malformed";

/// Bytes follow the certificate.
pub const TRAILING_BYTES: &str = "certificate_trailing_bytes";

/// A date of the validity tells a time in a form that RFC 5280 section 4.1.2.5 forbids: with an
/// offset from UTC, without seconds or with a fraction of one.
pub const DATE_IRREGULAR: &str = "certificate_date_irregular";

/// A date of the validity is malformed.
pub const DATE_MALFORMED: &str = "certificate_date_malformed";

/// The algorithm in the signed part is not the one beside the signature (RFC 5280 section 4.1.1.2).
pub const SIGNATURE_ALGORITHM_MISMATCH: &str = "certificate_signature_algorithm_mismatch";

/// A name holds NUL, another control character, or one that reorders text; it is shown escaped.
pub const NAME_CONTROL_CHARACTER: &str = "certificate_name_control_character";

/// A name has more attributes than are shown.
pub const NAME_TRUNCATED: &str = "certificate_name_truncated";

/// There are more alternative names than are shown.
pub const ALTERNATIVE_NAMES_TRUNCATED: &str = "certificate_alternative_names_truncated";

/// The serial number is longer than is shown; RFC 5280 section 4.1.2.2 allows 20 octets.
pub const SERIAL_NUMBER_TOO_LONG: &str = "certificate_serial_number_too_long";
