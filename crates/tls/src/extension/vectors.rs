//! Extensions whose body is a list or a single value.

use wire::Reader;

use crate::list::{U8List, U16List};
use crate::malformed::{Field, Malformed};
use crate::registry::{
    CertificateCompressionAlgorithm, CertificateType, EcPointFormat, NamedGroup,
    PskKeyExchangeMode, SignatureScheme,
};
use crate::version::ProtocolVersion;

/// Reads `supported_groups` (RFC 9846 section 4.2.7).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn supported_groups(body: &[u8]) -> Result<U16List<'_, NamedGroup>, Malformed> {
    list_16(body, "named_group_list").map(U16List::new)
}

/// Reads `signature_algorithms` or `signature_algorithms_cert` (RFC 9846 section 4.2.3).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn signature_algorithms(body: &[u8]) -> Result<U16List<'_, SignatureScheme>, Malformed> {
    list_16(body, "supported_signature_algorithms").map(U16List::new)
}

/// Reads `ec_point_formats` (RFC 8422 section 5.1.2).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn ec_point_formats(body: &[u8]) -> Result<U8List<'_, EcPointFormat>, Malformed> {
    list_8(body, "ec_point_format_list").map(U8List::new)
}

/// Reads `psk_key_exchange_modes` (RFC 9846 section 4.2.9).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn psk_key_exchange_modes(body: &[u8]) -> Result<U8List<'_, PskKeyExchangeMode>, Malformed> {
    list_8(body, "ke_modes").map(U8List::new)
}

/// Reads a client's `supported_versions` (RFC 9846 section 4.2.1).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn supported_versions(body: &[u8]) -> Result<U16List<'_, ProtocolVersion>, Malformed> {
    even(list_8(body, "versions")?, "versions", 1).map(U16List::new)
}

/// Reads a server's `supported_versions`.
///
/// # Errors
/// [`Malformed`] unless there are two bytes.
pub fn selected_version(body: &[u8]) -> Result<ProtocolVersion, Malformed> {
    single_16(body, "selected_version").map(ProtocolVersion)
}

/// Reads `compress_certificate` (RFC 8879 section 3).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn compress_certificate(
    body: &[u8],
) -> Result<U16List<'_, CertificateCompressionAlgorithm>, Malformed> {
    even(list_8(body, "algorithms")?, "algorithms", 1).map(U16List::new)
}

/// Reads a client's `client_certificate_type`, `server_certificate_type` or `cert_type`
/// (RFC 7250 section 3).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn certificate_types(body: &[u8]) -> Result<U8List<'_, CertificateType>, Malformed> {
    list_8(body, "certificate_types").map(U8List::new)
}

/// Reads a server's `client_certificate_type`, `server_certificate_type` or `cert_type`.
///
/// # Errors
/// [`Malformed`] unless there is one byte.
pub fn selected_certificate_type(body: &[u8]) -> Result<CertificateType, Malformed> {
    single_8(body, "certificate_type").map(CertificateType)
}

/// Reads a server's `pre_shared_key`: the index of the identity taken (RFC 9846 section 4.2.11).
///
/// # Errors
/// [`Malformed`] unless there are two bytes.
pub fn selected_psk(body: &[u8]) -> Result<u16, Malformed> {
    single_16(body, "selected_identity")
}

/// Reads `record_size_limit`, in bytes (RFC 8449 section 4).
///
/// # Errors
/// [`Malformed`] unless there are two bytes.
pub fn record_size_limit(body: &[u8]) -> Result<u16, Malformed> {
    single_16(body, "record_size_limit")
}

/// Reads `max_fragment_length`: the exponent less 8 (RFC 6066 section 4).
///
/// # Errors
/// [`Malformed`] unless there is one byte.
pub fn max_fragment_length(body: &[u8]) -> Result<u8, Malformed> {
    single_8(body, "max_fragment_length")
}

/// Reads `cookie` (RFC 9846 section 4.2.2).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn cookie(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let cookie = reader.prefixed_u16().field("cookie")?;
    end(&reader, "cookie")?;
    Ok(cookie)
}

/// Reads `renegotiation_info`: what was verified before; empty in a first handshake (RFC 5746
/// section 3.2).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn renegotiation_info(body: &[u8]) -> Result<&[u8], Malformed> {
    list_8(body, "renegotiated_connection")
}

/// Checks an extension that has no content, such as `extended_master_secret`.
///
/// # Errors
/// [`Malformed`] if there is any.
pub fn empty(body: &[u8]) -> Result<(), Malformed> {
    end(&Reader::new(body), "empty extension")
}

/// Counts the timestamps of a server's `signed_certificate_timestamp` (RFC 6962 section 3.3).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn signed_certificate_timestamps(body: &[u8]) -> Result<u32, Malformed> {
    let mut reader = Reader::new(body);
    let list = reader.prefixed_u16().field("sct_list")?;
    end(&reader, "sct_list")?;
    let mut items = Reader::new(list);
    let mut count: u32 = 0;
    while !items.is_empty() {
        items.prefixed_u16().field("sct")?;
        count = count.saturating_add(1);
    }
    Ok(count)
}

/// Reads a client's ALPN (RFC 7301 section 3.1).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn alpn(body: &[u8]) -> Result<AlpnProtocols<'_>, Malformed> {
    let list = prefixed_16(body, "protocol_name_list")?;
    let mut reader = Reader::new(list);
    while !reader.is_empty() {
        reader.prefixed_u8().field("protocol_name")?;
    }
    Ok(AlpnProtocols { list })
}

/// Reads a server's ALPN: the protocol chosen.
///
/// # Errors
/// [`Malformed`] unless there is just one.
pub fn server_alpn(body: &[u8]) -> Result<&[u8], Malformed> {
    let list = prefixed_16(body, "protocol_name_list")?;
    let mut reader = Reader::new(list);
    let name = reader.prefixed_u8().field("protocol_name")?;
    end(&reader, "protocol_name")?;
    Ok(name)
}

/// Reads a client's `application_settings`: the protocols it has settings for
/// (draft-vvv-tls-alps).
///
/// # Errors
/// [`Malformed`] if the lengths do not fit.
pub fn application_settings(body: &[u8]) -> Result<AlpnProtocols<'_>, Malformed> {
    alpn(body)
}

/// A list of ALPN protocol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlpnProtocols<'a> {
    list: &'a [u8],
}

impl<'a> AlpnProtocols<'a> {
    /// The names in the order sent, as bytes: nothing says that they are text.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.list);
        std::iter::from_fn(move || reader.prefixed_u8().ok())
    }
}

/// A vector of 16-bit values with a 16-bit length that fills the body.
fn list_16<'a>(body: &'a [u8], field: &'static str) -> Result<&'a [u8], Malformed> {
    even(prefixed_16(body, field)?, field, 2)
}

fn prefixed_16<'a>(body: &'a [u8], field: &'static str) -> Result<&'a [u8], Malformed> {
    let mut reader = Reader::new(body);
    let list = reader.prefixed_u16().field(field)?;
    end(&reader, field)?;
    Ok(list)
}

fn list_8<'a>(body: &'a [u8], field: &'static str) -> Result<&'a [u8], Malformed> {
    let mut reader = Reader::new(body);
    let list = reader.prefixed_u8().field(field)?;
    end(&reader, field)?;
    Ok(list)
}

fn single_16(body: &[u8], field: &'static str) -> Result<u16, Malformed> {
    let mut reader = Reader::new(body);
    let value = reader.u16().field(field)?;
    end(&reader, field)?;
    Ok(value)
}

fn single_8(body: &[u8], field: &'static str) -> Result<u8, Malformed> {
    let mut reader = Reader::new(body);
    let value = reader.u8().field(field)?;
    end(&reader, field)?;
    Ok(value)
}

const fn even<'a>(
    list: &'a [u8],
    field: &'static str,
    offset: usize,
) -> Result<&'a [u8], Malformed> {
    if list.len().is_multiple_of(2) {
        Ok(list)
    } else {
        Err(Malformed::Length { field, offset, len: list.len() })
    }
}

/// Checks that nothing follows.
pub(super) const fn end(reader: &Reader<'_>, field: &'static str) -> Result<(), Malformed> {
    if reader.is_empty() {
        Ok(())
    } else {
        Err(Malformed::Trailing { field, offset: reader.offset(), len: reader.remaining() })
    }
}
