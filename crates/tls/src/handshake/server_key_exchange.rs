//! `ServerKeyExchange` (RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279, RFC 5054).

use wire::Reader;

use super::signature::HandshakeSignature;
use crate::malformed::{Field, Malformed};
use crate::registry::{Authentication, CipherSuite, KeyExchangeMethod, NamedGroup};
use crate::version::ProtocolVersion;

/// A server's part of a key exchange in TLS 1.2 and older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The parameters.
    pub parameters: ServerParameters,
    /// Hint which pre-shared key to use; absent if the cipher suite has none.
    pub psk_identity_hint: Option<&'a [u8]>,
    /// How the parameters are signed; absent if the cipher suite does not sign them.
    pub signature: Option<HandshakeSignature>,
}

/// The parameters of a key exchange. Sizes are in bits without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerParameters {
    /// Elliptic curve Diffie-Hellman over a named curve.
    NamedCurve {
        /// The curve.
        group: NamedGroup,
        /// Length of the server's point in bytes.
        point_len: u8,
    },
    /// Elliptic curve Diffie-Hellman over a curve spelt out.
    ExplicitCurve {
        /// `arbitrary_explicit_prime_curves` or `arbitrary_explicit_char2_curves`.
        group: NamedGroup,
        /// Size of the field in bits.
        field_bits: u32,
        /// Length of the server's point in bytes.
        point_len: u8,
    },
    /// Diffie-Hellman over a finite field.
    FiniteField {
        /// Size of the modulus.
        p_bits: u32,
        /// Size of the generator.
        g_bits: u32,
        /// Size of the server's public value.
        public_bits: u32,
    },
    /// Secure Remote Password.
    Srp {
        /// Size of the modulus.
        n_bits: u32,
    },
    /// A temporary RSA key.
    RsaExport {
        /// Size of the modulus.
        modulus_bits: u32,
    },
    /// None but a hint, or a signature alone.
    None,
    /// Something that is not looked into.
    Opaque {
        /// Its length in bytes.
        len: usize,
    },
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads the body of the message as sent in `version` for `cipher_suite`.
    ///
    /// # Errors
    /// [`Malformed`] if a field is cut or the kind of curve is unknown.
    pub fn parse(
        body: &'a [u8],
        version: ProtocolVersion,
        cipher_suite: CipherSuite,
    ) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let opaque = ServerParameters::Opaque { len: body.len() };
        let (Some(method), Some(authentication)) =
            (cipher_suite.key_exchange(), cipher_suite.authentication())
        else {
            return Ok(Self { parameters: opaque, psk_identity_hint: None, signature: None });
        };
        let psk_identity_hint = if has_psk_hint(method) {
            Some(reader.prefixed_u16().field("psk_identity_hint")?)
        } else {
            None
        };
        let Some(parameters) = parameters(&mut reader, method)? else {
            return Ok(Self { parameters: opaque, psk_identity_hint, signature: None });
        };
        // RFC 4279 section 4: the parameters of RSA_PSK are not signed.
        let signer =
            if method == KeyExchangeMethod::RsaPsk { Authentication::Psk } else { authentication };
        let signature = HandshakeSignature::read(&mut reader, version, signer)?;
        Ok(Self { parameters, psk_identity_hint, signature })
    }

    /// The group, of an exchange over a curve.
    #[must_use]
    pub const fn group(&self) -> Option<NamedGroup> {
        if let ServerParameters::NamedCurve { group, .. }
        | ServerParameters::ExplicitCurve { group, .. } = self.parameters
        {
            return Some(group);
        }
        None
    }

    /// Size of the modulus of a finite-field Diffie-Hellman exchange in bits.
    #[must_use]
    pub const fn dh_bits(&self) -> Option<u32> {
        if let ServerParameters::FiniteField { p_bits, .. } = self.parameters {
            return Some(p_bits);
        }
        None
    }
}

const fn has_psk_hint(method: KeyExchangeMethod) -> bool {
    matches!(
        method,
        KeyExchangeMethod::Psk
            | KeyExchangeMethod::RsaPsk
            | KeyExchangeMethod::DhePsk
            | KeyExchangeMethod::EcdhePsk
    )
}

/// Reads the parameters of `method`; `None` if they have no form that is known.
fn parameters(
    reader: &mut Reader<'_>,
    method: KeyExchangeMethod,
) -> Result<Option<ServerParameters>, Malformed> {
    Ok(Some(match method {
        KeyExchangeMethod::Ecdhe | KeyExchangeMethod::EcdhePsk | KeyExchangeMethod::Sm2dhe => {
            curve(reader)?
        }
        KeyExchangeMethod::Dhe | KeyExchangeMethod::DhePsk => ServerParameters::FiniteField {
            p_bits: number(reader, "dh_p")?,
            g_bits: number(reader, "dh_g")?,
            public_bits: number(reader, "dh_Ys")?,
        },
        KeyExchangeMethod::Srp => {
            let n_bits = number(reader, "srp_N")?;
            number(reader, "srp_g")?;
            reader.prefixed_u8().field("srp_s")?;
            number(reader, "srp_B")?;
            ServerParameters::Srp { n_bits }
        }
        KeyExchangeMethod::RsaExport => {
            let modulus_bits = number(reader, "rsa_modulus")?;
            number(reader, "rsa_exponent")?;
            ServerParameters::RsaExport { modulus_bits }
        }
        KeyExchangeMethod::Psk | KeyExchangeMethod::RsaPsk | KeyExchangeMethod::Sm2 => {
            ServerParameters::None
        }
        KeyExchangeMethod::Null
        | KeyExchangeMethod::Rsa
        | KeyExchangeMethod::Dh
        | KeyExchangeMethod::Ecdh
        | KeyExchangeMethod::Krb5
        | KeyExchangeMethod::Eccpwd
        | KeyExchangeMethod::Ecjpake
        | KeyExchangeMethod::Gost
        | KeyExchangeMethod::Ibc
        | KeyExchangeMethod::Ibcdh
        | KeyExchangeMethod::Fortezza
        | KeyExchangeMethod::Cecpq1
        | KeyExchangeMethod::Tls13 => return Ok(None),
    }))
}

/// Reads the curve and the server's point (RFC 4492 section 5.4 for curves spelt out).
fn curve(reader: &mut Reader<'_>) -> Result<ServerParameters, Malformed> {
    let offset = reader.offset();
    match reader.u8().field("curve_type")? {
        EXPLICIT_PRIME => {
            let field_bits = bits(reader.prefixed_u8().field("prime_p")?);
            explicit_rest(reader, EXPLICIT_PRIME_GROUP, field_bits)
        }
        EXPLICIT_CHAR2 => {
            let field_bits = u32::from(reader.u16().field("m")?);
            // A trinomial has one exponent, a pentanomial three.
            let basis_offset = reader.offset();
            let exponents = match reader.u8().field("basis")? {
                1 => 1,
                2 => 3,
                other => {
                    let value = u32::from(other);
                    return Err(Malformed::Value { field: "basis", offset: basis_offset, value });
                }
            };
            for _ in 0..exponents {
                reader.prefixed_u8().field("k")?;
            }
            explicit_rest(reader, EXPLICIT_CHAR2_GROUP, field_bits)
        }
        NAMED => {
            let group = NamedGroup(reader.u16().field("namedcurve")?);
            Ok(ServerParameters::NamedCurve { group, point_len: point(reader)? })
        }
        other => Err(Malformed::Value { field: "curve_type", offset, value: u32::from(other) }),
    }
}

fn explicit_rest(
    reader: &mut Reader<'_>,
    group: NamedGroup,
    field_bits: u32,
) -> Result<ServerParameters, Malformed> {
    for field in ["a", "b", "base", "order", "cofactor"] {
        reader.prefixed_u8().field(field)?;
    }
    Ok(ServerParameters::ExplicitCurve { group, field_bits, point_len: point(reader)? })
}

fn point(reader: &mut Reader<'_>) -> Result<u8, Malformed> {
    let point = reader.prefixed_u8().field("point")?;
    Ok(u8::try_from(point.len()).unwrap_or(u8::MAX))
}

/// Reads a number and gives its size in bits.
fn number(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, Malformed> {
    reader.prefixed_u16().field(field).map(bits)
}

/// Size of a number in bits.
fn bits(number: &[u8]) -> u32 {
    let mut rest = number;
    while let [0, tail @ ..] = rest {
        rest = tail;
    }
    let Some(first) = rest.first() else { return 0 };
    let bytes = u32::try_from(rest.len()).unwrap_or(u32::MAX);
    bytes.saturating_mul(8).saturating_sub(first.leading_zeros())
}

/// Kinds of curves (RFC 4492 section 5.4).
const EXPLICIT_PRIME: u8 = 1;
const EXPLICIT_CHAR2: u8 = 2;
const NAMED: u8 = 3;

/// Groups that stand for curves spelt out (RFC 4492 section 5.1.1).
const EXPLICIT_PRIME_GROUP: NamedGroup = NamedGroup(0xff01);
const EXPLICIT_CHAR2_GROUP: NamedGroup = NamedGroup(0xff02);
