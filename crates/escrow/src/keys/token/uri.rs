//! Which token: PKCS #11 URIs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::str::FromStr;

/// A token, as a PKCS #11 URI names it (RFC 7512):
/// `pkcs11:token=LABEL;serial=NUMBER?module-path=FILE&pin-source=FILE`.
///
/// Attributes of objects are refused, and so is `pin-value`: others see command lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    /// Library of the token's maker.
    pub module_path: PathBuf,
    /// Label of the token.
    pub token: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// File with the PIN.
    pub pin_source: Option<PathBuf>,
}

/// Why a text names no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATokenUri {
    /// It begins otherwise.
    #[error("it does not begin with `pkcs11:`")]
    Scheme,
    /// An attribute has no value, comes twice, or is not known here.
    #[error("`{0}` cannot be used here")]
    Attribute(String),
    /// The PIN itself is in it.
    #[error("a PIN is not for command lines: name a file with pin-source")]
    Pin,
    /// Something in it is not percent-encoded as it should be.
    #[error("`{0}` is not percent-encoded as it should be")]
    Encoding(String),
    /// It does not say which library to load.
    #[error("module-path is missing: the library of the token's maker")]
    Module,
}

impl FromStr for TokenUri {
    type Err = NotATokenUri;

    fn from_str(text: &str) -> Result<Self, NotATokenUri> {
        let rest = text.strip_prefix("pkcs11:").ok_or(NotATokenUri::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut serial, mut module, mut pin) = (None, None, None, None);
        let attributes = path.split(';').chain(query.split('&')).filter(|it| !it.is_empty());
        for attribute in attributes {
            let refused = || NotATokenUri::Attribute(attribute.to_owned());
            let (name, value) = attribute.split_once('=').ok_or_else(refused)?;
            let slot = match name {
                "token" => &mut token,
                "serial" => &mut serial,
                "module-path" => &mut module,
                "pin-source" => &mut pin,
                "pin-value" => return Err(NotATokenUri::Pin),
                _ => return Err(refused()),
            };
            if slot.replace(decoded(value)?).is_some() || value.is_empty() {
                return Err(refused());
            }
        }
        let text = |bytes: Option<Vec<u8>>| match bytes.map(String::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(NotATokenUri::Encoding(path.to_owned())),
        };
        let file = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
        Ok(Self {
            module_path: file(module.ok_or(NotATokenUri::Module)?),
            token: text(token)?,
            serial: text(serial)?,
            // Also as a URI of a file (RFC 7512 section 2.4).
            pin_source: pin.map(|bytes| match bytes.strip_prefix(b"file:") {
                Some(path) => file(path.strip_prefix(b"//").unwrap_or(path).to_vec()),
                None => file(bytes),
            }),
        })
    }
}

/// The bytes that a percent-encoded text stands for (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<Vec<u8>, NotATokenUri> {
    let wrong = || NotATokenUri::Encoding(text.to_owned());
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(wrong)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or_else(wrong)?;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Ok(bytes)
}
