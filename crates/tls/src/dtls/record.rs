//! Records of a datagram: full headers (all versions) and the unified header of DTLS 1.3.

use wire::{Reader, Truncated};

use crate::registry::ContentType;

/// A record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// With the header of DTLS 1.0 and 1.2, which DTLS 1.3 keeps for plaintext.
    Full(FullRecord<'a>),
    /// With the unified header of encrypted DTLS 1.3 records.
    Unified(UnifiedRecord<'a>),
}

/// A record with the full header (RFC 6347 section 4.1, RFC 9146 section 4, RFC 9147 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullRecord<'a> {
    /// What the record carries, from 20 to 26; that of `tls12_cid` is encrypted.
    pub content_type: ContentType,
    /// The version on the wire: 0xfeff, 0xfefd, or 0x0100 of OpenSSL before the RFC.
    pub version: u16,
    /// Epoch: 0 is in the clear, every other encrypted.
    pub epoch: u16,
    /// Sequence number within the epoch, 48 bits.
    pub sequence: u64,
    /// The connection identifier; empty unless the type is `tls12_cid`.
    pub connection_id: &'a [u8],
    /// What the record carries.
    pub fragment: &'a [u8],
}

/// A record with the unified header (RFC 9147 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnifiedRecord<'a> {
    /// The low two bits of the epoch.
    pub epoch_bits: u8,
    /// The low bits of the sequence number, still encrypted (RFC 9147 section 4.2.3).
    pub encrypted_sequence: u16,
    /// The connection identifier, empty if the header has none.
    pub connection_id: &'a [u8],
    /// The encrypted record.
    pub encrypted: &'a [u8],
}

/// The records of one datagram, in order. It ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    reader: Reader<'a>,
    connection_id_len: Option<u8>,
    failed: bool,
}

impl<'a> Records<'a> {
    /// Starts at the first byte of `datagram`.
    ///
    /// `connection_id_len` is the length in bytes of the connection identifier that the *receiver*
    /// of the datagram asked for in its hello, or `None` if that is unknown: it is not on the wire.
    #[must_use]
    pub const fn new(datagram: &'a [u8], connection_id_len: Option<u8>) -> Self {
        Self { reader: Reader::new(datagram), connection_id_len, failed: false }
    }

    /// The bytes not yet read: after an error, those of the record that could not be read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let first = *self.reader.rest().first()?;
        let mut ahead = self.reader;
        let record = match first {
            FIRST_CONTENT_TYPE..=LAST_CONTENT_TYPE => {
                full(&mut ahead, self.connection_id_len).map(Record::Full)
            }
            0x20..=0x3f => unified(&mut ahead, self.connection_id_len).map(Record::Unified),
            other => Err(RecordErrorKind::ContentType(other)),
        };
        match record {
            Ok(record) => {
                self.reader = ahead;
                Some(Ok(record))
            }
            Err(kind) => {
                self.failed = true;
                Some(Err(RecordError { offset: self.reader.offset(), kind }))
            }
        }
    }
}

/// A record that cannot be read; what follows it in the datagram cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record at offset {offset}: {kind}")]
pub struct RecordError {
    /// Where the record begins, in bytes from the start of the datagram.
    pub offset: usize,
    /// What is wrong.
    pub kind: RecordErrorKind,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// The datagram ends inside the record.
    #[error(transparent)]
    Truncated(#[from] Truncated),
    /// The first byte is no content type and no unified header.
    #[error("content type {0}")]
    ContentType(u8),
    /// The version is none of DTLS.
    #[error("version {0:#06x}")]
    Version(u16),
    /// The length passes [`MAX_RECORD_LEN`].
    #[error("{0} bytes long")]
    TooLong(u16),
    /// The encrypted part of a unified record is shorter than sequence number encryption needs.
    #[error("{0} encrypted bytes")]
    TooShort(usize),
    /// The record has a connection identifier of a length that is not known.
    #[error("length of the connection identifier unknown")]
    ConnectionIdUnknown,
}

/// Whether `version` is one that DTLS writes in a record header.
pub(super) const fn is_version(version: u16) -> bool {
    matches!(version, DTLS_1_0 | DTLS_1_2 | OPENSSL_PRE_RFC)
}

fn full<'a>(
    reader: &mut Reader<'a>,
    connection_id_len: Option<u8>,
) -> Result<FullRecord<'a>, RecordErrorKind> {
    let content_type = ContentType(reader.u8()?);
    let version = reader.u16()?;
    if !is_version(version) {
        return Err(RecordErrorKind::Version(version));
    }
    let epoch = reader.u16()?;
    let sequence = reader.u48()?;
    let connection_id = if content_type == ContentType::TLS12_CID {
        let len = connection_id_len.ok_or(RecordErrorKind::ConnectionIdUnknown)?;
        reader.take(usize::from(len))?
    } else {
        &[]
    };
    let len = reader.u16()?;
    if len > MAX_RECORD_LEN {
        return Err(RecordErrorKind::TooLong(len));
    }
    let fragment = reader.take(usize::from(len))?;
    Ok(FullRecord { content_type, version, epoch, sequence, connection_id, fragment })
}

fn unified<'a>(
    reader: &mut Reader<'a>,
    connection_id_len: Option<u8>,
) -> Result<UnifiedRecord<'a>, RecordErrorKind> {
    let flags = reader.u8()?;
    let connection_id = if flags & CONNECTION_ID_PRESENT == 0 {
        &[]
    } else {
        let len = connection_id_len.ok_or(RecordErrorKind::ConnectionIdUnknown)?;
        reader.take(usize::from(len))?
    };
    let encrypted_sequence =
        if flags & SEQUENCE_16_BITS == 0 { u16::from(reader.u8()?) } else { reader.u16()? };
    let encrypted = if flags & LENGTH_PRESENT == 0 {
        reader.take(reader.remaining())?
    } else {
        let len = reader.u16()?;
        if len > MAX_RECORD_LEN {
            return Err(RecordErrorKind::TooLong(len));
        }
        reader.take(usize::from(len))?
    };
    if encrypted.len() < MIN_ENCRYPTED_LEN {
        return Err(RecordErrorKind::TooShort(encrypted.len()));
    }
    let epoch_bits = flags & EPOCH_BITS;
    Ok(UnifiedRecord { epoch_bits, encrypted_sequence, connection_id, encrypted })
}

/// Longest record body, in bytes: 2^14 of plaintext and 2048 of expansion (RFC 6347 section 4.1).
pub const MAX_RECORD_LEN: u16 = (1 << 14) + 2048;

/// The lowest content type.
const FIRST_CONTENT_TYPE: u8 = ContentType::CHANGE_CIPHER_SPEC.0;

/// The highest content type.
const LAST_CONTENT_TYPE: u8 = ContentType::ACK.0;

/// DTLS 1.0 (RFC 4347).
const DTLS_1_0: u16 = 0xfeff;

/// DTLS 1.2 (RFC 6347) and the legacy version of DTLS 1.3.
const DTLS_1_2: u16 = 0xfefd;

/// What OpenSSL before 0.9.8f wrote, and Cisco AnyConnect still does.
pub(super) const OPENSSL_PRE_RFC: u16 = 0x0100;

/// The C bit of the unified header.
const CONNECTION_ID_PRESENT: u8 = 0x10;

/// The S bit of the unified header.
const SEQUENCE_16_BITS: u8 = 0x08;

/// The L bit of the unified header.
const LENGTH_PRESENT: u8 = 0x04;

/// The E bits of the unified header.
const EPOCH_BITS: u8 = 0x03;

/// Fewest encrypted bytes: the sample for sequence number encryption (RFC 9147 section 4.2.3).
const MIN_ENCRYPTED_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_records_of_a_datagram_are_told_apart() {
        let datagram = [&full(22, 0xfefd, 0, &[1, 2, 3]), &full(21, 0xfeff, 1, &[])[..]].concat();
        let records = Records::new(&datagram, None).map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(
            records,
            [
                Record::Full(FullRecord {
                    content_type: ContentType::HANDSHAKE,
                    version: 0xfefd,
                    epoch: 0,
                    sequence: 0x0102_0304_0506,
                    connection_id: &[],
                    fragment: &[1, 2, 3],
                }),
                Record::Full(FullRecord {
                    content_type: ContentType::ALERT,
                    version: 0xfeff,
                    epoch: 1,
                    sequence: 0x0102_0304_0506,
                    connection_id: &[],
                    fragment: &[],
                }),
            ]
        );
    }

    #[test]
    fn the_version_of_openssl_before_the_rfc_is_read() {
        let datagram = full(20, 0x0100, 0, &[1, 0, 2]);
        assert!(matches!(
            Records::new(&datagram, None).next(),
            Some(Ok(Record::Full(FullRecord { version: 0x0100, fragment: [1, 0, 2], .. })))
        ));
    }

    #[test]
    fn a_connection_identifier_is_as_long_as_the_hello_said() {
        let mut datagram = full(25, 0xfefd, 1, &[0xcc; 20]);
        datagram.splice(11..11, [7, 8, 9]);
        let record = Records::new(&datagram, Some(3)).next().unwrap().unwrap();
        let Record::Full(record) = record else { panic!("{record:?}") };
        assert_eq!((record.connection_id, record.fragment), (&[7, 8, 9][..], &[0xcc; 20][..]));
        assert_eq!(
            Records::new(&datagram, None).next(),
            Some(Err(RecordError { offset: 0, kind: RecordErrorKind::ConnectionIdUnknown }))
        );
    }

    #[test]
    fn every_form_of_the_unified_header_is_read() {
        for flags in 0_u8..32 {
            let mut datagram = vec![0x20 | flags];
            let connection_id: &[u8] = if flags & 0x10 == 0 { &[] } else { &[7, 8] };
            datagram.extend(connection_id);
            datagram.extend(if flags & 8 == 0 { &[0xab][..] } else { &[0xab, 0xcd] });
            if flags & 4 != 0 {
                datagram.extend([0, 16]);
            }
            datagram.extend([0xee; 16]);
            if flags & 4 != 0 {
                datagram.extend(full(21, 0xfefd, 0, &[1, 0]));
            }
            let mut records = Records::new(&datagram, Some(2));
            let expected = UnifiedRecord {
                epoch_bits: flags & 3,
                encrypted_sequence: if flags & 8 == 0 { 0xab } else { 0xabcd },
                connection_id,
                encrypted: &[0xee; 16],
            };
            assert_eq!(records.next(), Some(Ok(Record::Unified(expected))), "flags {flags:05b}");
            assert_eq!(records.next().is_some(), flags & 4 != 0, "flags {flags:05b}");
            assert_eq!(records.next(), None);
        }
    }

    #[test]
    fn an_error_says_where_and_ends_the_datagram() {
        let good = full(22, 0xfefd, 0, &[1, 2, 3]);
        let mut long = full(22, 0xfefd, 0, &[]);
        long[11..].copy_from_slice(&(MAX_RECORD_LEN + 1).to_be_bytes());
        for (bad, kind) in [
            (vec![19, 0xfe, 0xfd], RecordErrorKind::ContentType(19)),
            (vec![64], RecordErrorKind::ContentType(64)),
            (full(22, 0x0303, 0, &[]), RecordErrorKind::Version(0x0303)),
            (long, RecordErrorKind::TooLong(MAX_RECORD_LEN + 1)),
            (vec![0x20, 1, 2, 3], RecordErrorKind::TooShort(2)),
            (vec![0x30, 1, 2, 3], RecordErrorKind::ConnectionIdUnknown),
        ] {
            let datagram = [&good[..], &bad].concat();
            let mut records = Records::new(&datagram, None);
            assert!(records.next().unwrap().is_ok());
            let error = records.next().unwrap().unwrap_err();
            assert_eq!((error.offset, error.kind), (good.len(), kind));
            assert_eq!(records.next(), None);
            assert_eq!(records.rest(), bad);
        }
    }

    #[test]
    fn every_prefix_of_a_record_is_truncated() {
        let datagram = full(22, 0xfefd, 0, &[1, 2, 3]);
        for len in 1..datagram.len() {
            let error = Records::new(&datagram[..len], None).next().unwrap().unwrap_err();
            assert!(matches!(error.kind, RecordErrorKind::Truncated(_)), "prefix of {len} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(
            datagram in proptest::collection::vec(any::<u8>(), 0..200),
            connection_id_len in any::<Option<u8>>(),
        ) {
            let len = datagram.len();
            prop_assert!(Records::new(&datagram, connection_id_len).count() <= len);
        }
    }

    fn full(content_type: u8, version: u16, epoch: u16, fragment: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type];
        record.extend(version.to_be_bytes());
        record.extend(epoch.to_be_bytes());
        record.extend([1, 2, 3, 4, 5, 6]);
        record.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        record.extend(fragment);
        record
    }
}
