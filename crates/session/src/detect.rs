//! Where TLS begins in a stream: by content, on any port.

use tls::registry::{ContentType, HandshakeType};
use tls::sslv2::Judgement;
use wire::Reader;

/// What bytes at a possible beginning are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detection {
    /// TLS records, from a hello on.
    Hello,
    /// TLS records, from a later handshake message on: the beginning was not captured.
    Handshake,
    /// TLS records, from encrypted data or an alert on: the handshake was not captured.
    Records,
    /// An SSL 2.0 record with a hello.
    Sslv2,
    /// Too few bytes to tell.
    NeedMore,
    /// Something else.
    No,
}

/// Looks at the beginning of `bytes` for TLS.
pub(crate) fn at_start(bytes: &[u8]) -> Detection {
    match bytes.first() {
        None => Detection::NeedMore,
        Some(&(CHANGE_CIPHER_SPEC..=APPLICATION_DATA)) => tls(bytes),
        Some(_) => sslv2(bytes),
    }
}

/// Looks for the first place in `bytes`, within [`MAX_SEARCH`], where records go on after a gap.
pub(crate) fn search(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len().min(MAX_SEARCH))
        .find(|&start| is_strong(bytes.get(start..).unwrap_or_default()))
}

/// Looks for the first place in `bytes` where an encrypted record may begin, by its header alone.
pub(crate) fn search_sealed(bytes: &[u8]) -> Option<usize> {
    bytes.windows(5).position(|header| {
        let &[kind, 3, 1..=3, high, low] = header else { return false };
        let len = usize::from(u16::from_be_bytes([high, low]));
        matches!(kind, APPLICATION_DATA | ALERT | HANDSHAKE)
            && (MIN_SEALED_LEN..=MAX_RECORD_LEN).contains(&len)
    })
}

fn tls(bytes: &[u8]) -> Detection {
    let mut reader = Reader::new(bytes);
    let Ok(kind) = reader.u8() else { return Detection::NeedMore };
    match (reader.u8(), reader.u8()) {
        (Ok(3), Ok(0..=4)) => {}
        (Ok(3), Err(_)) | (Err(_), _) => return Detection::NeedMore,
        _ => return Detection::No,
    }
    let Ok(len) = reader.u16() else { return Detection::NeedMore };
    let len = usize::from(len);
    if len == 0 || len > MAX_RECORD_LEN {
        return Detection::No;
    }
    match kind {
        HANDSHAKE => handshake(reader.rest(), len),
        ALERT if len == 2 => match reader.rest() {
            [] => Detection::NeedMore,
            [1 | 2, ..] => Detection::Records,
            _ => Detection::No,
        },
        CHANGE_CIPHER_SPEC if len == 1 => Detection::Records,
        APPLICATION_DATA => Detection::Records,
        _ => Detection::No,
    }
}

/// Looks at the first message of a handshake record that is `record_len` bytes long. A record may
/// be so short that it cuts the message's header.
fn handshake(body: &[u8], record_len: usize) -> Detection {
    let mut reader = Reader::new(body.get(..record_len.min(body.len())).unwrap_or_default());
    let whole = body.len() >= record_len;
    let Ok(kind) = reader.u8() else { return Detection::NeedMore };
    let is_hello = matches!(kind, CLIENT_HELLO | SERVER_HELLO);
    if !is_hello && !LATER_MESSAGES.contains(&kind) {
        return Detection::No;
    }
    let found = if is_hello { Detection::Hello } else { Detection::Handshake };
    let Ok(len) = reader.u24() else {
        return if whole && is_hello {
            found
        } else if whole {
            Detection::No
        } else {
            Detection::NeedMore
        };
    };
    let len = len as usize;
    if !is_hello {
        let fits =
            len.saturating_add(4) <= record_len || (kind == CERTIFICATE && len <= MAX_MESSAGE_LEN);
        return if fits { found } else { Detection::No };
    }
    if !(MIN_HELLO_LEN..=MAX_MESSAGE_LEN).contains(&len) {
        return Detection::No;
    }
    match reader.u8() {
        Ok(3 | 0x7f) => found,
        Ok(_) => Detection::No,
        Err(_) if whole => found,
        Err(_) => Detection::NeedMore,
    }
}

fn sslv2(bytes: &[u8]) -> Detection {
    match tls::sslv2::judge(bytes) {
        Judgement::Hello => Detection::Sslv2,
        Judgement::NeedMore => Detection::NeedMore,
        Judgement::No => Detection::No,
    }
}

/// Whether records surely go on here: a clear handshake message, the one form of
/// `ChangeCipherSpec`, a clear alert, or a record that another one follows.
fn is_strong(bytes: &[u8]) -> bool {
    match tls(bytes) {
        Detection::Hello => bytes.len() > 9,
        Detection::Handshake => true,
        Detection::Records => {
            let Some(&[kind, _, _, high, low]) = bytes.first_chunk::<5>() else { return false };
            let len = usize::from(u16::from_be_bytes([high, low]));
            kind != APPLICATION_DATA
                || bytes
                    .get(5 + len..)
                    .is_some_and(|next| next.len() >= 5 && tls(next) != Detection::No)
        }
        Detection::Sslv2 | Detection::NeedMore | Detection::No => false,
    }
}

const CHANGE_CIPHER_SPEC: u8 = ContentType::CHANGE_CIPHER_SPEC.0;
const ALERT: u8 = ContentType::ALERT.0;
const HANDSHAKE: u8 = ContentType::HANDSHAKE.0;
const APPLICATION_DATA: u8 = ContentType::APPLICATION_DATA.0;
const CLIENT_HELLO: u8 = HandshakeType::CLIENT_HELLO.0;
const SERVER_HELLO: u8 = HandshakeType::SERVER_HELLO.0;
const CERTIFICATE: u8 = HandshakeType::CERTIFICATE.0;

/// Messages other than a hello that a record may begin with: `HelloRequest`, `NewSessionTicket`,
/// `HelloRetryRequest` of old drafts, `Certificate` to `ClientKeyExchange`, `CertificateStatus`,
/// `CompressedCertificate`.
const LATER_MESSAGES: [u8; 10] = [4, 6, CERTIFICATE, 12, 13, 14, 15, 16, 22, 25];

/// Longest record body.
const MAX_RECORD_LEN: usize = tls::record::MAX_RECORD_LEN as usize;

/// Shortest body of a hello: version, random and empty session id of a server, cipher suite and,
/// before TLS 1.3, compression method.
const MIN_HELLO_LEN: usize = 2 + 32 + 1 + 2;

/// Longest handshake message that is believed. Certificates with thousands of names come to some
/// 300 KiB, chains of post-quantum ones to 100 KiB.
pub(crate) const MAX_MESSAGE_LEN: usize = 1 << 20;

/// Shortest body of an encrypted record: a content type and the shortest tag.
const MIN_SEALED_LEN: usize = 1 + 8;

/// How far records are searched for after a gap: a record's length, so that one record boundary is
/// within it.
const MAX_SEARCH: usize = MAX_RECORD_LEN + 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_told_from_any_prefix_or_waited_for() {
        let hello = client_hello();
        for len in 0..hello.len() {
            let found = at_start(&hello[..len]);
            let expected = if len < 10 { Detection::NeedMore } else { Detection::Hello };
            assert_eq!(found, expected, "prefix of {len} bytes");
        }
    }

    #[test]
    fn a_hello_in_records_of_one_byte_is_found() {
        assert_eq!(at_start(&[22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 1, 0]), Detection::Hello);
    }

    #[test]
    fn other_protocols_are_not_tls() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"\x16\x03\x09\x00\x10aaaaaaaaaaaaaaaa",
            b"\x16\x03\x01\x00\x10\x01\xff\xff\xff\x03\x03",
            b"\x80\x2e\x01\x00\x02\x00\x04\x00\x00\x00\x10",
        ] {
            assert_eq!(at_start(bytes), Detection::No, "{bytes:?}");
        }
    }

    #[test]
    fn records_are_found_again_after_a_gap() {
        let mut bytes = vec![0xaa; 700];
        bytes.extend(client_hello());
        assert_eq!(search(&bytes), Some(700));
        assert_eq!(search(&bytes[..700]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>) {
            let found = search(&bytes);
            proptest::prop_assert!(found.is_none_or(|start| start < bytes.len()));
            at_start(&bytes);
        }
    }

    fn client_hello() -> Vec<u8> {
        let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
        hello
    }
}
