//! Certificates, put together part by part: their signatures are not valid, their form is.

/// A leaf for `a.test` with an ECDSA key, valid from 2024 to 2034.
pub(crate) fn leaf() -> Vec<u8> {
    let curve = oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let key = [&[4][..], &[0x77; 64]].concat();
    let algorithm = sequence(&[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), curve]);
    of("a.test", "an intermediate", &algorithm, &key, &ecdsa_sha256())
}

/// The leaf and its intermediate.
pub(crate) fn chain() -> Vec<Vec<u8>> {
    let algorithm = sequence(&[oid(&[0x2b, 0x65, 0x70])]);
    let ca = of("an intermediate", "a root", &algorithm, &[0x66; 32], &ecdsa_sha256());
    vec![leaf(), ca]
}

/// A self-signed leaf with an ML-DSA-65 key and signature (RFC 9881 section 2).
pub(crate) fn ml_dsa_65() -> Vec<u8> {
    let algorithm = sequence(&[oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18])]);
    of("pq.test", "pq.test", &algorithm, &[0x55; 1952], &algorithm)
}

fn ecdsa_sha256() -> Vec<u8> {
    sequence(&[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])])
}

fn of(subject: &str, issuer: &str, algorithm: &[u8], key: &[u8], signature: &[u8]) -> Vec<u8> {
    let key = sequence(&[algorithm.to_vec(), bit_string(key)]);
    let name = sequence(&[der(0x82, subject.as_bytes())]);
    let alternative = sequence(&[oid(&[0x55, 0x1d, 17]), der(0x04, &name)]);
    let signed = sequence(&[
        der(0xa0, &der(0x02, &[2])),
        der(0x02, &[0x4d, 2]),
        signature.to_vec(),
        common_name(issuer),
        sequence(&[der(0x17, b"240101000000Z"), der(0x17, b"340101000000Z")]),
        common_name(subject),
        key,
        der(0xa3, &sequence(&[alternative])),
    ]);
    sequence(&[signed, signature.to_vec(), bit_string(&[1; 64])])
}

fn common_name(name: &str) -> Vec<u8> {
    let attribute = sequence(&[oid(&[0x55, 4, 3]), der(0x0c, name.as_bytes())]);
    sequence(&[der(0x31, &attribute)])
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0][..], bytes].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

fn oid(encoded: &[u8]) -> Vec<u8> {
    der(0x06, encoded)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let len = match content.len() {
        0..0x80 => vec![low],
        0x80..0x100 => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag][..], &len, content].concat()
}
