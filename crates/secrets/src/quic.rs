//! QUIC packets that only secrets open (RFC 9001 section 5, RFC 9369 section 3.3).

use std::sync::Arc;

use ::quic::{Protected, Space, Version, full_packet_number};
use aws_lc_rs::aead::quic::{AES_128, AES_256, CHACHA20, HeaderProtectionKey};
use tls::registry::CipherSuite;
use zeroize::Zeroizing;

use crate::hkdf::{expand_label, expanded};
use crate::protection::{AeadKey, NONCE_LEN, xor_sequence};
use crate::secret::Secret;
use crate::suite::{Aead, Bulk, Suite};
use crate::tls13::TrafficSecrets;

/// Opens the packets of one direction of a QUIC connection.
pub struct QuicOpener {
    early: Keys,
    handshake: Keys,
    application: Keys,
    has_opened: bool,
}

/// The keys of one kind of packets.
#[derive(Default)]
struct Keys {
    /// Those that may be the right ones; one, once a packet was opened.
    candidates: Vec<Generation>,
    /// Those before the last change of keys, for packets that were overtaken.
    before: Option<Generation>,
    largest: Option<u64>,
    /// Packets in a row that were not opened.
    failures: u32,
}

/// The keys of one key phase.
struct Generation {
    suite: Suite,
    version: Version,
    secret: Arc<Secret>,
    key: AeadKey,
    iv: Zeroizing<[u8; NONCE_LEN]>,
    /// The same in all phases.
    header: Arc<HeaderProtectionKey>,
    /// The bit of the header, as soon as one of its packets was opened.
    phase: Option<bool>,
}

/// A packet without its header protection.
struct Unmasked {
    number: u64,
    header_len: usize,
    phase: bool,
}

impl QuicOpener {
    /// An opener of what `secrets` protect with `suite`, the one that the server chose. Before it has,
    /// early data may be of any suite.
    #[must_use]
    pub fn new(suite: Option<Suite>, version: Version, secrets: &TrafficSecrets) -> Self {
        let keys = |secrets: &[Arc<Secret>], suite: Option<Suite>| {
            let of = |suite: Suite| {
                secrets.iter().filter_map(move |it| Generation::derive(suite, version, it, None))
            };
            let candidates = match suite {
                Some(suite) => of(suite).collect(),
                None => ANY_SUITE.iter().filter_map(|it| Suite::of(*it)).flat_map(of).collect(),
            };
            Keys { candidates, ..Keys::default() }
        };
        let known = |secrets| if suite.is_some() { keys(secrets, suite) } else { Keys::default() };
        Self {
            early: keys(&secrets.early, suite),
            handshake: known(&secrets.handshake),
            application: known(&secrets.application),
            has_opened: false,
        }
    }

    /// Whether there are keys for packets of this kind.
    #[must_use]
    pub const fn has_keys(&self, space: Space) -> bool {
        let keys = match space {
            Space::ZeroRtt => &self.early,
            Space::Handshake => &self.handshake,
            Space::OneRtt => &self.application,
        };
        !keys.candidates.is_empty()
    }

    /// Whether a packet was opened.
    #[must_use]
    pub const fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// Takes over the packet numbers and key phases of an opener that knew fewer secrets.
    pub fn succeed(&mut self, earlier: Self) {
        let pairs = [
            (&mut self.early, earlier.early),
            (&mut self.handshake, earlier.handshake),
            (&mut self.application, earlier.application),
        ];
        for (keys, earlier) in pairs {
            if earlier.largest.is_some() {
                *keys = earlier;
            }
        }
        self.has_opened |= earlier.has_opened;
    }

    /// Opens a packet: its payload is in `payload` then. Says whether it did.
    pub fn open(
        &mut self,
        packet: &Protected<'_>,
        header: &mut Vec<u8>,
        payload: &mut Vec<u8>,
    ) -> bool {
        let keys = match packet.space {
            Space::ZeroRtt => &mut self.early,
            Space::Handshake => &mut self.handshake,
            Space::OneRtt => &mut self.application,
        };
        let is_opened = keys.open(packet, header, payload).is_some();
        self.has_opened |= is_opened;
        is_opened
    }
}

impl Keys {
    fn open(
        &mut self,
        packet: &Protected<'_>,
        header: &mut Vec<u8>,
        payload: &mut Vec<u8>,
    ) -> Option<()> {
        if self.failures >= MAX_FAILURES {
            return None;
        }
        for index in 0..self.candidates.len() {
            let generation = self.candidates.get_mut(index)?;
            let Some(unmasked) = generation.unmask(packet, self.largest, header) else { continue };
            let is_other = generation.phase.is_some_and(|phase| phase != unmasked.phase);
            let sealed = packet.protected.get(unmasked.header_len..)?;
            if is_other {
                let before = self.before.as_ref();
                if before.is_some_and(|it| it.open(&unmasked, header, sealed, payload)) {
                    self.failures = 0;
                    return Some(());
                }
                let next = generation.next()?;
                if next.open(&unmasked, header, sealed, payload) {
                    self.before = Some(std::mem::replace(generation, next));
                    self.opened(index, &unmasked);
                    return Some(());
                }
            } else if generation.open(&unmasked, header, sealed, payload) {
                self.opened(index, &unmasked);
                return Some(());
            }
        }
        self.failures = self.failures.saturating_add(1);
        None
    }

    fn opened(&mut self, index: usize, unmasked: &Unmasked) {
        self.failures = 0;
        self.largest = self.largest.max(Some(unmasked.number));
        self.candidates.swap(0, index);
        self.candidates.truncate(1);
        if let Some(generation) = self.candidates.first_mut() {
            generation.phase = Some(unmasked.phase);
        }
    }
}

impl Generation {
    fn derive(
        suite: Suite,
        version: Version,
        secret: &Arc<Secret>,
        header: Option<Arc<HeaderProtectionKey>>,
    ) -> Option<Self> {
        let Bulk::Aead(aead) = suite.bulk else { return None };
        let labels = if version.is_v2() { &LABELS_V2 } else { &LABELS_V1 };
        let bytes = secret.dangerous_bytes();
        if bytes.len() != suite.hash.digest_len() {
            return None;
        }
        let key = expanded(suite.hash, bytes, labels.key, aead.key_len())?;
        let mut iv = Zeroizing::new([0; NONCE_LEN]);
        expand_label(suite.hash, bytes, labels.iv, &mut *iv)?;
        let header = match header {
            Some(header) => header,
            None => {
                let key = expanded(suite.hash, bytes, labels.header, aead.key_len())?;
                let algorithm = match aead {
                    Aead::Aes128Gcm | Aead::Aes128Ccm => &AES_128,
                    Aead::Aes256Gcm => &AES_256,
                    Aead::ChaCha20Poly1305 => &CHACHA20,
                    Aead::Aes256Ccm | Aead::Aes128Ccm8 | Aead::Aes256Ccm8 => return None,
                };
                Arc::new(HeaderProtectionKey::new(algorithm, &key).ok()?)
            }
        };
        let (key, secret) = (AeadKey::new(aead, &key)?, Arc::clone(secret));
        Some(Self { suite, version, secret, key, iv, header, phase: None })
    }

    /// The keys after the next change (RFC 9001 section 6.1).
    fn next(&self) -> Option<Self> {
        let labels = if self.version.is_v2() { &LABELS_V2 } else { &LABELS_V1 };
        let bytes = self.secret.dangerous_bytes();
        let next = expanded(self.suite.hash, bytes, labels.update, bytes.len())?;
        let (secret, header) = (Arc::new(Secret::of(next)), Arc::clone(&self.header));
        Self::derive(self.suite, self.version, &secret, Some(header))
    }

    /// Takes the header protection off (RFC 9001 section 5.4).
    fn unmask(
        &self,
        packet: &Protected<'_>,
        largest: Option<u64>,
        header: &mut Vec<u8>,
    ) -> Option<Unmasked> {
        let sample = packet.protected.get(SAMPLE_OFFSET..SAMPLE_OFFSET + SAMPLE_LEN)?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let is_short = packet.space == Space::OneRtt;
        let bits = if is_short { SHORT_BITS } else { LONG_BITS };
        let first = packet.clear.first()? ^ first_mask & bits;
        let header_len = usize::from(first & 0b11) + 1;
        header.clear();
        header.push(first);
        header.extend_from_slice(packet.clear.get(1..)?);
        let mut truncated = 0;
        for (byte, mask) in packet.protected.get(..header_len)?.iter().zip(number_mask) {
            header.push(byte ^ mask);
            truncated = truncated << 8 | u64::from(byte ^ mask);
        }
        let number = full_packet_number(truncated, header_len, largest);
        Some(Unmasked { number, header_len, phase: is_short && first & KEY_PHASE != 0 })
    }

    fn open(
        &self,
        unmasked: &Unmasked,
        header: &[u8],
        sealed: &[u8],
        payload: &mut Vec<u8>,
    ) -> bool {
        let mut nonce = *self.iv;
        xor_sequence(&mut nonce, unmasked.number);
        self.key.open(nonce, header, sealed, payload).is_some()
    }
}

struct Labels {
    key: &'static [u8],
    iv: &'static [u8],
    header: &'static [u8],
    update: &'static [u8],
}

/// RFC 9001 section 5.1.
const LABELS_V1: Labels =
    Labels { key: b"quic key", iv: b"quic iv", header: b"quic hp", update: b"quic ku" };

/// RFC 9369 section 3.3.2.
const LABELS_V2: Labels =
    Labels { key: b"quicv2 key", iv: b"quicv2 iv", header: b"quicv2 hp", update: b"quicv2 ku" };

/// Suites that QUIC has (RFC 9001 section 5.3).
const ANY_SUITE: [CipherSuite; 4] =
    [CipherSuite(0x1301), CipherSuite(0x1302), CipherSuite(0x1303), CipherSuite(0x1304)];

/// Where the sample begins, in bytes from the packet number on, and its length (RFC 9001 section 5.4.2).
const SAMPLE_OFFSET: usize = 4;
const SAMPLE_LEN: usize = 16;

/// Bits of the first byte that are protected, with a short and with a long header.
const SHORT_BITS: u8 = 0x1f;
const LONG_BITS: u8 = 0x0f;

const KEY_PHASE: u8 = 0x04;

/// Packets in a row after which no more are tried: more than are reordered or damaged at a time.
const MAX_FAILURES: u32 = 1024;
