//! Makes protected Initial packets, as an endpoint does.

use aws_lc_rs::aead::quic::{AES_128, HeaderProtectionKey};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// A version's number, Initial salt, label prefix and Initial packet type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) version: u32,
    pub(crate) salt: [u8; 20],
    pub(crate) label: &'static str,
    pub(crate) initial: u8,
}

pub(crate) const V1: Protocol = Protocol {
    version: 1,
    salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
    label: "quic",
    initial: 0,
};

pub(crate) const V2: Protocol = Protocol {
    version: 0x6b33_43cf,
    salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
    label: "quicv2",
    initial: 1,
};

pub(crate) const DRAFT_29: Protocol = Protocol {
    version: 0xff00_001d,
    salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
    label: "quic",
    initial: 0,
};

/// What a client first calls the server.
pub(crate) const ORIGINAL_ID: &[u8] = b"original";
/// What the client calls itself.
pub(crate) const CLIENT_ID: &[u8] = b"client";
/// What the server calls itself.
pub(crate) const SERVER_ID: &[u8] = b"server id";

/// What one side protects its packets with.
pub(crate) struct Keys {
    pub(crate) key: [u8; 16],
    pub(crate) iv: [u8; 12],
    pub(crate) header_key: [u8; 16],
}

impl Keys {
    /// The keys of [`Initial::client`].
    pub(crate) fn client() -> Self {
        Self::derive(V1, ORIGINAL_ID, "client in")
    }

    /// The keys of [`Initial::server`].
    pub(crate) fn server() -> Self {
        Self::derive(V1, ORIGINAL_ID, "server in")
    }

    /// The keys of `side` ("client in" or "server in") for a client's first destination id.
    pub(crate) fn derive(protocol: Protocol, connection_id: &[u8], side: &str) -> Self {
        let initial = Salt::new(HKDF_SHA256, &protocol.salt).extract(connection_id);
        let secret = Prk::new_less_safe(HKDF_SHA256, &expand::<32>(&initial, side));
        let label = |suffix| format!("{} {suffix}", protocol.label);
        Self {
            key: expand(&secret, &label("key")),
            iv: expand(&secret, &label("iv")),
            header_key: expand(&secret, &label("hp")),
        }
    }
}

/// An Initial packet before protection.
#[derive(Clone, Debug)]
pub(crate) struct Initial<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) destination: &'a [u8],
    pub(crate) source: &'a [u8],
    pub(crate) token: &'a [u8],
    pub(crate) packet_number: u32,
    pub(crate) packet_number_len: u8,
    pub(crate) reserved_bits: u8,
    pub(crate) payload: &'a [u8],
}

impl<'a> Initial<'a> {
    /// The first packet of a version 1 client, with connection ids that fit [`Keys::client`].
    pub(crate) fn client(payload: &'a [u8]) -> Self {
        Self {
            protocol: V1,
            destination: ORIGINAL_ID,
            source: CLIENT_ID,
            token: &[],
            packet_number: 0,
            packet_number_len: 1,
            reserved_bits: 0,
            payload,
        }
    }

    /// The answer to [`Self::client`].
    pub(crate) fn server(payload: &'a [u8]) -> Self {
        Self { destination: CLIENT_ID, source: SERVER_ID, ..Self::client(payload) }
    }

    /// The packet as it goes over the wire.
    pub(crate) fn seal(&self, keys: &Keys) -> Vec<u8> {
        let first = 0xc0 | self.protocol.initial << 4 | self.reserved_bits;
        let mut packet = vec![first | (self.packet_number_len - 1)];
        packet.extend(self.protocol.version.to_be_bytes());
        for id in [self.destination, self.source] {
            packet.push(u8::try_from(id.len()).unwrap());
            packet.extend(id);
        }
        packet.extend(varint(self.token.len() as u64));
        packet.extend(self.token);
        let number_len = usize::from(self.packet_number_len);
        let len = u16::try_from(number_len + self.payload.len() + 16).unwrap();
        packet.extend((0x4000 | len).to_be_bytes());
        let number_offset = packet.len();
        packet.extend(&self.packet_number.to_be_bytes()[4 - number_len..]);

        let mut nonce = keys.iv;
        for (byte, number) in nonce[8..].iter_mut().zip(self.packet_number.to_be_bytes()) {
            *byte ^= number;
        }
        let mut body = self.payload.to_vec();
        LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &keys.key).unwrap())
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&packet),
                &mut body,
            )
            .unwrap();
        packet.extend(body);

        let header_key = HeaderProtectionKey::new(&AES_128, &keys.header_key).unwrap();
        let sample = &packet[number_offset + 4..number_offset + 20];
        let mask = header_key.new_mask(sample).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_offset..].iter_mut().zip(&mask[1..]).take(number_len) {
            *byte ^= mask;
        }
        packet
    }
}

/// A CRYPTO frame.
pub(crate) fn crypto(offset: u64, bytes: &[u8]) -> Vec<u8> {
    [&[0x06], &varint(offset)[..], &varint(bytes.len() as u64), bytes].concat()
}

/// A variable-length integer in its shortest form.
pub(crate) fn varint(value: u64) -> Vec<u8> {
    match value {
        0..=0x3f => vec![u8::try_from(value).unwrap()],
        0x40..=0x3fff => (0x4000 | u16::try_from(value).unwrap()).to_be_bytes().to_vec(),
        0x4000..=0x3fff_ffff => {
            (0x8000_0000 | u32::try_from(value).unwrap()).to_be_bytes().to_vec()
        }
        _ => (0xc000_0000_0000_0000 | value).to_be_bytes().to_vec(),
    }
}

fn expand<const N: usize>(secret: &Prk, label: &str) -> [u8; N] {
    let label_len = u8::try_from(6 + label.len()).unwrap();
    let len = u16::try_from(N).unwrap().to_be_bytes();
    let info = [&len[..], &[label_len], b"tls13 ", label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Len(N)).unwrap().fill(&mut out).unwrap();
    out
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}
