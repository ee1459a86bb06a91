//! `Certificate` (RFC 5246 section 7.4.2, RFC 9846 section 4.4.2).

use wire::Reader;

use crate::extension::Extensions;
use crate::malformed::{Field, Malformed};

/// The certificates of a `Certificate` message, leaf first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateList<'a> {
    list: &'a [u8],
    form: Form,
    trailing_len: usize,
}

/// A certificate and what is sent with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// The certificate in DER, or whatever the server sends in its place.
    pub der: &'a [u8],
    /// Extensions of the entry; none before TLS 1.3.
    pub extensions: Extensions<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tls12,
    Tls13,
}

impl<'a> CertificateList<'a> {
    /// Reads the body of a `Certificate` of TLS 1.2 and older.
    ///
    /// # Errors
    /// [`Malformed`] if the list is cut. Certificates that do not fit are left out:
    /// [`Self::is_whole`] tells.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(Reader::new(body), Form::Tls12)
    }

    /// Reads the body of a `Certificate` of TLS 1.3.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub fn parse_tls13(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.prefixed_u8().field("certificate_request_context")?;
        Self::read(reader, Form::Tls13)
    }

    fn read(mut reader: Reader<'a>, form: Form) -> Result<Self, Malformed> {
        let list = reader.prefixed_u24().field("certificate_list")?;
        Ok(Self { list, form, trailing_len: reader.remaining() })
    }

    /// The entries, leaf first, up to the first that is not all there and at most
    /// [`MAX_CERTIFICATES`].
    pub fn iter(&self) -> impl Iterator<Item = CertificateEntry<'a>> + use<'a> {
        let mut reader = Reader::new(self.list);
        let form = self.form;
        std::iter::from_fn(move || entry(&mut reader, form)).take(MAX_CERTIFICATES)
    }

    /// Whether there is no certificate, as from a client that has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the entries are all of the message.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let mut reader = Reader::new(self.list);
        let count = std::iter::from_fn(|| entry(&mut reader, self.form)).count();
        reader.is_empty() && self.trailing_len == 0 && count <= MAX_CERTIFICATES
    }
}

fn entry<'a>(reader: &mut Reader<'a>, form: Form) -> Option<CertificateEntry<'a>> {
    let mut ahead = *reader;
    let der = ahead.prefixed_u24().ok()?;
    let extensions = match form {
        Form::Tls12 => Extensions::default(),
        Form::Tls13 => Extensions::new(ahead.prefixed_u16().ok()?),
    };
    *reader = ahead;
    Some(CertificateEntry { der, extensions })
}

/// Most certificates looked at in one message. Public chains have two to four; OpenSSL verifies at
/// most 100.
pub const MAX_CERTIFICATES: usize = 100;
