//! `CertificateStatus` (RFC 6066 section 8, RFC 6961 section 2.2).

use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::registry::{CertificateStatusType, OcspResponseStatus};

/// A stapled certificate status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatus<'a> {
    /// Kind of status.
    pub status_type: CertificateStatusType,
    /// The response in DER: that about the leaf, if there are several; empty if there is none.
    pub response: &'a [u8],
}

impl<'a> CertificateStatus<'a> {
    /// Reads the body of the message; the `status_request` of a TLS 1.3 certificate has the same.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let status_type = CertificateStatusType(reader.u8().field("status_type")?);
        let response = reader.prefixed_u24().field("response")?;
        if status_type != CertificateStatusType::OCSP_MULTI {
            return Ok(Self { status_type, response });
        }
        let mut list = Reader::new(response);
        let response = if list.is_empty() { &[] } else { list.prefixed_u24().field("response")? };
        Ok(Self { status_type, response })
    }

    /// The status that the OCSP response begins with (RFC 6960 section 4.2.1).
    #[must_use]
    pub fn response_status(&self) -> Option<OcspResponseStatus> {
        let mut reader = Reader::new(self.response);
        if reader.u8().ok()? != SEQUENCE {
            return None;
        }
        let length = reader.u8().ok()?;
        if length >= LONG_LENGTH {
            reader.take(usize::from(length.wrapping_sub(LONG_LENGTH))).ok()?;
        }
        match reader.array().ok()? {
            [ENUMERATED, 1, status] => Some(OcspResponseStatus(status)),
            _ => None,
        }
    }
}

/// Tag of a DER sequence.
const SEQUENCE: u8 = 0x30;
/// Tag of a DER enumerated value.
const ENUMERATED: u8 = 0x0a;
/// From here on a DER length says how many bytes the length itself takes.
const LONG_LENGTH: u8 = 0x80;
