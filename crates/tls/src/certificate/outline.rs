//! The outer structure of a certificate: where its parts are.

use wire::Reader;

use super::anomaly::{Anomalies, MALFORMED, SERIAL_NUMBER_TOO_LONG, TRAILING_BYTES};
use super::der::{INTEGER, SEQUENCE, element, tagged};
use super::serial_number;

/// The parts of a certificate (RFC 5280 section 4.1), each `None` if missing or out of place.
///
/// The last part of a truncated certificate is what is there of it.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    /// 1, 2 or 3; 0 if it cannot be read.
    pub(super) version: u32,
    /// Contents of the `INTEGER`.
    pub(super) serial: Option<&'a [u8]>,
    /// The algorithm in the signed part.
    pub(super) inner_signature: Option<&'a [u8]>,
    /// The algorithm beside the signature.
    pub(super) outer_signature: Option<&'a [u8]>,
    pub(super) issuer: Option<&'a [u8]>,
    /// Contents of the `SEQUENCE`.
    pub(super) validity: Option<&'a [u8]>,
    pub(super) subject: Option<&'a [u8]>,
    pub(super) public_key: Option<&'a [u8]>,
    /// Contents of the `SEQUENCE OF Extension`.
    pub(super) extensions: Option<&'a [u8]>,
}

impl<'a> Outline<'a> {
    pub(super) fn read(der: &'a [u8], anomalies: &mut Anomalies) -> Self {
        let mut outline = Self::default();
        let mut input = Reader::new(der);
        let Some(certificate) = tagged(&mut input, SEQUENCE) else {
            anomalies.add(MALFORMED);
            return outline;
        };
        if !input.is_empty() {
            anomalies.add(TRAILING_BYTES);
        }
        let mut parts = Reader::new(certificate.contents);
        let signed = tagged(&mut parts, SEQUENCE);
        let all_signed = signed.is_some_and(|signed| {
            outline.signed_part(Reader::new(signed.contents)).is_some() && signed.complete
        });
        outline.outer_signature = tagged(&mut parts, SEQUENCE).map(|part| part.raw);
        let signature = element(&mut parts).is_some_and(|signature| signature.complete);
        if !(all_signed && signature && certificate.complete && parts.is_empty()) {
            anomalies.add(MALFORMED);
        }
        outline
    }

    /// The serial number in decimal.
    pub(super) fn serial_number(&self, anomalies: &mut Anomalies) -> String {
        match self.serial {
            None => String::new(),
            Some([]) => {
                anomalies.add(MALFORMED);
                String::new()
            }
            Some(serial) => serial_number::decimal(serial).unwrap_or_else(|| {
                anomalies.add(SERIAL_NUMBER_TOO_LONG);
                String::new()
            }),
        }
    }

    /// Reads a `TBSCertificate`; `None` if a part is missing, with those before it read.
    fn signed_part(&mut self, mut parts: Reader<'a>) -> Option<()> {
        let version = tagged(&mut parts, VERSION);
        self.serial = Some(tagged(&mut parts, INTEGER)?.contents);
        self.version = match version {
            None => 1,
            Some(version) => {
                let number = tagged(&mut Reader::new(version.contents), INTEGER)?;
                match number.contents {
                    [number] => u32::from(*number).saturating_add(1),
                    _ => return None,
                }
            }
        };
        self.inner_signature = Some(tagged(&mut parts, SEQUENCE)?.raw);
        self.issuer = Some(tagged(&mut parts, SEQUENCE)?.raw);
        self.validity = Some(tagged(&mut parts, SEQUENCE)?.contents);
        self.subject = Some(tagged(&mut parts, SEQUENCE)?.raw);
        self.public_key = Some(tagged(&mut parts, SEQUENCE)?.raw);
        for unique_id in UNIQUE_IDS {
            tagged(&mut parts, unique_id);
        }
        if let Some(extensions) = tagged(&mut parts, EXTENSIONS) {
            let list = tagged(&mut Reader::new(extensions.contents), SEQUENCE)?;
            self.extensions = Some(list.contents);
        }
        parts.is_empty().then_some(())
    }
}

/// `[0]`, explicit.
const VERSION: u8 = 0xa0;

/// `[1]` and `[2]`, implicit.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];

/// `[3]`, explicit.
const EXTENSIONS: u8 = 0xa3;
