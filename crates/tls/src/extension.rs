//! Extensions of hellos and certificates (RFC 9846 section 4.2).

mod ech;
mod key_share;
mod pre_shared_key;
mod server_name;
mod status_request;
mod vectors;

use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::registry::ExtensionType;

pub use ech::{EncryptedClientHello, EncryptedServerName};
pub use key_share::{ClientKeyShares, KeyShareEntry, ServerKeyShare};
pub use pre_shared_key::{OfferedPsks, PskIdentity};
pub use server_name::{HostName, ServerNames};
pub use status_request::{StatusRequestItem, StatusRequestV2};
pub use vectors::{
    AlpnProtocols, alpn, application_settings, certificate_types, compress_certificate, cookie,
    ec_point_formats, empty, max_fragment_length, psk_key_exchange_modes, record_size_limit,
    renegotiation_info, selected_certificate_type, selected_psk, selected_version, server_alpn,
    signature_algorithms, signed_certificate_timestamps, supported_groups, supported_versions,
};

/// One extension, its body not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub kind: ExtensionType,
    /// Its body.
    pub body: &'a [u8],
}

/// The extensions of a message, in the order sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
    readable: &'a [u8],
    low_types: u64,
    high_types: u64,
    may_repeat: bool,
}

impl<'a> Extensions<'a> {
    /// The extensions in `bytes`, which are those after the length of the list.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut extensions = Self { bytes, ..Self::default() };
        let mut rest = Iter { reader: Reader::new(bytes) };
        for extension in rest.by_ref().take(MAX_EXTENSIONS) {
            let (types, bit) = extensions.types(extension.kind);
            extensions.may_repeat |= types & bit != 0;
            if extension.kind.0 < 64 {
                extensions.low_types |= bit;
            } else {
                extensions.high_types |= bit;
            }
        }
        extensions.readable = bytes.get(..rest.reader.offset()).unwrap_or_default();
        extensions
    }

    /// The extensions, up to the first that is not all there and at most [`MAX_EXTENSIONS`].
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + Clone + use<'a> {
        Iter { reader: Reader::new(self.readable) }
    }

    /// The body of the first extension of type `kind`.
    #[inline]
    #[must_use]
    pub fn find(&self, kind: ExtensionType) -> Option<&'a [u8]> {
        let (types, bit) = self.types(kind);
        if types & bit == 0 {
            return None;
        }
        self.iter().find(|extension| extension.kind == kind).map(|extension| extension.body)
    }

    /// Whether there is an extension of type `kind`.
    #[inline]
    #[must_use]
    pub fn contains(&self, kind: ExtensionType) -> bool {
        self.find(kind).is_some()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes as sent.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the list can be read to its end.
    ///
    /// # Errors
    /// [`Malformed`] if an extension goes past the end or there are more than [`MAX_EXTENSIONS`].
    pub fn check(&self) -> Result<(), Malformed> {
        let mut reader = Reader::new(self.bytes);
        reader.take(self.readable.len()).field("extensions")?;
        if reader.is_empty() {
            return Ok(());
        }
        reader.u16().field("extension_type")?;
        reader.prefixed_u16().field("extension_data")?;
        Err(Malformed::Length { field: "extensions", offset: 0, len: self.bytes.len() })
    }

    /// Whether a type occurs more than once, which RFC 9846 section 4.2 forbids.
    #[must_use]
    pub fn has_duplicate(&self) -> bool {
        self.may_repeat && self.repeats()
    }

    /// The marks of the types present that `kind` may be one of, and its own mark. Types from 64 on
    /// share marks.
    #[inline]
    const fn types(&self, kind: ExtensionType) -> (u64, u64) {
        let bit = 1 << (kind.0 & 63);
        if kind.0 < 64 { (self.low_types, bit) } else { (self.high_types, bit) }
    }

    fn repeats(&self) -> bool {
        let mut seen = [0_u16; FEW];
        for (count, extension) in self.iter().enumerate() {
            let Some((place, before)) = seen.get_mut(..=count).and_then(<[u16]>::split_last_mut)
            else {
                return self.repeats_among_many();
            };
            if before.contains(&extension.kind.0) {
                return true;
            }
            *place = extension.kind.0;
        }
        false
    }

    #[cold]
    fn repeats_among_many(&self) -> bool {
        let mut seen = [0_u64; 1024];
        self.iter().any(|extension| {
            let Some(word) = seen.get_mut(usize::from(extension.kind.0 >> 6)) else { return false };
            let bit = 1 << (extension.kind.0 & 63);
            let is_seen = *word & bit != 0;
            *word |= bit;
            is_seen
        })
    }
}

#[derive(Clone, Debug)]
struct Iter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Extension<'a>;

    #[inline]
    fn next(&mut self) -> Option<Extension<'a>> {
        let mut ahead = self.reader;
        let kind = ExtensionType(ahead.u16().ok()?);
        let body = ahead.prefixed_u16().ok()?;
        self.reader = ahead;
        Some(Extension { kind, body })
    }
}

/// Most extensions looked at in one message. The registry has about 70 and no known client sends
/// more than 30; scanners send some hundreds.
pub const MAX_EXTENSIONS: usize = 1024;

/// Up to so many extensions each is compared with all before it, which costs less than a table of
/// all types. Browsers send about 20.
const FEW: usize = 48;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn extensions_are_read_up_to_the_one_that_is_cut() {
        let bytes = [0, 23, 0, 0, 0x1a, 0x1a, 0, 1, 9, 0, 0, 0, 5, 1];
        let extensions = Extensions::new(&bytes);
        let kinds: Vec<u16> = extensions.iter().map(|extension| extension.kind.0).collect();
        assert_eq!(kinds, [23, 0x1a1a]);
        assert_eq!(extensions.find(ExtensionType(0x1a1a)), Some(&[9][..]));
        assert_eq!(extensions.find(ExtensionType::SERVER_NAME), None);
        assert!(extensions.check().is_err());
    }

    #[test]
    fn a_second_extension_of_a_type_is_a_duplicate() {
        for kind in [0_u16, 63, 64, 0xff01] {
            let [high, low] = kind.to_be_bytes();
            let twice = [high, low, 0, 0, 0, 23, 0, 0, high, low, 0, 0];
            assert!(Extensions::new(&twice).has_duplicate(), "{kind}");
            assert!(!Extensions::new(&twice[..8]).has_duplicate(), "{kind}");
        }
    }

    #[test]
    fn a_duplicate_among_hundreds_is_found() {
        let mut bytes: Vec<u8> =
            (0..600_u16).flat_map(|kind| [kind.to_be_bytes(), [0, 0]].concat()).collect();
        assert!(!Extensions::new(&bytes).has_duplicate());
        bytes.extend([0x02, 0x00, 0, 0]);
        assert!(Extensions::new(&bytes).has_duplicate());
    }

    #[test]
    fn no_more_extensions_are_read_than_the_limit() {
        let bytes = [0, 99, 0, 0].repeat(MAX_EXTENSIONS + 1);
        let extensions = Extensions::new(&bytes);
        assert_eq!(extensions.iter().count(), MAX_EXTENSIONS);
        assert!(extensions.check().is_err());
        assert!(Extensions::new(&bytes[4..]).check().is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_walked(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let extensions = Extensions::new(&bytes);
            let read: usize = extensions.iter().map(|extension| extension.body.len() + 4).sum();
            prop_assert!(read <= bytes.len());
            prop_assert_eq!(extensions.check().is_ok(), read == bytes.len());
            prop_assert!(!extensions.has_duplicate() || read >= 8);
        }
    }
}
