//! What all flows of an analyzer share: settings, caches, and the events to be fetched.

use std::collections::VecDeque;
use std::sync::Arc;

use event::{Carrier, Certificate, Timestamp, TlsEvent};
use flow::Flow;
use forge::ConnectionId;
use tls::certificate::CertificateCache;
use tls::handshake::{ClientHello, ServerHello};
use tls::shape::{ClientHelloInfo, ServerHelloInfo, ShapeCache};

use crate::decryption::{Decryption, Ends, Opening, QuicScratch, Text, TextSink};
use crate::handshake::Handshake;
use crate::report;
use crate::settings::Settings;

/// Takes a datagram that came at some time; whether it is of its kind. No part of TLS is looked for in it
/// then.
pub type DatagramSink = Box<dyn FnMut(Timestamp, &[u8]) -> bool + Send>;

/// A handshake that has ended, and its flow as it was then.
struct Ended {
    flow: Flow,
    handshake: Box<Handshake>,
}

/// What all flows share.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) quic_scratch: quic::Scratch,
    pub(crate) quic_opened: QuicScratch,
    shapes: ShapeCache,
    certificates: CertificateCache,
    ended: VecDeque<Ended>,
    /// Boxes of handshakes that have been reported, to be used again.
    #[expect(clippy::vec_box, reason = "it is the boxes that are kept")]
    spare: Vec<Box<Handshake>>,
    hash_seed: u64,
    /// Who takes clear text, if anybody does.
    pub(crate) text_sink: Option<TextSink>,
    /// Who takes datagrams that are something else, if anybody does.
    pub(crate) datagram_sink: Option<DatagramSink>,
    /// What the last record that was opened held; kept for its memory.
    pub(crate) clear: Vec<u8>,
    next_connection: u64,
}

impl Context {
    pub(crate) fn new(settings: Settings, hash_seed: u64) -> Self {
        let memory_bytes = settings.memory_bytes;
        Self {
            certificates: certificates(&settings, hash_seed),
            settings,
            quic_scratch: quic::Scratch::default(),
            quic_opened: QuicScratch::default(),
            shapes: ShapeCache::with_max_bytes(hash_seed, memory_bytes / SHAPES_SHARE),
            ended: VecDeque::new(),
            spare: Vec::new(),
            hash_seed,
            text_sink: None,
            datagram_sink: None,
            clear: Vec::new(),
            next_connection: 0,
        }
    }

    /// Takes other choices. The memory stays what it was.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        let memory_bytes = self.settings.memory_bytes;
        self.settings = Settings { memory_bytes, ..settings };
        self.certificates = certificates(&self.settings, self.hash_seed);
    }

    /// What opens the records of `flow`, if it is asked for.
    pub(crate) fn opening(&mut self, flow: &Flow, carrier: Carrier) -> Option<Box<Opening>> {
        self.decryption()?;
        let text = Text::new(self.next_connection(), Ends::of(flow));
        self.decryption().map(|settings| Box::new(Opening::new(settings, carrier, text)))
    }

    /// A number for clear text to be told under.
    pub(crate) const fn next_connection(&mut self) -> ConnectionId {
        let connection = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.wrapping_add(1);
        connection
    }

    /// How records are opened, if there are secrets or some may come.
    pub(crate) fn decryption(&self) -> Option<&Decryption> {
        let settings = self.settings.decryption.as_ref()?;
        (settings.keys.generation() > 0 || settings.patience.is_some()).then_some(settings)
    }

    pub(crate) fn client_info(
        &mut self,
        hello: &ClientHello<'_>,
        carrier: Carrier,
    ) -> Arc<ClientHelloInfo> {
        self.shapes.client(hello, carrier)
    }

    pub(crate) fn server_info(&mut self, hello: &ServerHello<'_>) -> Arc<ServerHelloInfo> {
        self.shapes.server(hello)
    }

    pub(crate) fn certificate(&mut self, der: &[u8]) -> Arc<Certificate> {
        self.certificates.certificate(der)
    }

    /// Takes a handshake that has ended, if it showed anything. Its event is made when it is fetched,
    /// together with others: the code for that is larger than a core's instruction cache leaves room
    /// for beside that for packets.
    pub(crate) fn report(&mut self, flow: &Flow, handshake: Box<Handshake>) {
        if handshake.is_worth_reporting() {
            self.ended.push_back(Ended { flow: flow.clone(), handshake });
        }
    }

    /// Handshakes whose events wait to be fetched.
    pub(crate) fn ended_len(&self) -> usize {
        self.ended.len()
    }

    /// The next event and the virtual network of its flow.
    pub(crate) fn poll_event(&mut self) -> Option<(TlsEvent, Option<u32>)> {
        let Ended { flow, mut handshake } = self.ended.pop_front()?;
        let event = report::event(&self.settings, &flow, &mut handshake);
        if self.spare.len() < MAX_SPARE {
            handshake.empty();
            self.spare.push(handshake);
        }
        Some((event, flow.virtual_network()))
    }

    /// Puts a handshake into a box, which is one used before if there is any.
    pub(crate) fn boxed(&mut self, handshake: Handshake) -> Box<Handshake> {
        match self.spare.pop() {
            Some(mut spare) => {
                *spare = handshake;
                spare
            }
            None => Box::new(handshake),
        }
    }
}

/// An empty cache of certificates, described as `settings` ask.
fn certificates(settings: &Settings, hash_seed: u64) -> CertificateCache {
    let certificate_settings = tls::certificate::Settings {
        fingerprints: settings.fingerprints,
        include_raw: settings.include_raw_certificates,
    };
    CertificateCache::with_max_der_len(
        certificate_settings,
        hash_seed,
        settings.memory_bytes / DER_SHARE,
    )
}

/// Boxes that are kept: as many as events are made at once, and some more.
const MAX_SPARE: usize = 64;

/// Part of the memory that the shapes of clients take, and as much those of servers: in all a
/// sixteenth, which is some thousand shapes by default.
const SHAPES_SHARE: usize = 32;

/// Part of the memory that the DER forms of the certificates kept take. Parsed and all they come to
/// up to a sixteenth of the memory, which is some thousand certificates by default.
const DER_SHARE: usize = 64;
