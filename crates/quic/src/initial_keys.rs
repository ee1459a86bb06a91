//! Keys of Initial packets, and the opening of packets with them (RFC 9001 section 5).

use aws_lc_rs::aead::quic::{AES_128, HeaderProtectionKey};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use crate::connections::Scratch;
use crate::event::Side;
use crate::header::{Initial, MIN_PROTECTED_LEN};
use crate::version::Version;

/// The keys of both sides that follow from one connection id in one version. Anyone who sees the
/// connection id can derive them: they keep nothing secret.
pub(crate) struct InitialKeys {
    client: Protection,
    server: Protection,
}

/// What the header of an Initial packet hides; the payload is in the [`Scratch`].
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) packet_number: u64,
    /// The two reserved bits of the first byte.
    pub(crate) reserved_bits: u8,
}

impl InitialKeys {
    /// The keys that follow from the destination connection id of a client's first Initial packet,
    /// or of its first after a Retry; `None` for a version that is not known.
    pub(crate) fn derive(version: Version, connection_id: &[u8]) -> Option<Self> {
        let salt = Salt::new(HKDF_SHA256, version.initial_salt()?);
        let initial = salt.extract(connection_id);
        let labels = if version.is_v2() { &LABELS_V2 } else { &LABELS_V1 };
        let client = Protection::derive(&initial, b"\x00\x20\x0ftls13 client in\x00", labels)?;
        let server = Protection::derive(&initial, b"\x00\x20\x0ftls13 server in\x00", labels)?;
        Some(Self { client, server })
    }

    /// Opens a packet sent by `side`, or returns `None` if these are not its keys. `largest` is the
    /// largest packet number of that side so far.
    pub(crate) fn open(
        &self,
        side: Side,
        packet: &Initial<'_>,
        largest: Option<u64>,
        scratch: &mut Scratch,
    ) -> Option<Opened> {
        match side {
            Side::Client => self.client.open(packet, largest, scratch),
            Side::Server => self.server.open(packet, largest, scratch),
        }
    }
}

/// What protects the packets of one side.
struct Protection {
    key: [u8; KEY_LEN],
    iv: [u8; IV_LEN],
    header_key: [u8; KEY_LEN],
}

impl Protection {
    fn derive(initial: &Prk, side: &[u8], labels: &Labels) -> Option<Self> {
        let mut secret = [0; SECRET_LEN];
        expand(initial, side, &mut secret)?;
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        let mut this = Self { key: [0; KEY_LEN], iv: [0; IV_LEN], header_key: [0; KEY_LEN] };
        expand(&secret, labels.key, &mut this.key)?;
        expand(&secret, labels.iv, &mut this.iv)?;
        expand(&secret, labels.header_key, &mut this.header_key)?;
        Some(this)
    }

    fn open(
        &self,
        packet: &Initial<'_>,
        largest: Option<u64>,
        scratch: &mut Scratch,
    ) -> Option<Opened> {
        let sample = packet.protected.get(4..MIN_PROTECTED_LEN)?;
        let header_key = HeaderProtectionKey::new(&AES_128, &self.header_key).ok()?;
        let [first_mask, number_mask @ ..] = header_key.new_mask(sample).ok()?;
        let first = packet.clear.first()? ^ first_mask & PROTECTED_BITS;

        let number_len = usize::from(first & 0b11) + 1;
        let (protected_number, body) = packet.protected.split_at_checked(number_len)?;
        let (header, payload) = (&mut scratch.header, &mut scratch.payload);
        header.clear();
        header.push(first);
        header.extend_from_slice(packet.clear.get(1..)?);
        let mut truncated = 0;
        for (byte, mask) in protected_number.iter().zip(number_mask) {
            header.push(byte ^ mask);
            truncated = truncated << 8 | u64::from(byte ^ mask);
        }
        let packet_number = full_packet_number(truncated, number_len, largest);

        let (ciphertext, tag) = body.split_at_checked(body.len().checked_sub(TAG_LEN)?)?;
        payload.clear();
        payload.resize(ciphertext.len(), 0);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &self.key).ok()?);
        let nonce = self.nonce(packet_number);
        key.open_separate_gather(nonce, Aad::from(&*header), ciphertext, tag, payload).ok()?;
        Some(Opened { packet_number, reserved_bits: first & RESERVED_BITS })
    }

    fn nonce(&self, packet_number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(packet_number.to_le_bytes()) {
            *byte ^= number;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Completes a packet number of which `len` bytes were sent, where `largest` is the largest number of
/// its space and direction so far (RFC 9000 appendix A.3).
#[must_use]
pub fn full_packet_number(truncated: u64, len: usize, largest: Option<u64>) -> u64 {
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = match len {
        1 => 1_u64 << 8,
        2 => 1 << 16,
        3 => 1 << 24,
        _ => 1 << 32,
    };
    let half = window / 2;
    let candidate = expected & !(window - 1) | truncated;
    if candidate.saturating_add(half) <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected.saturating_add(half) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// `HKDF-Expand` with an `HkdfLabel` that is already encoded (RFC 9846 section 7.1).
fn expand(secret: &Prk, label: &[u8], out: &mut [u8]) -> Option<()> {
    secret.expand(&[label], Len(out.len())).ok()?.fill(out).ok()
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// Encoded `HkdfLabel`s: output length, label with its length in front, empty context.
struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header_key: &'static [u8],
}

/// RFC 9001 section 5.1.
const LABELS_V1: Labels = Labels {
    key: b"\x00\x10\x0etls13 quic key\x00",
    iv: b"\x00\x0c\x0dtls13 quic iv\x00",
    header_key: b"\x00\x10\x0dtls13 quic hp\x00",
};

/// RFC 9369 section 3.3.2.
const LABELS_V2: Labels = Labels {
    key: b"\x00\x10\x10tls13 quicv2 key\x00",
    iv: b"\x00\x0c\x0ftls13 quicv2 iv\x00",
    header_key: b"\x00\x10\x0ftls13 quicv2 hp\x00",
};

/// Length of an AES-128 key, in bytes.
const KEY_LEN: usize = 16;
/// Length of an AES-GCM nonce, in bytes.
const IV_LEN: usize = 12;
/// Length of an AES-GCM tag, in bytes.
pub(crate) const TAG_LEN: usize = 16;
/// Length of a SHA-256 secret, in bytes.
const SECRET_LEN: usize = 32;
/// The bits of a long header's first byte that header protection covers (RFC 9001 section 5.4.1).
const PROTECTED_BITS: u8 = 0x0f;
/// The bits of a long header's first byte that must be zero (RFC 9000 section 17.2).
const RESERVED_BITS: u8 = 0x0c;
