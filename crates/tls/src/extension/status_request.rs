//! `status_request` (RFC 6066 section 8) and `status_request_v2` (RFC 6961).

use wire::Reader;

use super::vectors::end;
use crate::malformed::{Field, Malformed};
use crate::registry::CertificateStatusType;

/// A request for a certificate's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRequestItem {
    /// Kind of status asked for.
    pub status_type: CertificateStatusType,
    /// Length of the list of trusted responders in bytes; 0 if the kind is unknown.
    pub responder_id_list_len: u16,
    /// Length of the request extensions in bytes; 0 if the kind is unknown.
    pub request_extensions_len: u16,
}

impl StatusRequestItem {
    /// Reads the body of a client's `status_request`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let status_type = CertificateStatusType(reader.u8().field("status_type")?);
        if status_type != CertificateStatusType::OCSP {
            return Ok(Self { status_type, responder_id_list_len: 0, request_extensions_len: 0 });
        }
        let item = ocsp(status_type, &mut reader)?;
        end(&reader, "request_extensions")?;
        Ok(item)
    }
}

/// The requests of a client's `status_request_v2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRequestV2<'a> {
    list: &'a [u8],
}

impl<'a> StatusRequestV2<'a> {
    /// Reads the body of a client's `status_request_v2`.
    ///
    /// # Errors
    /// [`Malformed`] if the lengths do not fit.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let list = reader.prefixed_u16().field("certificate_status_req_list")?;
        end(&reader, "certificate_status_req_list")?;
        let mut items = Reader::new(list);
        while !items.is_empty() {
            item(&mut items)?;
        }
        Ok(Self { list })
    }

    /// The requests, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = StatusRequestItem> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || item(&mut reader).ok())
    }
}

fn item(reader: &mut Reader<'_>) -> Result<StatusRequestItem, Malformed> {
    let status_type = CertificateStatusType(reader.u8().field("status_type")?);
    let request = reader.prefixed_u16().field("request")?;
    if matches!(status_type, CertificateStatusType::OCSP | CertificateStatusType::OCSP_MULTI) {
        return ocsp(status_type, &mut Reader::new(request));
    }
    Ok(StatusRequestItem { status_type, responder_id_list_len: 0, request_extensions_len: 0 })
}

fn ocsp(
    status_type: CertificateStatusType,
    reader: &mut Reader<'_>,
) -> Result<StatusRequestItem, Malformed> {
    let responders = reader.prefixed_u16().field("responder_id_list")?;
    let extensions = reader.prefixed_u16().field("request_extensions")?;
    Ok(StatusRequestItem {
        status_type,
        responder_id_list_len: u16::try_from(responders.len()).unwrap_or(u16::MAX),
        request_extensions_len: u16::try_from(extensions.len()).unwrap_or(u16::MAX),
    })
}
