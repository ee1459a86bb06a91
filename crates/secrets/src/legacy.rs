//! Key schedules of SSL 3.0 to TLS 1.2 and DTLS up to 1.2, and the records of one direction.

use std::sync::Arc;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384};
use tls::ProtocolVersion;
use zeroize::Zeroizing;

use crate::prf::Prf;
use crate::protection::{Covered, Framing, LegacyKeys, LegacyProtection};
use crate::secret::Secret;
use crate::suite::{Bulk, Hash, Suite};

/// What the hellos of a session agreed on.
#[derive(Clone, Copy, Debug)]
pub struct LegacySession {
    /// The version, TLS 1.2 or older.
    pub version: ProtocolVersion,
    /// What protects its records.
    pub suite: Suite,
    /// The client's random.
    pub client_random: [u8; 32],
    /// The server's random.
    pub server_random: [u8; 32],
    /// Whether the server took `encrypt_then_mac` (RFC 7366).
    pub encrypt_then_mac: bool,
}

/// Opens the records of one direction.
pub struct LegacyOpener {
    /// Those that may be the right ones; one, once a record was opened.
    protections: Vec<LegacyProtection>,
    sequence: u64,
    /// Records that may have been lost in front of the next.
    lost: u64,
    /// Trials in vain since a record was opened.
    trials: u32,
    has_opened: bool,
}

/// One record, as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub struct LegacyRecord<'a> {
    /// Content type in its header.
    pub content_type: u8,
    /// Version in its header.
    pub version: u16,
    /// What follows the header.
    pub body: &'a [u8],
}

impl LegacySession {
    /// The master secret that follows from a premaster secret; with `session_hash`, the hash of all
    /// messages up to the client's key exchange, it is an extended one (RFC 7627 section 4).
    #[must_use]
    pub fn master_secret(&self, premaster: &Secret, session_hash: Option<&[u8]>) -> Secret {
        let mut master = Zeroizing::new(vec![0; MASTER_SECRET_LEN]);
        let (label, seed): (&[u8], [&[u8]; 2]) = match session_hash {
            Some(hash) => (b"extended master secret", [hash, &[]]),
            None => (b"master secret", [&self.client_random, &self.server_random]),
        };
        self.prf().expand(premaster.dangerous_bytes(), label, seed, &mut master);
        Secret::of(master)
    }

    /// The hash of `messages` that an extended master secret covers (RFC 7627 section 3).
    #[must_use]
    pub fn session_hash(&self, messages: &[u8]) -> Vec<u8> {
        match self.prf() {
            Prf::Tls12(Hash::Sha384) => Sha384::digest(messages).to_vec(),
            Prf::Tls12(Hash::Md5 | Hash::Sha1 | Hash::Sha256) => Sha256::digest(messages).to_vec(),
            Prf::Ssl3 | Prf::Tls10 => {
                [Md5::digest(messages).to_vec(), Sha1::digest(messages).to_vec()].concat()
            }
        }
    }

    /// An opener of one side's records, from master secrets and from what [`Self::write_keys`] gave for
    /// that side. With several, the first record that opens tells which is the right one.
    #[must_use]
    pub fn opener(
        &self,
        is_client: bool,
        masters: &[Arc<Secret>],
        keys: &[Arc<Secret>],
    ) -> LegacyOpener {
        let mut opener = LegacyOpener::new();
        for master in masters {
            let derived = self.write_keys(master).map(
                |[client, server]| {
                    if is_client { client } else { server }
                },
            );
            opener.protections.extend(derived.and_then(|keys| self.protection(&keys)));
        }
        opener.protections.extend(keys.iter().filter_map(|keys| self.protection(keys)));
        opener
    }

    /// What protects the client's and the server's records: MAC key, key and IV, one behind the other
    /// (RFC 5246 section 6.3). Neither the other side's nor the master secret follows from it.
    #[must_use]
    pub fn write_keys(&self, master: &Secret) -> Option<[Secret; 2]> {
        let lens = self.key_lens();
        let mut block = Zeroizing::new(vec![0; 2 * lens.iter().sum::<usize>()]);
        let seed = [&self.server_random[..], &self.client_random[..]];
        self.prf().expand(master.dangerous_bytes(), b"key expansion", seed, &mut block);
        let of = |is_server: bool| {
            let mut keys = Zeroizing::new(Vec::with_capacity(block.len() / 2));
            let mut rest = &block[..];
            for len in lens {
                let (client, behind) = rest.split_at_checked(len)?;
                let (server, behind) = behind.split_at_checked(len)?;
                keys.extend_from_slice(if is_server { server } else { client });
                rest = behind;
            }
            Some(Secret::of(keys))
        };
        Some([of(false)?, of(true)?])
    }

    /// `None` if the keys have not the lengths that the suite asks for.
    fn protection(&self, keys: &Secret) -> Option<LegacyProtection> {
        let [mac_len, key_len, iv_len] = self.key_lens();
        let (mac, rest) = keys.dangerous_bytes().split_at_checked(mac_len)?;
        let (key, iv) = rest.split_at_checked(key_len)?;
        let keys = LegacyKeys { mac, key, iv };
        if iv.len() != iv_len {
            return None;
        }
        LegacyProtection::new(self.suite, self.framing(), &keys)
    }

    /// Lengths of one side's MAC key, key and IV.
    fn key_lens(&self) -> [usize; 3] {
        let key_len = match self.suite.bulk {
            Bulk::Aead(aead) => aead.key_len(),
            Bulk::Cbc(block) => block.key_len(),
            Bulk::Rc4 => RC4_KEY_LEN,
            Bulk::Null => 0,
        };
        let mac_len = self.suite.mac.map_or(0, Hash::digest_len);
        [mac_len, key_len, LegacyProtection::iv_len(self.suite, self.framing())]
    }

    fn prf(&self) -> Prf {
        let rank = self.version.age_rank();
        if self.version == ProtocolVersion::SSL3 {
            Prf::Ssl3
        } else if rank >= ProtocolVersion::TLS12.age_rank() {
            Prf::Tls12(self.suite.hash)
        } else {
            Prf::Tls10
        }
    }

    fn framing(&self) -> Framing {
        Framing {
            is_ssl3: self.version == ProtocolVersion::SSL3,
            has_explicit_iv: self.version.age_rank() >= ProtocolVersion::TLS11.age_rank(),
            encrypt_then_mac: self.encrypt_then_mac && matches!(self.suite.bulk, Bulk::Cbc(_)),
        }
    }
}

impl Secret {
    /// The premaster secret of a pre-shared key, alone or with one that was encrypted to an RSA key
    /// (RFC 4279 sections 2 and 4).
    #[must_use]
    pub fn psk_premaster(psk: &Self, other: Option<&Self>) -> Self {
        let psk = psk.dangerous_bytes();
        let zeros = Zeroizing::new(vec![0; psk.len()]);
        let other = other.map_or(&zeros[..], Self::dangerous_bytes);
        let mut premaster = Zeroizing::new(Vec::with_capacity(4 + other.len() + psk.len()));
        for part in [other, psk] {
            premaster.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            premaster.extend_from_slice(part);
        }
        Self::of(premaster)
    }
}

/// What stands for a ticket where sessions are found by their id.
#[must_use]
pub fn ticket_id(ticket: &[u8]) -> Box<[u8]> {
    let mut id = b"ticket ".to_vec();
    id.extend(Sha256::digest(ticket));
    id.into_boxed_slice()
}

impl LegacyOpener {
    const fn new() -> Self {
        Self { protections: Vec::new(), sequence: 0, lost: 0, trials: 0, has_opened: false }
    }

    /// Whether there are keys that may open records.
    #[must_use]
    pub const fn has_keys(&self) -> bool {
        !self.protections.is_empty()
    }

    /// Whether a record was opened.
    #[must_use]
    pub const fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// Takes note that up to `records` records were lost.
    pub fn on_gap(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records).min(MAX_LOST);
        self.protections.retain(LegacyProtection::is_followed_after_gap);
    }

    /// Opens the next record into `out`, and says how many records were lost in front of it; `None` if
    /// it cannot be opened. What is in `out` then has no meaning.
    pub fn open(&mut self, record: LegacyRecord<'_>, out: &mut Vec<u8>) -> Option<u64> {
        let mut opened = None;
        for lost in 0..=self.lost {
            if self.trials >= MAX_TRIALS {
                break;
            }
            if self.try_at(self.sequence.saturating_add(lost), record, out) {
                opened = Some(lost);
                break;
            }
            self.trials = self.trials.saturating_add(1);
        }
        for protection in &mut self.protections {
            protection.pass(record.body);
        }
        match opened {
            Some(lost) => {
                self.sequence = self.sequence.saturating_add(lost).saturating_add(1);
                (self.lost, self.trials) = (0, 0);
            }
            None if self.has_opened => self.lost = self.lost.saturating_add(1).min(MAX_LOST),
            None => {}
        }
        opened
    }

    /// Opens a record of DTLS; `sequence` has the epoch in its upper 16 bits.
    pub fn open_at(&mut self, sequence: u64, record: LegacyRecord<'_>, out: &mut Vec<u8>) -> bool {
        self.try_at(sequence, record, out)
    }

    fn try_at(&mut self, sequence: u64, record: LegacyRecord<'_>, out: &mut Vec<u8>) -> bool {
        let LegacyRecord { content_type, version, body } = record;
        let covered = Covered { sequence, content_type, version };
        let found = self
            .protections
            .iter_mut()
            .position(|protection| protection.open(covered, body, out).is_some());
        if let Some(found) = found.filter(|_| !self.has_opened) {
            self.has_opened = true;
            self.protections.swap(0, found);
            self.protections.truncate(1);
        }
        found.is_some()
    }
}

/// Length of a master secret in bytes (RFC 5246 section 8.1).
const MASTER_SECRET_LEN: usize = 48;

const RC4_KEY_LEN: usize = 16;

/// Records that may be lost in front of one that is to be opened: what a full window of 16 MiB holds.
/// Each costs a trial.
const MAX_LOST: u64 = 1024;

/// Trials in vain after which no more are made. Each may cost the decryption of 16 KiB in CBC mode.
const MAX_TRIALS: u32 = 1280;
