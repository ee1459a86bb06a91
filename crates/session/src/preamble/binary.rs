//! Protocols of binary packets: databases, directories, desktops, proxies.

use wire::{Reader, Truncated};

use super::Unit;

/// The leading packet of `bytes`.
pub(super) fn unit(bytes: &[u8]) -> Unit {
    for recognise in PROTOCOLS {
        match recognise(bytes) {
            Unit::Unknown => {}
            unit @ (Unit::Upgrade(..) | Unit::Known(_) | Unit::NeedMore) => return unit,
        }
    }
    Unit::Unknown
}

const PROTOCOLS: [fn(&[u8]) -> Unit; 7] =
    [postgresql, mysql, rdp, ldap, socks4, socks5, proxy_protocol];

/// `SSLRequest` and the server's `S` (PostgreSQL protocol, "SSL Session Encryption").
fn postgresql(bytes: &[u8]) -> Unit {
    const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    const GSSENC_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
    if bytes.starts_with(SSL_REQUEST) {
        Unit::Upgrade(SSL_REQUEST.len(), "postgresql")
    } else if bytes.starts_with(GSSENC_REQUEST) || SSL_REQUEST.starts_with(bytes) {
        if bytes.len() < SSL_REQUEST.len() {
            Unit::NeedMore
        } else {
            Unit::Known(SSL_REQUEST.len())
        }
    } else if matches!(bytes, [b'S', 0x16 | 0x15, 0x03, ..]) {
        Unit::Known(1)
    } else if matches!(bytes, [b'S' | b'N'] | [b'S', 0x16 | 0x15]) {
        Unit::NeedMore
    } else {
        Unit::Unknown
    }
}

/// The server's greeting of protocol 10 and the client's `SSLRequest` (MySQL client/server
/// protocol, "Connection Phase").
fn mysql(bytes: &[u8]) -> Unit {
    const CLIENT_SSL: u8 = 0x08;
    let Some(([len @ .., sequence], body)) = bytes.split_first_chunk::<4>() else {
        return Unit::Unknown;
    };
    let [low, middle, high] = *len;
    let len = 4 + usize::from(low) + (usize::from(middle) << 8) + (usize::from(high) << 16);
    match (sequence, body) {
        (0, [10, b'1'..=b'9', ..]) if bytes.len() >= len => Unit::Known(len),
        (1, [_, flags, ..]) if len == 36 && flags & CLIENT_SSL != 0 => {
            if bytes.len() >= len {
                Unit::Upgrade(len, "mysql")
            } else {
                Unit::NeedMore
            }
        }
        _ => Unit::Unknown,
    }
}

/// X.224 connection request and confirm in TPKT (MS-RDPBCGR sections 2.2.1.1 and 2.2.1.2).
fn rdp(bytes: &[u8]) -> Unit {
    match bytes {
        [3, 0, high, low, _, code @ (0xe0 | 0xd0), ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            match (bytes.len() >= len, code) {
                _ if len < 11 => Unit::Unknown,
                (false, _) => Unit::NeedMore,
                (true, 0xe0) => Unit::Upgrade(len, "rdp"),
                (true, _) => Unit::Known(len),
            }
        }
        _ => Unit::Unknown,
    }
}

/// An extended request with the StartTLS object identifier (RFC 4511 section 4.14).
fn ldap(bytes: &[u8]) -> Unit {
    const STARTTLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
    let Some(&0x30) = bytes.first() else { return Unit::Unknown };
    let Ok(len) = ber_len(bytes) else { return Unit::NeedMore };
    match bytes.get(..len) {
        None if len > super::MAX_UNIT_LEN => Unit::Unknown,
        None => Unit::NeedMore,
        Some(message) if message.windows(STARTTLS.len()).any(|window| window == STARTTLS) => {
            Unit::Upgrade(len, "ldap")
        }
        Some(_) => Unit::Known(len),
    }
}

/// Length of a BER element, tag and length included; lengths of more than 4 bytes are not for
/// here and count as endless.
fn ber_len(bytes: &[u8]) -> Result<usize, Truncated> {
    let mut reader = Reader::new(bytes);
    reader.u8()?;
    let first = reader.u8()?;
    if first < 0x80 {
        return Ok(2 + usize::from(first));
    }
    let count = usize::from(first & 0x7f);
    if count > 4 {
        return Ok(usize::MAX);
    }
    let len = reader.take(count)?.iter().fold(0_usize, |len, &byte| (len << 8) | usize::from(byte));
    Ok(len.saturating_add(2 + count))
}

/// A CONNECT request of SOCKS 4 or 4a, and the answer.
fn socks4(bytes: &[u8]) -> Unit {
    match bytes {
        [4, 1, _, _, a, b, c, d, rest @ ..] => {
            let is_4a = [a, b, c] == [&0, &0, &0] && *d != 0;
            let texts = if is_4a { 2 } else { 1 };
            let ends = rest.iter().enumerate().filter(|&(_, &byte)| byte == 0);
            match ends.map(|(index, _)| index).nth(texts - 1) {
                Some(end) => Unit::Upgrade(8 + end + 1, "socks4"),
                None => waiting(bytes),
            }
        }
        [0, 0x5a..=0x5d, ..] if bytes.len() >= 8 => Unit::Known(8),
        _ => Unit::Unknown,
    }
}

fn waiting(bytes: &[u8]) -> Unit {
    if bytes.len() < MAX_SOCKS_LEN { Unit::NeedMore } else { Unit::Unknown }
}

/// Greetings, sub-negotiation and requests of SOCKS 5 (RFC 1928, RFC 1929).
fn socks5(bytes: &[u8]) -> Unit {
    match bytes {
        [5, count @ 1..=16, methods @ ..] if methods.len() == usize::from(*count) => {
            Unit::Known(bytes.len())
        }
        [5, 1, 0, kind @ (1 | 3 | 4), rest @ ..] => match address_len(*kind, rest) {
            Some(len) if bytes.len() >= len => Unit::Upgrade(len, "socks5"),
            _ => waiting(bytes),
        },
        [5, 0..=8, 0, kind @ (1 | 3 | 4), rest @ ..] => match address_len(*kind, rest) {
            Some(len) if bytes.len() >= len => Unit::Known(len),
            _ => waiting(bytes),
        },
        [5, 0 | 1 | 2 | 0xff] => Unit::Known(2),
        [1, 0] => Unit::Known(2),
        _ => Unit::Unknown,
    }
}

/// Length of a request or an answer whose address is of `kind`.
fn address_len(kind: u8, rest: &[u8]) -> Option<usize> {
    let address = match kind {
        1 => 4,
        4 => 16,
        _ => 1 + usize::from(*rest.first()?),
    };
    Some(4 + address + 2)
}

/// The binary header of HAProxy's PROXY protocol, version 2.
fn proxy_protocol(bytes: &[u8]) -> Unit {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    if !bytes.starts_with(SIGNATURE) {
        return Unit::Unknown;
    }
    match bytes.get(14..16) {
        Some(&[high, low]) => {
            let len = 16 + usize::from(u16::from_be_bytes([high, low]));
            if bytes.len() >= len { Unit::Upgrade(len, "proxy-protocol") } else { Unit::NeedMore }
        }
        _ => Unit::NeedMore,
    }
}

/// Longest request of a SOCKS proxy that is waited for: two names of 255 bytes and the rest.
const MAX_SOCKS_LEN: usize = 600;
