//! Names of code points that the oracles write as numbers.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The names of `names.toml`.
#[derive(Debug, Deserialize)]
pub(super) struct Names {
    ciphers: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    extensions: BTreeMap<String, String>,
    signature_schemes: BTreeMap<String, String>,
}

impl Names {
    /// Reads the names.
    ///
    /// # Errors
    /// If the file is malformed.
    pub(super) fn load() -> Result<Self> {
        toml::from_str(include_str!("../../conformance/names.toml")).context("names.toml")
    }

    /// The name of a cipher suite, given as a number.
    pub(super) fn cipher(&self, code: &str) -> String {
        name(&self.ciphers, code)
    }

    /// The name of a named group, given as a number.
    pub(super) fn group(&self, code: &str) -> String {
        name(&self.groups, code)
    }

    /// The name of an extension, given as a number.
    pub(super) fn extension(&self, code: &str) -> String {
        name(&self.extensions, code)
    }

    /// The name of a signature scheme, given as a number.
    pub(super) fn signature_scheme(&self, code: &str) -> String {
        name(&self.signature_schemes, code)
    }
}

fn name(names: &BTreeMap<String, String>, code: &str) -> String {
    let hexadecimal =
        code.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let Some(number) = hexadecimal.or_else(|| code.parse().ok()) else {
        return code.to_owned();
    };
    if number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff {
        return format!("GREASE (0x{number:04x})");
    }
    names.get(&number.to_string()).cloned().unwrap_or_else(|| format!("0x{number:04x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        let names = Names::load().unwrap();
        assert_eq!(names.cipher("0x1301"), "TLS_AES_128_GCM_SHA256");
        assert_eq!(names.cipher("49199"), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        assert_eq!(names.group("4588"), "X25519MLKEM768");
        assert_eq!(names.group("39578"), "GREASE (0x9a9a)");
        assert_eq!(names.extension("65281"), "renegotiation_info");
        assert_eq!(names.signature_scheme("0x0403"), "ecdsa_secp256r1_sha256");
        assert_eq!(names.cipher("0xacad"), "0xacad");
        assert_eq!(names.cipher("other"), "other");
    }
}
