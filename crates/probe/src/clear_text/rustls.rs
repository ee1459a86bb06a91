//! Functions of rustls by their names, as compilers of Rust mangle them.
//!
//! All records go through `MessageEncrypter::encrypt` and `MessageDecrypter::decrypt` of the ciphers that
//! a provider of cryptography has. They are called by way of tables, so that no compiler makes them a part of
//! their callers, however it optimises.

use super::elf::Function;
use super::library::{Operation, Outcome};

/// A cipher's function that makes or opens records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cipher {
    /// The method of a trait that it is.
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    version: Version,
    pub(crate) function: Function,
}

/// The version of TLS that a cipher is for, as far as its name says that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Unknown,
    Tls12,
    Tls13,
}

impl Cipher {
    /// The one whose name is at a place among the strings of a file, if it is that of one.
    pub(crate) fn named(strings: &[u8], at: u32, function: Function) -> Option<Self> {
        let rest = strings.get(usize::try_from(at).ok()?..)?;
        if !rest.starts_with(LEGACY) && !rest.starts_with(V0) {
            return None;
        }
        let name = rest.get(..MAX_NAME_LEN).unwrap_or(rest).split(|byte| *byte == 0).next()?;
        let method = METHODS.iter().find(|method| method.is_named(name))?;
        // Connections have one as long as they have no keys.
        if contains(name, b"InvalidMessage") {
            return None;
        }
        let version = Version::of(name);
        Some(Self { name: method.name, operation: method.operation, version, function })
    }

    pub(crate) const fn outcome(&self) -> Outcome {
        Outcome::Record(self.version)
    }
}

impl Version {
    fn of(name: &[u8]) -> Self {
        let has = |version: &[u8]| {
            name.windows(version.len()).any(|part| part.eq_ignore_ascii_case(version))
        };
        match (has(b"tls12"), has(b"tls13")) {
            (true, false) => Self::Tls12,
            (false, true) => Self::Tls13,
            _ => Self::Unknown,
        }
    }
}

/// Leaves each function once, and none if records are only made or only opened: half of what a connection
/// says would be taken for all of it.
pub(crate) fn settle(ciphers: &mut Vec<Cipher>) {
    ciphers.sort_by_key(|cipher| cipher.function.address);
    // What compilers find to be the same may have several names.
    ciphers.dedup_by(|one, other| {
        let is_same = one.function.address == other.function.address;
        if is_same && one.version != other.version {
            other.version = Version::Unknown;
        }
        is_same
    });
    let has = |operation| ciphers.iter().any(|cipher| cipher.operation == operation);
    // Where arguments are is only known of x86-64.
    let is_known = cfg!(target_arch = "x86_64");
    if !is_known || !has(Operation::Seal) || !has(Operation::Open) {
        ciphers.clear();
    }
}

struct Method {
    name: &'static str,
    operation: Operation,
    /// How its name ends, before the hash (legacy mangling).
    legacy: &'static [u8],
    /// What is in its name (RFC 2603).
    v0: &'static [u8],
}

impl Method {
    fn is_named(&self, name: &[u8]) -> bool {
        if name.starts_with(V0) {
            return contains(name, self.v0) && contains(name, b"6rustls");
        }
        // A part that was compiled by itself has a suffix.
        let end = name.windows(SUFFIX.len()).position(|part| part == SUFFIX);
        let name = end.and_then(|end| name.get(..end)).unwrap_or(name);
        let path = name.len().checked_sub(HASH_LEN).and_then(|end| name.get(..end));
        path.is_some_and(|path| path.ends_with(self.legacy))
    }
}

fn contains(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}

const METHODS: [Method; 2] = [
    Method {
        name: "MessageEncrypter::encrypt",
        operation: Operation::Seal,
        legacy: b"rustls..crypto..cipher..MessageEncrypter$GT$7encrypt",
        v0: b"6cipher16MessageEncrypter7encrypt",
    },
    Method {
        name: "MessageDecrypter::decrypt",
        operation: Operation::Open,
        legacy: b"rustls..crypto..cipher..MessageDecrypter$GT$7decrypt",
        v0: b"6cipher16MessageDecrypter7decrypt",
    },
];

/// How names begin: those of functions in an implementation of a trait.
const LEGACY: &[u8] = b"_ZN";
const V0: &[u8] = b"_RNvX";

const SUFFIX: &[u8] = b".llvm.";

/// `17h`, sixteen digits and `E`.
const HASH_LEN: usize = 20;

/// Names of functions of interest have less than two hundred bytes.
const MAX_NAME_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: Function = Function { address: 0x1000, len: 9 };

    fn named(name: &str) -> Option<(Operation, Version)> {
        let strings = format!("\0before\0{name}\0after\0");
        let cipher = Cipher::named(strings.as_bytes(), 8, FUNCTION)?;
        Some((cipher.operation, cipher.version))
    }

    #[test]
    fn what_makes_and_opens_records_is_found_by_mangled_names() {
        let legacy = |path: &str| format!("_ZN{path}17h13dd0ae911c2da12E");
        let of = "$u20$as$u20$rustls..crypto..cipher..Message";
        let gcm = "114_$LT$rustls..crypto..aws_lc_rs..tls12..GcmMessage";
        let other = "58_$LT$rustls_rustcrypto..aead..Gcm";
        let v0 =
            "_RNvXNtNtNtCs1PVfNTLNy3A_6rustls6crypto9aws_lc_rs5tls13NtB2_19GcmMessageEncrypter";
        let generic =
            "_RNvXCscXrTTEtB3at_5otherINtB2_8Tls12GcmjENtNtNtCs1PVfNTLNy3A_6rustls6crypto6cipher";
        let seal = |version| Some((Operation::Seal, version));
        let open = |version| Some((Operation::Open, version));
        for (name, expected) in [
            (legacy(&format!("{gcm}Encrypter{of}Encrypter$GT$7encrypt")), seal(Version::Tls12)),
            (legacy(&format!("{gcm}Decrypter{of}Decrypter$GT$7decrypt")), open(Version::Tls12)),
            (legacy(&format!("{other}{of}Decrypter$GT$7decrypt")), open(Version::Unknown)),
            (legacy(&format!("{gcm}Encrypter{of}Encrypter$GT$21encrypted_payload_len")), None),
            (
                legacy(&format!(
                    "{gcm}Encrypter{of}Encrypter$GT$7encrypt28_$u7b$$u7b$closure$u7d$$u7d$"
                )),
                None,
            ),
            (
                legacy(&format!(
                    "108_$LT$rustls..crypto..cipher..InvalidMessageDecrypter{of}Decrypter$GT$7decrypt"
                )),
                None,
            ),
            (
                format!("{}.llvm.123", legacy(&format!("{gcm}Encrypter{of}Encrypter$GT$7encrypt"))),
                seal(Version::Tls12),
            ),
            (format!("{v0}NtNtB6_6cipher16MessageEncrypter7encrypt"), seal(Version::Tls13)),
            (format!("{generic}16MessageEncrypter7encryptB2_"), seal(Version::Tls12)),
            (format!("{generic}16MessageDecrypter7decryptB2_"), open(Version::Tls12)),
            (format!("{generic}16MessageEncrypter21encrypted_payload_lenB2_"), None),
            ("_RNvXCs1_5other6cipher16MessageEncrypter7encrypt".to_owned(), None),
            ("SSL_write".to_owned(), None),
        ] {
            assert_eq!(named(&name), expected, "{name}");
        }
    }

    #[test]
    fn one_function_of_several_names_is_used_once_and_one_direction_alone_not_at_all() {
        let cipher = |operation, version, address| Cipher {
            name: "",
            operation,
            version,
            function: Function { address, len: 0 },
        };
        let seal = cipher(Operation::Seal, Version::Tls12, 32);
        let same = cipher(Operation::Seal, Version::Tls13, 32);
        let open = cipher(Operation::Open, Version::Tls13, 16);
        let mut ciphers = vec![seal, open, same];
        settle(&mut ciphers);
        assert_eq!(ciphers, [open, cipher(Operation::Seal, Version::Unknown, 32)]);
        ciphers.remove(0);
        settle(&mut ciphers);
        assert!(ciphers.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_name_or_none(mut bytes: Vec<u8>, at: u32) {
            bytes.splice(0..0, *b"_ZN");
            Cipher::named(&bytes, 0, FUNCTION);
            Cipher::named(&bytes, at, FUNCTION);
        }
    }
}
