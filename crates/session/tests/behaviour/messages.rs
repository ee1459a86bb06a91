//! Records and handshake messages, put together field by field.

/// A `ClientHello` to be changed at will.
#[derive(Clone, Debug)]
pub(crate) struct ClientHello {
    pub(crate) version: u16,
    pub(crate) session_id: Vec<u8>,
    pub(crate) ciphers: Vec<u16>,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
    /// The cookie of a DTLS hello.
    pub(crate) cookie: Option<Vec<u8>>,
}

impl ClientHello {
    /// A hello that offers TLS 1.2 at most.
    pub(crate) fn tls12() -> Self {
        Self {
            version: 0x0303,
            session_id: vec![],
            ciphers: vec![0xc02b, 0xc02f, 0x009c, 0x002f],
            extensions: vec![
                (SERVER_NAME, server_name("a.test")),
                (10, list16(&[X25519, SECP256R1])),
                (11, vec![1, 0]),
                (13, list16(&[0x0403, 0x0804, 0x0401])),
                (ALPN, alpn(&["h2", "http/1.1"])),
                (5, vec![1, 0, 0, 0, 0]),
                (35, vec![]),
            ],
            cookie: None,
        }
    }

    /// A hello as browsers of today send it, with a post-quantum key share: longer than a segment.
    pub(crate) fn tls13() -> Self {
        Self {
            version: 0x0303,
            session_id: vec![0x5e; 32],
            ciphers: vec![0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b],
            extensions: vec![
                (0x2a2a, vec![]),
                (SERVER_NAME, server_name("a.test")),
                (10, list16(&[0x3a3a, X25519MLKEM768, X25519, SECP256R1])),
                (13, list16(&[0x0403, 0x0804, 0x0401])),
                (ALPN, alpn(&["h2", "http/1.1"])),
                (5, vec![1, 0, 0, 0, 0]),
                (KEY_SHARE, key_shares(&[(0x3a3a, 1), (X25519MLKEM768, 1216), (X25519, 32)])),
                (45, vec![1, 1]),
                (SUPPORTED_VERSIONS, vec![6, 0x4a, 0x4a, 3, 4, 3, 3]),
            ],
            cookie: None,
        }
    }

    /// Adds an extension behind the others.
    pub(crate) fn with(mut self, kind: u16, body: Vec<u8>) -> Self {
        self.extensions.push((kind, body));
        self
    }

    /// Gives an extension another body.
    pub(crate) fn set(mut self, kind: u16, body: Vec<u8>) -> Self {
        let place = self.extensions.iter_mut().find(|(present, _)| *present == kind);
        place.unwrap().1 = body;
        self
    }

    pub(crate) fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(present, _)| *present != kind);
        self
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([0x11; 32]);
        body.extend(prefixed8(&self.session_id));
        body.extend(self.cookie.iter().flat_map(|cookie| prefixed8(cookie)));
        body.extend(list16(&self.ciphers));
        body.extend([1, 0]);
        if !self.extensions.is_empty() {
            body.extend(extensions(&self.extensions));
        }
        body
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        message(1, &self.body())
    }

    /// The hello in one record.
    pub(crate) fn record(&self) -> Vec<u8> {
        record(HANDSHAKE, &self.message())
    }
}

/// A `ServerHello` message.
pub(crate) fn server_hello(session_id: &[u8], cipher: u16, present: &[(u16, Vec<u8>)]) -> Vec<u8> {
    hello_of_server(&[0x22; 32], session_id, cipher, present)
}

/// The `ServerHello` of TLS 1.3 with a key share of `group`.
pub(crate) fn server_hello13(session_id: &[u8], group: u16, more: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let share = [group.to_be_bytes().to_vec(), prefixed16(&[9; 32])].concat();
    let mut present = vec![(SUPPORTED_VERSIONS, vec![3, 4]), (KEY_SHARE, share)];
    present.extend(more.iter().cloned());
    server_hello(session_id, 0x1301, &present)
}

/// A `HelloRetryRequest` that asks for a key share of `group`.
pub(crate) fn hello_retry_request(session_id: &[u8], group: u16) -> Vec<u8> {
    const RANDOM: [u8; 32] = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8,
        0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8,
        0x33, 0x9c,
    ];
    let present = [(SUPPORTED_VERSIONS, vec![3, 4]), (KEY_SHARE, group.to_be_bytes().to_vec())];
    hello_of_server(&RANDOM, session_id, 0x1301, &present)
}

fn hello_of_server(
    random: &[u8; 32],
    session_id: &[u8],
    cipher: u16,
    present: &[(u16, Vec<u8>)],
) -> Vec<u8> {
    let mut body = [&[3, 3][..], random].concat();
    body.extend(prefixed8(session_id));
    body.extend(cipher.to_be_bytes());
    body.push(0);
    if !present.is_empty() {
        body.extend(extensions(present));
    }
    message(2, &body)
}

/// A `Certificate` message up to TLS 1.2.
pub(crate) fn certificate(chain: &[Vec<u8>]) -> Vec<u8> {
    let chain: Vec<u8> = chain.iter().flat_map(|der| prefixed24(der)).collect();
    message(11, &prefixed24(&chain))
}

/// A `ServerKeyExchange` message with an X25519 key and an ECDSA signature (RFC 8422 section 5.4).
pub(crate) fn server_key_exchange() -> Vec<u8> {
    let mut body = vec![3, 0, 29];
    body.extend(prefixed8(&[7; 32]));
    body.extend([4, 3]);
    body.extend(prefixed16(&[8; 70]));
    message(12, &body)
}

/// A `CertificateStatus` message with an OCSP response of the status `successful`.
pub(crate) fn certificate_status() -> Vec<u8> {
    message(22, &[&[1][..], &prefixed24(&[0x30, 3, 0x0a, 1, 0])].concat())
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &prefixed24(body)].concat()
}

/// A record.
pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &prefixed16(body)].concat()
}

/// Bytes in records of `len` bytes.
pub(crate) fn records_of(kind: u8, body: &[u8], len: usize) -> Vec<u8> {
    body.chunks(len).flat_map(|piece| record(kind, piece)).collect()
}

/// A fatal alert.
pub(crate) fn fatal_alert(description: u8) -> Vec<u8> {
    record(ALERT, &[2, description])
}

/// The one form of `ChangeCipherSpec`.
pub(crate) fn change_cipher_spec() -> Vec<u8> {
    record(20, &[1])
}

/// A record whose content is encrypted.
pub(crate) fn encrypted(kind: u8, len: usize) -> Vec<u8> {
    record(kind, &vec![0xe5; len])
}

/// A handshake message in a DTLS record of its own, whole.
pub(crate) fn dtls_record(kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let len = &prefixed24(body)[..3];
    let mut fragment = [&[kind][..], len].concat();
    fragment.extend(number.to_be_bytes());
    fragment.extend([0, 0, 0]);
    fragment.extend(len);
    fragment.extend(body);
    let mut bytes = vec![HANDSHAKE, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0];
    bytes.extend(number.to_be_bytes());
    bytes.extend(prefixed16(&fragment));
    bytes
}

/// A DTLS 1.2 record of epoch 1, whose content is encrypted.
pub(crate) fn dtls_encrypted(content_type: u8) -> Vec<u8> {
    let mut bytes = vec![content_type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.extend(prefixed16(&[0xee; 40]));
    bytes
}

pub(crate) fn server_name(name: &str) -> Vec<u8> {
    prefixed16(&[&[0][..], &prefixed16(name.as_bytes())].concat())
}

pub(crate) fn alpn(protocols: &[&str]) -> Vec<u8> {
    let list: Vec<u8> =
        protocols.iter().flat_map(|protocol| prefixed8(protocol.as_bytes())).collect();
    prefixed16(&list)
}

/// Key shares of these groups and lengths.
pub(crate) fn key_shares(shares: &[(u16, usize)]) -> Vec<u8> {
    let list: Vec<u8> = shares
        .iter()
        .flat_map(|(group, len)| {
            [group.to_be_bytes().to_vec(), prefixed16(&vec![0xab; *len])].concat()
        })
        .collect();
    prefixed16(&list)
}

/// The body of `pre_shared_key` with one identity.
pub(crate) fn pre_shared_key() -> Vec<u8> {
    let identity = [prefixed16(&[0xcd; 120]), vec![0, 0, 0, 9]].concat();
    [prefixed16(&identity), prefixed16(&prefixed8(&[0xef; 32]))].concat()
}

/// The body of `encrypted_client_hello` in an outer hello (RFC 9849 section 5).
pub(crate) fn ech_outer() -> Vec<u8> {
    let mut body = vec![0, 0, 1, 0, 1, 7];
    body.extend(prefixed16(&[0x31; 32]));
    body.extend(prefixed16(&[0x41; 144]));
    body
}

pub(crate) fn list16(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    prefixed16(&bytes)
}

fn extensions(present: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let list: Vec<u8> = present
        .iter()
        .flat_map(|(kind, body)| [kind.to_be_bytes().to_vec(), prefixed16(body)].concat())
        .collect();
    prefixed16(&list)
}

fn prefixed8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

pub(crate) fn prefixed16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

pub(crate) fn prefixed24(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat()
}

pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

pub(crate) const SERVER_NAME: u16 = 0;
pub(crate) const ALPN: u16 = 16;
pub(crate) const PRE_SHARED_KEY: u16 = 41;
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
pub(crate) const KEY_SHARE: u16 = 51;
pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

pub(crate) const SECP256R1: u16 = 23;
pub(crate) const SECP384R1: u16 = 24;
pub(crate) const X25519: u16 = 29;
pub(crate) const X25519MLKEM768: u16 = 0x11ec;
