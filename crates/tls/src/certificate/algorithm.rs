//! Signature algorithms by the names that Go gives them.

use std::borrow::Cow;

use event::Name;
use wire::Reader;

use super::anomaly::{Anomalies, MALFORMED, SIGNATURE_ALGORITHM_MISMATCH};
use super::der::{Element, OBJECT_IDENTIFIER, SEQUENCE, element, tagged};
use super::oid::{Oid, named};
use super::outline::Outline;
use super::public_key::POST_QUANTUM;

/// An `AlgorithmIdentifier` (RFC 5280 section 4.1.1.2).
pub(super) struct AlgorithmIdentifier<'a> {
    /// Contents of the object identifier.
    pub(super) oid: &'a [u8],
    pub(super) parameters: Option<Element<'a>>,
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Reads the contents of the `SEQUENCE`.
    pub(super) fn read(contents: &'a [u8]) -> Option<Self> {
        let mut parts = Reader::new(contents);
        let identifier = tagged(&mut parts, OBJECT_IDENTIFIER)?;
        Some(Self { oid: identifier.contents, parameters: element(&mut parts) })
    }
}

/// Names the algorithm of the signature, as `SHA256-RSA`, or gives its object identifier.
pub(super) fn signature(outline: &Outline<'_>, anomalies: &mut Anomalies) -> Name {
    let (outer, inner) = (outline.outer_signature, outline.inner_signature);
    if outer.is_some() && inner.is_some() && outer != inner {
        anomalies.add(SIGNATURE_ALGORITHM_MISMATCH);
    }
    let Some(der) = outer.or(inner) else {
        return Cow::Borrowed("");
    };
    let sequence = tagged(&mut Reader::new(der), SEQUENCE);
    let Some(algorithm) = sequence.and_then(|part| AlgorithmIdentifier::read(part.contents)) else {
        anomalies.add(MALFORMED);
        return Cow::Borrowed("");
    };
    if Oid::read(algorithm.oid) == Some(RSASSA_PSS) {
        return Cow::Owned(format!("{}-RSAPSS", pss_hash(&algorithm)));
    }
    named(&[SIGNATURES, POST_QUANTUM], algorithm.oid)
}

/// The hash of RSASSA-PSS parameters (RFC 4055 section 3.1), SHA-1 if they name none.
fn pss_hash(algorithm: &AlgorithmIdentifier<'_>) -> Name {
    const HASH_ALGORITHM: u8 = 0xa0;
    let named_hash = algorithm.parameters.and_then(|parameters| {
        let hash = tagged(&mut Reader::new(parameters.contents), HASH_ALGORITHM)?;
        let hash = tagged(&mut Reader::new(hash.contents), SEQUENCE)?;
        AlgorithmIdentifier::read(hash.contents)
    });
    named_hash.map_or(Cow::Borrowed("SHA1"), |hash| named(&[HASHES], hash.oid))
}

/// `id-RSASSA-PSS`.
const RSASSA_PSS: Oid = Oid::new("1.2.840.113549.1.1.10");

const HASHES: &[(Oid, &str)] = &[
    (Oid::new("1.3.14.3.2.26"), "SHA1"),
    (Oid::new("2.16.840.1.101.3.4.2.1"), "SHA256"),
    (Oid::new("2.16.840.1.101.3.4.2.2"), "SHA384"),
    (Oid::new("2.16.840.1.101.3.4.2.3"), "SHA512"),
    (Oid::new("2.16.840.1.101.3.4.2.4"), "SHA224"),
    (Oid::new("2.16.840.1.101.3.4.2.6"), "SHA512-256"),
    (Oid::new("2.16.840.1.101.3.4.2.8"), "SHA3-256"),
    (Oid::new("2.16.840.1.101.3.4.2.9"), "SHA3-384"),
    (Oid::new("2.16.840.1.101.3.4.2.10"), "SHA3-512"),
];

/// Names as in Go's `crypto/x509` where that has the algorithm, and in the same way where not.
const SIGNATURES: &[(Oid, &str)] = &[
    (Oid::new("1.2.840.113549.1.1.11"), "SHA256-RSA"),
    (Oid::new("1.2.840.10045.4.3.2"), "ECDSA-SHA256"),
    (Oid::new("1.2.840.10045.4.3.3"), "ECDSA-SHA384"),
    (Oid::new("1.2.840.113549.1.1.12"), "SHA384-RSA"),
    (Oid::new("1.2.840.113549.1.1.5"), "SHA1-RSA"),
    (Oid::new("1.2.840.113549.1.1.13"), "SHA512-RSA"),
    (Oid::new("1.3.101.112"), "Ed25519"),
    (Oid::new("1.3.101.113"), "Ed448"),
    (Oid::new("1.2.840.10045.4.3.4"), "ECDSA-SHA512"),
    (Oid::new("1.2.840.10045.4.3.1"), "ECDSA-SHA224"),
    (Oid::new("1.2.840.10045.4.1"), "ECDSA-SHA1"),
    (Oid::new("1.3.14.3.2.29"), "SHA1-RSA"),
    (Oid::new("1.2.840.113549.1.1.2"), "MD2-RSA"),
    (Oid::new("1.2.840.113549.1.1.3"), "MD4-RSA"),
    (Oid::new("1.2.840.113549.1.1.4"), "MD5-RSA"),
    (Oid::new("1.2.840.113549.1.1.14"), "SHA224-RSA"),
    (Oid::new("1.2.840.113549.1.1.15"), "SHA512-224-RSA"),
    (Oid::new("1.2.840.113549.1.1.16"), "SHA512-256-RSA"),
    (Oid::new("1.3.36.3.3.1.2"), "RIPEMD160-RSA"),
    (Oid::new("1.2.840.10040.4.3"), "DSA-SHA1"),
    (Oid::new("2.16.840.1.101.3.4.3.1"), "DSA-SHA224"),
    (Oid::new("2.16.840.1.101.3.4.3.2"), "DSA-SHA256"),
    (Oid::new("2.16.840.1.101.3.4.3.3"), "DSA-SHA384"),
    (Oid::new("2.16.840.1.101.3.4.3.4"), "DSA-SHA512"),
    (Oid::new("2.16.840.1.101.3.4.3.9"), "ECDSA-SHA3-224"),
    (Oid::new("2.16.840.1.101.3.4.3.10"), "ECDSA-SHA3-256"),
    (Oid::new("2.16.840.1.101.3.4.3.11"), "ECDSA-SHA3-384"),
    (Oid::new("2.16.840.1.101.3.4.3.12"), "ECDSA-SHA3-512"),
    (Oid::new("2.16.840.1.101.3.4.3.13"), "SHA3-224-RSA"),
    (Oid::new("2.16.840.1.101.3.4.3.14"), "SHA3-256-RSA"),
    (Oid::new("2.16.840.1.101.3.4.3.15"), "SHA3-384-RSA"),
    (Oid::new("2.16.840.1.101.3.4.3.16"), "SHA3-512-RSA"),
    (Oid::new("1.3.6.1.5.5.7.6.30"), "SHAKE128-RSAPSS"),
    (Oid::new("1.3.6.1.5.5.7.6.31"), "SHAKE256-RSAPSS"),
    (Oid::new("1.3.6.1.5.5.7.6.32"), "ECDSA-SHAKE128"),
    (Oid::new("1.3.6.1.5.5.7.6.33"), "ECDSA-SHAKE256"),
    (Oid::new("1.3.6.1.5.5.7.6.36"), "unsigned"),
    (Oid::new("1.2.643.2.2.3"), "GOST3410-2001-GOST3411-94"),
    (Oid::new("1.2.643.7.1.1.3.2"), "GOST3410-2012-256"),
    (Oid::new("1.2.643.7.1.1.3.3"), "GOST3410-2012-512"),
    (Oid::new("1.2.156.10197.1.501"), "SM2-SM3"),
];
