//! Algorithms as CycloneDX describes them, from the names that registries give.

use policy::{Cipher, Mode};
use tls::registry::{GroupClass, KeyExchangeMethod, NamedGroup};

use super::schema::AlgorithmProperties;

/// An algorithm with its name.
#[derive(Clone)]
pub(super) struct Algorithm {
    pub(super) name: String,
    pub(super) properties: AlgorithmProperties,
}

impl Algorithm {
    fn new(
        name: impl Into<String>,
        primitive: &'static str,
        functions: &'static [&'static str],
        level: Option<u8>,
    ) -> Self {
        let properties = AlgorithmProperties {
            primitive,
            parameter_set_identifier: None,
            mode: None,
            crypto_functions: functions,
            nist_quantum_security_level: level,
        };
        Self { name: name.into(), properties }
    }

    fn with(mut self, parameters: impl Into<String>) -> Self {
        self.properties.parameter_set_identifier = Some(parameters.into());
        self
    }

    fn in_mode(mut self, mode: &'static str) -> Self {
        self.properties.mode = Some(mode);
        self
    }

    /// The algorithm's reference.
    pub(super) fn reference(&self) -> String {
        format!("algorithm/{}", self.name.to_ascii_lowercase())
    }
}

/// The algorithms of a cipher suite itself: encryption, hash, and a key exchange that has no group.
pub(super) fn of_suite(name: &str, cipher: &Cipher) -> Vec<Algorithm> {
    let mut all: Vec<Algorithm> = encryption(name, cipher).into_iter().collect();
    all.extend(hash(name));
    let exchange = match cipher.key_exchange {
        Some(KeyExchangeMethod::Rsa | KeyExchangeMethod::RsaExport | KeyExchangeMethod::RsaPsk) => {
            Some(Algorithm::new("RSA-PKCS1-v1_5", "pke", &["encrypt", "decrypt"], Some(0)))
        }
        Some(KeyExchangeMethod::Dhe | KeyExchangeMethod::DhePsk | KeyExchangeMethod::Dh) => {
            Some(Algorithm::new("FFDH", "key-agree", AGREES, Some(0)))
        }
        Some(KeyExchangeMethod::Ecdh) => Some(Algorithm::new("ECDH", "key-agree", AGREES, Some(0))),
        _ => None,
    };
    all.extend(exchange);
    all
}

fn encryption(name: &str, cipher: &Cipher) -> Option<Algorithm> {
    let encryption = cipher.encryption?;
    if encryption.mode == Mode::Null {
        return None;
    }
    let family = encryption.algorithm;
    let bits = family.rsplit('_').next().filter(|bits| bits.parse::<u16>().is_ok());
    let shown = match family {
        "CHACHA20" => "ChaCha20-Poly1305".to_owned(),
        other => other.replace('_', "-"),
    };
    // NIST defines its categories by AES; for other ciphers it gives none.
    let level = match family {
        "AES_128" => Some(1),
        "AES_192" => Some(3),
        "AES_256" => Some(5),
        _ if encryption.is_broken => Some(0),
        _ => None,
    };
    let (mode, suffix) = match encryption.mode {
        Mode::Aead if name.contains("_GCM") => (Some("gcm"), "-GCM"),
        Mode::Aead if name.contains("_CCM_8") => (Some("ccm"), "-CCM-8"),
        Mode::Aead if name.contains("_CCM") => (Some("ccm"), "-CCM"),
        Mode::Cbc => (Some("cbc"), "-CBC"),
        Mode::Aead | Mode::Stream | Mode::Null => (None, ""),
    };
    let primitive = match encryption.mode {
        Mode::Aead => "ae",
        Mode::Cbc => "block-cipher",
        Mode::Stream | Mode::Null => "stream-cipher",
    };
    let mut algorithm =
        Algorithm::new(format!("{shown}{suffix}"), primitive, &["encrypt", "decrypt"], level);
    if let Some(bits) = bits {
        algorithm = algorithm.with(bits);
    }
    Some(mode.map_or(algorithm.clone(), |mode| algorithm.in_mode(mode)))
}

fn hash(suite: &str) -> Option<Algorithm> {
    let (_, shown, level) = HASHES.iter().find(|(ending, ..)| suite.ends_with(ending))?;
    Some(Algorithm::new(*shown, "hash", &["digest"], *level))
}

/// A named group.
pub(super) fn of_group(name: &str) -> Algorithm {
    let class = NamedGroup::named(name).and_then(NamedGroup::class);
    let level = ["512", "768", "1024"].into_iter().zip([1, 3, 5]);
    let is_ml_kem = |size: &str| {
        let upper = name.to_ascii_uppercase();
        ["MLKEM", "KYBER"].iter().any(|family| upper.contains(&format!("{family}{size}")))
    };
    let kem = level.into_iter().find(|(size, _)| is_ml_kem(size));
    match (class, kem) {
        (Some(GroupClass::HybridPq | GroupClass::Pq), Some((size, level))) => {
            Algorithm::new(name, "kem", ENCAPSULATES, Some(level)).with(size)
        }
        (Some(GroupClass::HybridPq | GroupClass::Pq), None) => {
            Algorithm::new(name, "kem", ENCAPSULATES, None)
        }
        (Some(GroupClass::Classical), _) => {
            Algorithm::new(name, "key-agree", AGREES, Some(0)).with(name)
        }
        (None, _) => Algorithm::new(name, "unknown", &["unknown"], None),
    }
}

/// A signature, by the name of its scheme or of a certificate's algorithm.
pub(super) fn of_signature(name: &str) -> Algorithm {
    Algorithm::new(name, "signature", &["sign", "verify"], signature_level(name))
}

/// The algorithm of a public key.
pub(super) fn of_key(key_type: &str, bits: Option<u32>) -> Algorithm {
    let is_sized = matches!(key_type, "RSA" | "RSA-PSS" | "DSA" | "ECDSA");
    let name = match bits.filter(|_| is_sized) {
        Some(bits) => format!("{key_type}-{bits}"),
        None => key_type.to_owned(),
    };
    let algorithm =
        Algorithm::new(name, "signature", &["sign", "verify"], signature_level(key_type));
    match bits {
        Some(bits) => algorithm.with(bits.to_string()),
        None => algorithm,
    }
}

/// FIPS 204 and 205 give categories; what rests on factoring or discrete logarithms has none left.
fn signature_level(name: &str) -> Option<u8> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let post_quantum = [("mldsa44", 2), ("mldsa65", 3), ("mldsa87", 5)];
    if let Some((_, level)) = post_quantum.iter().find(|(part, _)| plain.contains(part)) {
        return Some(*level);
    }
    if plain.contains("slhdsa") || plain.contains("sphincs") {
        let levels = [("128", 1), ("192", 3), ("256", 5)];
        return levels
            .iter()
            .find(|(bits, _)| {
                plain.ends_with(&format!("{bits}s")) || plain.ends_with(&format!("{bits}f"))
            })
            .map(|it| it.1);
    }
    let classical = ["rsa", "ecdsa", "dsa", "ed25519", "ed448", "sm2", "gost"];
    classical.iter().any(|part| plain.contains(part)).then_some(0)
}

const AGREES: &[&str] = &["keygen", "keyderive"];

const ENCAPSULATES: &[&str] = &["keygen", "encapsulate", "decapsulate"];

/// Endings of suites. SHA-1 and MD5 can be made to collide without a quantum computer.
const HASHES: &[(&str, &str, Option<u8>)] = &[
    ("SHA256", "SHA-256", Some(2)),
    ("SHA384", "SHA-384", Some(4)),
    ("SHA512", "SHA-512", Some(5)),
    ("_SHA", "SHA-1", Some(0)),
    ("_MD5", "MD5", Some(0)),
    ("SM3", "SM3", None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_the_categories_that_nist_gives() {
        let level = |algorithm: &Algorithm| algorithm.properties.nist_quantum_security_level;
        for (group, primitive, expected) in [
            ("X25519MLKEM768", "kem", Some(3)),
            ("MLKEM1024", "kem", Some(5)),
            ("SecP256r1MLKEM768", "kem", Some(3)),
            ("x25519", "key-agree", Some(0)),
            ("ffdhe2048", "key-agree", Some(0)),
            ("0x1234", "unknown", None),
        ] {
            let algorithm = of_group(group);
            assert_eq!(algorithm.properties.primitive, primitive, "{group}");
            assert_eq!(level(&algorithm), expected, "{group}");
        }
        for (name, expected) in [
            ("ecdsa_secp256r1_sha256", Some(0)),
            ("mldsa65", Some(3)),
            ("ML-DSA-87", Some(5)),
            ("SLH-DSA-SHA2-128s", Some(1)),
            ("SHA256-RSA", Some(0)),
            ("Ed25519", Some(0)),
            ("0x0a0a", None),
        ] {
            assert_eq!(level(&of_signature(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_suite_is_its_algorithms() {
        for (suite, expected) in [
            ("TLS_AES_256_GCM_SHA384", vec![("AES-256-GCM", Some(5)), ("SHA-384", Some(4))]),
            (
                "TLS_CHACHA20_POLY1305_SHA256",
                vec![("ChaCha20-Poly1305", None), ("SHA-256", Some(2))],
            ),
            (
                "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                vec![("3DES-CBC", Some(0)), ("SHA-1", Some(0)), ("RSA-PKCS1-v1_5", Some(0))],
            ),
            ("TLS_RSA_WITH_NULL_SHA256", vec![("SHA-256", Some(2)), ("RSA-PKCS1-v1_5", Some(0))]),
        ] {
            let all = of_suite(suite, &Cipher::named(suite).unwrap());
            let found: Vec<_> = all
                .iter()
                .map(|it| (it.name.as_str(), it.properties.nist_quantum_security_level))
                .collect();
            assert_eq!(found, expected, "{suite}");
        }
    }
}
