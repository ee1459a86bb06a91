//! Public keys: their type, size, exponent and curve.

use std::borrow::Cow;

use event::Name;
use wire::Reader;

use super::algorithm::AlgorithmIdentifier;
use super::anomaly::{Anomalies, MALFORMED};
use super::der::{BIT_STRING, Element, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, element, tagged};
use super::oid::{self, Oid, named};

/// What a certificate says of its key.
#[derive(Debug, Default)]
pub(super) struct PublicKey {
    pub(super) algorithm: Name,
    pub(super) bits: Option<u32>,
    pub(super) exponent: Option<u64>,
    pub(super) curve: Option<Name>,
}

/// Reads a `SubjectPublicKeyInfo` in DER form.
pub(super) fn read(der: Option<&[u8]>, anomalies: &mut Anomalies) -> PublicKey {
    let Some(der) = der else {
        return PublicKey::default();
    };
    let Some((algorithm, key)) = split(der) else {
        anomalies.add(MALFORMED);
        return PublicKey::default();
    };
    let mut public_key = PublicKey::default();
    let readable = match Oid::read(algorithm.oid) {
        Some(RSA | RSASSA_PSS | RSAES_OAEP) => rsa(key, &mut public_key).is_some(),
        Some(EC | ECDH | ECMQV) => curve(algorithm.parameters, &mut public_key).is_some(),
        Some(DSA | DH_X942 | DH_PKCS3) => {
            public_key.bits = algorithm.parameters.and_then(first_integer_bits);
            true
        }
        _ => {
            public_key.bits = bits(key.len());
            true
        }
    };
    if !readable {
        anomalies.add(MALFORMED);
    }
    public_key.algorithm = named(&[KEYS, POST_QUANTUM], algorithm.oid);
    public_key
}

fn split(der: &[u8]) -> Option<(AlgorithmIdentifier<'_>, &[u8])> {
    let info = tagged(&mut Reader::new(der), SEQUENCE)?;
    let mut parts = Reader::new(info.contents);
    let algorithm = tagged(&mut parts, SEQUENCE)?;
    let key = tagged(&mut parts, BIT_STRING).filter(|key| key.complete)?;
    let (_unused_bits, key) = key.contents.split_first()?;
    Some((AlgorithmIdentifier::read(algorithm.contents)?, key))
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(key: &[u8], public_key: &mut PublicKey) -> Option<()> {
    let sequence = tagged(&mut Reader::new(key), SEQUENCE)?;
    let mut integers = Reader::new(sequence.contents);
    public_key.bits = integer_bits(tagged(&mut integers, INTEGER)?.contents);
    let exponent = tagged(&mut integers, INTEGER)?.contents;
    public_key.exponent = match exponent {
        [] | [0x80..=0xff, ..] => return None,
        bytes => bytes.iter().try_fold(0_u64, |value, byte| {
            value.checked_mul(1 << 8)?.checked_add(u64::from(*byte))
        }),
    };
    Some(())
}

/// `ECParameters` (RFC 5480 section 2.1.1, RFC 3279 section 2.3.5).
fn curve(parameters: Option<Element<'_>>, public_key: &mut PublicKey) -> Option<()> {
    let parameters = parameters?;
    match parameters.tag {
        OBJECT_IDENTIFIER => {
            let oid = Oid::read(parameters.contents);
            let known = oid.and_then(|oid| CURVES.iter().find(|(known, ..)| *known == oid));
            public_key.bits = known.map(|(_, _, bits)| *bits);
            public_key.curve = Some(known.map_or_else(
                || Cow::Owned(oid::text(parameters.contents)),
                |(_, name, _)| Cow::Borrowed(*name),
            ));
        }
        SEQUENCE => {
            public_key.curve = Some(Cow::Borrowed("explicit"));
            public_key.bits = explicit_bits(parameters.contents);
        }
        _ => return None,
    }
    Some(())
}

/// Size of the prime field of explicit parameters.
fn explicit_bits(contents: &[u8]) -> Option<u32> {
    let mut parts = Reader::new(contents);
    tagged(&mut parts, INTEGER)?;
    let field = tagged(&mut parts, SEQUENCE)?;
    let mut parts = Reader::new(field.contents);
    let kind = tagged(&mut parts, OBJECT_IDENTIFIER)?;
    let prime = element(&mut parts)?;
    (Oid::read(kind.contents) == Some(PRIME_FIELD)).then(|| integer_bits(prime.contents)).flatten()
}

/// The first integer of the parameters of DSA and Diffie-Hellman is the prime.
fn first_integer_bits(parameters: Element<'_>) -> Option<u32> {
    let prime = tagged(&mut Reader::new(parameters.contents), INTEGER)?;
    integer_bits(prime.contents)
}

/// Length of a positive integer in bits.
fn integer_bits(contents: &[u8]) -> Option<u32> {
    if contents.first().is_none_or(|first| first & 0x80 != 0) {
        return None;
    }
    let zeros = contents.iter().take_while(|byte| **byte == 0).count();
    let significant = contents.get(zeros..)?;
    let unused = significant.first().map_or(0, |first| first.leading_zeros());
    bits(significant.len())?.checked_sub(unused)
}

fn bits(bytes: usize) -> Option<u32> {
    u32::try_from(bytes).ok()?.checked_mul(8)
}

const RSA: Oid = Oid::new("1.2.840.113549.1.1.1");
const RSASSA_PSS: Oid = Oid::new("1.2.840.113549.1.1.10");
const RSAES_OAEP: Oid = Oid::new("1.2.840.113549.1.1.7");
const DSA: Oid = Oid::new("1.2.840.10040.4.1");
const DH_X942: Oid = Oid::new("1.2.840.10046.2.1");
const DH_PKCS3: Oid = Oid::new("1.2.840.113549.1.3.1");
const EC: Oid = Oid::new("1.2.840.10045.2.1");
const ECDH: Oid = Oid::new("1.3.132.1.12");
const ECMQV: Oid = Oid::new("1.3.132.1.13");
const PRIME_FIELD: Oid = Oid::new("1.2.840.10045.1.1");

const KEYS: &[(Oid, &str)] = &[
    (RSA, "RSA"),
    (EC, "ECDSA"),
    (Oid::new("1.3.101.112"), "Ed25519"),
    (Oid::new("1.3.101.113"), "Ed448"),
    (Oid::new("1.3.101.110"), "X25519"),
    (Oid::new("1.3.101.111"), "X448"),
    (RSASSA_PSS, "RSA-PSS"),
    (RSAES_OAEP, "RSA-OAEP"),
    (DSA, "DSA"),
    (DH_X942, "DH"),
    (DH_PKCS3, "DH"),
    (ECDH, "ECDH"),
    (ECMQV, "ECMQV"),
    (Oid::new("1.2.643.2.2.20"), "GOST3410-94"),
    (Oid::new("1.2.643.2.2.19"), "GOST3410-2001"),
    (Oid::new("1.2.643.7.1.1.1.1"), "GOST3410-2012-256"),
    (Oid::new("1.2.643.7.1.1.1.2"), "GOST3410-2012-512"),
];

/// Algorithms whose keys and signatures share an identifier: ML-DSA (RFC 9881), SLH-DSA (RFC 9909), ML-KEM (RFC 9935), stateful hash-based signatures
/// (RFC 9802) and composite ML-DSA (draft-ietf-lamps-pq-composite-sigs).
pub(super) const POST_QUANTUM: &[(Oid, &str)] = &[
    (Oid::new("2.16.840.1.101.3.4.3.17"), "ML-DSA-44"),
    (Oid::new("2.16.840.1.101.3.4.3.18"), "ML-DSA-65"),
    (Oid::new("2.16.840.1.101.3.4.3.19"), "ML-DSA-87"),
    (Oid::new("2.16.840.1.101.3.4.3.20"), "SLH-DSA-SHA2-128s"),
    (Oid::new("2.16.840.1.101.3.4.3.21"), "SLH-DSA-SHA2-128f"),
    (Oid::new("2.16.840.1.101.3.4.3.22"), "SLH-DSA-SHA2-192s"),
    (Oid::new("2.16.840.1.101.3.4.3.23"), "SLH-DSA-SHA2-192f"),
    (Oid::new("2.16.840.1.101.3.4.3.24"), "SLH-DSA-SHA2-256s"),
    (Oid::new("2.16.840.1.101.3.4.3.25"), "SLH-DSA-SHA2-256f"),
    (Oid::new("2.16.840.1.101.3.4.3.26"), "SLH-DSA-SHAKE-128s"),
    (Oid::new("2.16.840.1.101.3.4.3.27"), "SLH-DSA-SHAKE-128f"),
    (Oid::new("2.16.840.1.101.3.4.3.28"), "SLH-DSA-SHAKE-192s"),
    (Oid::new("2.16.840.1.101.3.4.3.29"), "SLH-DSA-SHAKE-192f"),
    (Oid::new("2.16.840.1.101.3.4.3.30"), "SLH-DSA-SHAKE-256s"),
    (Oid::new("2.16.840.1.101.3.4.3.31"), "SLH-DSA-SHAKE-256f"),
    (Oid::new("2.16.840.1.101.3.4.3.32"), "HashML-DSA-44-SHA512"),
    (Oid::new("2.16.840.1.101.3.4.3.33"), "HashML-DSA-65-SHA512"),
    (Oid::new("2.16.840.1.101.3.4.3.34"), "HashML-DSA-87-SHA512"),
    (Oid::new("2.16.840.1.101.3.4.4.1"), "ML-KEM-512"),
    (Oid::new("2.16.840.1.101.3.4.4.2"), "ML-KEM-768"),
    (Oid::new("2.16.840.1.101.3.4.4.3"), "ML-KEM-1024"),
    (Oid::new("1.2.840.113549.1.9.16.3.17"), "HSS-LMS"),
    (Oid::new("1.3.6.1.5.5.7.6.34"), "XMSS"),
    (Oid::new("1.3.6.1.5.5.7.6.35"), "XMSS-MT"),
    (Oid::new("1.3.6.1.5.5.7.6.37"), "MLDSA44-RSA2048-PSS-SHA256"),
    (Oid::new("1.3.6.1.5.5.7.6.38"), "MLDSA44-RSA2048-PKCS15-SHA256"),
    (Oid::new("1.3.6.1.5.5.7.6.39"), "MLDSA44-Ed25519-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.40"), "MLDSA44-ECDSA-P256-SHA256"),
    (Oid::new("1.3.6.1.5.5.7.6.41"), "MLDSA65-RSA3072-PSS-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.42"), "MLDSA65-RSA3072-PKCS15-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.43"), "MLDSA65-RSA4096-PSS-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.44"), "MLDSA65-RSA4096-PKCS15-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.45"), "MLDSA65-ECDSA-P256-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.46"), "MLDSA65-ECDSA-P384-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.47"), "MLDSA65-ECDSA-brainpoolP256r1-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.48"), "MLDSA65-Ed25519-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.49"), "MLDSA87-ECDSA-P384-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.50"), "MLDSA87-ECDSA-brainpoolP384r1-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.51"), "MLDSA87-Ed448-SHAKE256"),
    (Oid::new("1.3.6.1.5.5.7.6.52"), "MLDSA87-RSA3072-PSS-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.53"), "MLDSA87-RSA4096-PSS-SHA512"),
    (Oid::new("1.3.6.1.5.5.7.6.54"), "MLDSA87-ECDSA-P521-SHA512"),
];

/// Curves with the size of their field in bits (RFC 8422 section 5.1.1, RFC 5639, RFC 7836, SEC 2).
const CURVES: &[(Oid, &str, u32)] = &[
    (Oid::new("1.2.840.10045.3.1.7"), "secp256r1", 256),
    (Oid::new("1.3.132.0.34"), "secp384r1", 384),
    (Oid::new("1.3.132.0.35"), "secp521r1", 521),
    (Oid::new("1.3.132.0.10"), "secp256k1", 256),
    (Oid::new("1.3.132.0.33"), "secp224r1", 224),
    (Oid::new("1.3.132.0.32"), "secp224k1", 224),
    (Oid::new("1.2.840.10045.3.1.1"), "secp192r1", 192),
    (Oid::new("1.3.132.0.31"), "secp192k1", 192),
    (Oid::new("1.3.132.0.8"), "secp160r1", 160),
    (Oid::new("1.3.132.0.9"), "secp160k1", 160),
    (Oid::new("1.3.132.0.30"), "secp160r2", 160),
    (Oid::new("1.3.132.0.1"), "sect163k1", 163),
    (Oid::new("1.3.132.0.2"), "sect163r1", 163),
    (Oid::new("1.3.132.0.15"), "sect163r2", 163),
    (Oid::new("1.3.132.0.24"), "sect193r1", 193),
    (Oid::new("1.3.132.0.25"), "sect193r2", 193),
    (Oid::new("1.3.132.0.26"), "sect233k1", 233),
    (Oid::new("1.3.132.0.27"), "sect233r1", 233),
    (Oid::new("1.3.132.0.3"), "sect239k1", 239),
    (Oid::new("1.3.132.0.16"), "sect283k1", 283),
    (Oid::new("1.3.132.0.17"), "sect283r1", 283),
    (Oid::new("1.3.132.0.36"), "sect409k1", 409),
    (Oid::new("1.3.132.0.37"), "sect409r1", 409),
    (Oid::new("1.3.132.0.38"), "sect571k1", 571),
    (Oid::new("1.3.132.0.39"), "sect571r1", 571),
    (Oid::new("1.3.36.3.3.2.8.1.1.1"), "brainpoolP160r1", 160),
    (Oid::new("1.3.36.3.3.2.8.1.1.3"), "brainpoolP192r1", 192),
    (Oid::new("1.3.36.3.3.2.8.1.1.5"), "brainpoolP224r1", 224),
    (Oid::new("1.3.36.3.3.2.8.1.1.7"), "brainpoolP256r1", 256),
    (Oid::new("1.3.36.3.3.2.8.1.1.8"), "brainpoolP256t1", 256),
    (Oid::new("1.3.36.3.3.2.8.1.1.9"), "brainpoolP320r1", 320),
    (Oid::new("1.3.36.3.3.2.8.1.1.11"), "brainpoolP384r1", 384),
    (Oid::new("1.3.36.3.3.2.8.1.1.12"), "brainpoolP384t1", 384),
    (Oid::new("1.3.36.3.3.2.8.1.1.13"), "brainpoolP512r1", 512),
    (Oid::new("1.3.36.3.3.2.8.1.1.14"), "brainpoolP512t1", 512),
    (Oid::new("1.2.156.10197.1.301"), "curveSM2", 256),
];
