//! Signatures of a handshake (RFC 5246 sections 7.4.1.4.1 and 7.4.8, RFC 9846 section 4.4.3).

use event::Name;
use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::registry::{Authentication, SignatureScheme};
use crate::version::ProtocolVersion;

/// How a handshake message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeSignature {
    /// As the message says (TLS 1.2 and later).
    Stated(SignatureScheme),
    /// As the version and the cipher suite fix it (TLS 1.1 and older).
    Implied(SignatureScheme),
}

impl HandshakeSignature {
    /// The scheme.
    #[must_use]
    pub const fn scheme(self) -> SignatureScheme {
        match self {
            Self::Stated(scheme) | Self::Implied(scheme) => scheme,
        }
    }

    /// The name of the scheme.
    #[must_use]
    pub fn name(self) -> Name {
        self.scheme().name()
    }

    /// Reads a signature at the end of a message; `None` if the cipher suite has none.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        version: ProtocolVersion,
        authentication: Authentication,
    ) -> Result<Option<Self>, Malformed> {
        let implied = match authentication {
            Authentication::Rsa => SignatureScheme::RSA_PKCS1_MD5_SHA1,
            Authentication::Dss => SignatureScheme::DSA_SHA1,
            Authentication::Ecdsa => SignatureScheme::ECDSA_SHA1,
            Authentication::Sm2 => SM2SIG_SM3,
            Authentication::Anonymous
            | Authentication::Psk
            | Authentication::Password
            | Authentication::Krb5
            | Authentication::Gost
            | Authentication::Ibc
            | Authentication::Fortezza
            | Authentication::Certificate => return Ok(None),
        };
        let signature = if states_scheme(version) {
            Self::Stated(SignatureScheme(reader.u16().field("algorithm")?))
        } else {
            Self::Implied(implied)
        };
        reader.prefixed_u16().field("signature")?;
        Ok(Some(signature))
    }
}

/// `CertificateVerify`: how a peer proves that it has the key of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify {
    /// The scheme; absent before TLS 1.2, where the key decides.
    pub scheme: Option<SignatureScheme>,
    /// Length of the signature in bytes.
    pub signature_len: u16,
}

impl CertificateVerify {
    /// Reads the body of the message as sent in `version`.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut.
    pub fn parse(body: &[u8], version: ProtocolVersion) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let scheme = if states_scheme(version) {
            Some(SignatureScheme(reader.u16().field("algorithm")?))
        } else {
            None
        };
        let signature = reader.prefixed_u16().field("signature")?;
        let signature_len = u16::try_from(signature.len()).unwrap_or(u16::MAX);
        Ok(Self { scheme, signature_len })
    }
}

const fn states_scheme(version: ProtocolVersion) -> bool {
    version.age_rank() >= ProtocolVersion::TLS12.age_rank()
}

/// What TLCP signs with (GB/T 38636-2020).
const SM2SIG_SM3: SignatureScheme = SignatureScheme(0x0708);
