//! `CertificateRequest` (RFC 5246 section 7.4.4, RFC 9846 section 4.3.2).

use wire::Reader;

use crate::extension;
use crate::extension::Extensions;
use crate::list::{U8List, U16List};
use crate::malformed::{Field, Malformed};
use crate::registry::{ClientCertificateType, ExtensionType, SignatureScheme};
use crate::version::ProtocolVersion;

/// What a server accepts from a client that shall authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// Kinds of certificates; none in TLS 1.3.
    pub certificate_types: U8List<'a, ClientCertificateType>,
    /// Signature schemes; none before TLS 1.2.
    pub signature_algorithms: Option<U16List<'a, SignatureScheme>>,
    authorities: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    /// Reads the body of the message as sent in `version`, TLS 1.2 or older.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse(body: &'a [u8], version: ProtocolVersion) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let certificate_types = U8List::new(reader.prefixed_u8().field("certificate_types")?);
        let signature_algorithms = if version.age_rank() >= ProtocolVersion::TLS12.age_rank() {
            Some(U16List::new(reader.prefixed_u16().field("supported_signature_algorithms")?))
        } else {
            None
        };
        let authorities = reader.prefixed_u16().field("certificate_authorities")?;
        Ok(Self { certificate_types, signature_algorithms, authorities })
    }

    /// Reads the body of the message as sent in TLS 1.3.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse_tls13(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.prefixed_u8().field("certificate_request_context")?;
        let extensions = Extensions::new(reader.prefixed_u16().field("extensions")?);
        let signature_algorithms = extensions
            .find(ExtensionType::SIGNATURE_ALGORITHMS)
            .map(extension::signature_algorithms)
            .transpose()?;
        let authorities = match extensions.find(ExtensionType::CERTIFICATE_AUTHORITIES) {
            Some(body) => Reader::new(body).prefixed_u16().field("authorities")?,
            None => &[],
        };
        Ok(Self { certificate_types: U8List::new(&[]), signature_algorithms, authorities })
    }

    /// Names of the certification authorities in DER, up to the first that is not all there and at
    /// most [`MAX_AUTHORITIES`].
    pub fn authorities(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.authorities);
        std::iter::from_fn(move || reader.prefixed_u16().ok()).take(MAX_AUTHORITIES)
    }
}

/// Most authorities looked at in one message: as many as the largest trust store has.
pub const MAX_AUTHORITIES: usize = 512;
