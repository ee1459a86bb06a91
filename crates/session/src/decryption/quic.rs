//! QUIC packets that secrets open (RFC 9001).

use std::sync::Arc;

use ::quic::{CryptoStream, Protected, Space, Version};
use event::{Carrier, Timestamp};
use flow::Direction;
use secrets::{KeyStore, Label, QuicOpener, TrafficSecrets};

use super::hellos::{Hellos, Told};
use super::settings::{Decryption, Extent};
use super::waiting::{Waiting, WaitingRecord};
use super::{Verdict, is_known};
use crate::both::Both;

/// What opens the packets of one QUIC connection.
pub(crate) struct QuicOpening {
    keys: Arc<KeyStore>,
    generation: u64,
    extent: Extent,
    version: Version,
    hellos: Hellos,
    openers: Both<Option<QuicOpener>>,
    /// Handshake bytes of Handshake and of 1-RTT packets.
    pub(crate) handshake: Both<CryptoStream>,
    pub(crate) application: Both<CryptoStream>,
    waiting: Waiting,
    /// Whether secrets may come late.
    is_patient: bool,
    failed: u64,
    has_lost: bool,
    is_exhausted: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketOutcome {
    /// It was opened.
    Opened,
    /// It waits for its keys.
    Waits,
    /// It stays closed.
    Closed,
}

/// Memory to open packets in.
#[derive(Default)]
pub(crate) struct QuicScratch {
    header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl QuicOpening {
    pub(crate) fn new(settings: &Decryption, version: Version) -> Self {
        // Packets of a handshake may overtake the one with the ServerHello, without which they have no
        // keys, so some wait in any case.
        let patience = settings.patience.clone().unwrap_or_default();
        Self {
            keys: Arc::clone(&settings.keys),
            generation: settings.keys.generation(),
            extent: settings.extent,
            version,
            hellos: Hellos::default(),
            openers: Both::default(),
            handshake: Both::default(),
            application: Both::default(),
            waiting: Waiting::new(Some(patience)),
            is_patient: settings.patience.is_some(),
            failed: 0,
            has_lost: false,
            is_exhausted: false,
        }
    }

    pub(crate) const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Takes a handshake message with its header.
    pub(crate) fn on_message(&mut self, direction: Direction, message: &[u8]) {
        let told = self.hellos.on_message(Carrier::Quic, direction, message, false);
        if told != Told::Nothing {
            self.look_up();
        }
    }

    /// Opens a packet, or keeps it until its keys come.
    pub(crate) fn open(
        &mut self,
        now: Timestamp,
        direction: Direction,
        packet: &Protected<'_>,
        scratch: &mut QuicScratch,
    ) -> PacketOutcome {
        if self.is_exhausted {
            return PacketOutcome::Closed;
        }
        if self.is_missing(direction, packet.space) {
            let space = match packet.space {
                Space::ZeroRtt => 0,
                Space::Handshake => 1,
                Space::OneRtt => 2,
            };
            let clear_len = u8::try_from(packet.clear.len()).unwrap_or(u8::MAX);
            let head = [&[space, clear_len][..], packet.clear].concat();
            if self.waiting.push(now, direction, [&head, packet.protected]) {
                return PacketOutcome::Waits;
            }
            if is_known(&self.hellos, &self.keys) {
                self.waiting.count_no_room();
            }
        }
        self.open_now(direction, packet, scratch)
    }

    /// The next packet whose wait is over, because secrets have come or will not.
    pub(crate) fn next_waiting(&mut self, now: Timestamp, is_end: bool) -> Option<WaitingRecord> {
        if self.waiting.is_empty() {
            return None;
        }
        if self.generation != self.keys.generation() {
            self.look_up();
        }
        let packet = self.waiting.first()?;
        let (direction, bytes) = (packet.direction, &packet.bytes);
        let space = waiting_packet(bytes, self.version)?.space;
        let has_keys = !self.is_missing(direction, space);
        let (hellos, keys) = (&self.hellos, &self.keys);
        self.waiting.next(now, has_keys, is_end, || is_known(hellos, keys))
    }

    /// Opens a packet that has waited.
    pub(crate) fn open_waiting(
        &mut self,
        waiting: &WaitingRecord,
        scratch: &mut QuicScratch,
    ) -> Option<Space> {
        let packet = waiting_packet(&waiting.bytes, self.version)?;
        let outcome = self.open_now(waiting.direction, &packet, scratch);
        (outcome == PacketOutcome::Opened).then_some(packet.space)
    }

    /// Whether the connection is to be followed further for what its packets hold.
    pub(crate) fn goes_on(&self) -> bool {
        let has_keys = self.openers.iter().flatten().any(|opener| {
            opener.has_keys(Space::OneRtt)
                || (opener.has_keys(Space::Handshake) && !opener.has_opened())
        });
        !self.is_exhausted && (has_keys || !self.waiting.is_empty())
    }

    /// Takes note that nothing more is wanted than the handshake, which is over.
    pub(crate) fn end_handshake(&mut self) {
        self.is_exhausted |= self.extent == Extent::Handshake;
    }

    /// What came of the secrets.
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.openers.iter().flatten().any(QuicOpener::has_opened) {
            return if self.failed > 0 { Verdict::Mismatch } else { Verdict::Nothing };
        }
        if self.has_lost { Verdict::OpenedInPart } else { Verdict::Opened }
    }

    pub(crate) fn heap_size(&self) -> usize {
        let streams = self.handshake.iter().chain(self.application.iter());
        size_of::<Self>()
            + self.hellos.heap_size()
            + self.waiting.heap_size()
            + streams.map(CryptoStream::heap_size).sum::<usize>()
    }

    fn open_now(
        &mut self,
        direction: Direction,
        packet: &Protected<'_>,
        scratch: &mut QuicScratch,
    ) -> PacketOutcome {
        let Some(opener) = &mut self.openers[direction] else { return PacketOutcome::Closed };
        if opener.open(packet, &mut scratch.header, &mut scratch.payload) {
            return PacketOutcome::Opened;
        }
        let has_keys = opener.has_keys(packet.space);
        self.has_lost |= has_keys;
        self.failed = self.failed.saturating_add(u64::from(has_keys));
        PacketOutcome::Closed
    }

    /// Whether keys for a packet may yet come.
    fn is_missing(&self, direction: Direction, space: Space) -> bool {
        match &self.openers[direction] {
            None => true,
            Some(opener) => {
                self.hellos.server.is_none() && space != Space::ZeroRtt
                    || self.is_patient && !opener.has_keys(space)
            }
        }
    }

    fn look_up(&mut self) {
        self.generation = self.keys.generation();
        let Some(client) = &self.hellos.client else { return };
        let suite = match &self.hellos.server {
            Some(server) => server.suite,
            None => None,
        };
        for direction in Direction::BOTH {
            let is_client = client.direction == direction;
            let of = |label| self.keys.by_random(&client.random, label);
            let secrets = TrafficSecrets {
                early: if is_client { of(Label::ClientEarlyTraffic) } else { Vec::new() },
                handshake: of(if is_client {
                    Label::ClientHandshakeTraffic
                } else {
                    Label::ServerHandshakeTraffic
                }),
                application: self.keys.application(&client.random, is_client),
            };
            let mut opener = QuicOpener::new(suite, self.version, &secrets);
            if let Some(before) = self.openers[direction].take() {
                opener.succeed(before);
            }
            self.openers[direction] = Some(opener);
        }
    }
}

/// The packet that `bytes` of a waiting one are.
fn waiting_packet(bytes: &[u8], version: Version) -> Option<Protected<'_>> {
    let (&[space, clear_len], rest) = bytes.split_first_chunk()?;
    let space = match space {
        0 => Space::ZeroRtt,
        1 => Space::Handshake,
        _ => Space::OneRtt,
    };
    let (clear, protected) = rest.split_at_checked(clear_len.into())?;
    Some(Protected { space, version, clear, protected })
}
