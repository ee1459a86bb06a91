//! What all flows of an analyzer share: settings, caches, and the events to be fetched.

use std::collections::VecDeque;
use std::sync::Arc;

use event::{Carrier, Certificate, TlsEvent};
use flow::Flow;
use tls::certificate::CertificateCache;
use tls::handshake::{ClientHello, ServerHello};
use tls::shape::{ClientHelloInfo, ServerHelloInfo, ShapeCache};

use crate::handshake::Handshake;
use crate::report;
use crate::settings::Settings;

/// An event and what its flow was found in.
pub(crate) struct Reported {
    pub(crate) event: TlsEvent,
    pub(crate) network: Option<u32>,
}

/// What all flows share.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) quic_scratch: quic::Scratch,
    shapes: ShapeCache,
    certificates: CertificateCache,
    events: VecDeque<Reported>,
    hash_seed: u64,
}

impl Context {
    pub(crate) fn new(settings: Settings, hash_seed: u64) -> Self {
        let memory_bytes = settings.memory_bytes;
        Self {
            certificates: certificates(&settings, hash_seed),
            settings,
            quic_scratch: quic::Scratch::default(),
            shapes: ShapeCache::with_max_bytes(hash_seed, memory_bytes / SHAPES_SHARE),
            events: VecDeque::new(),
            hash_seed,
        }
    }

    /// Takes other choices. The memory stays what it was.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        let memory_bytes = self.settings.memory_bytes;
        self.settings = Settings { memory_bytes, ..settings };
        self.certificates = certificates(&self.settings, self.hash_seed);
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

    /// Makes the event of a handshake that has ended, if it showed anything.
    pub(crate) fn report(&mut self, flow: &Flow, mut handshake: Box<Handshake>) {
        if handshake.is_worth_reporting() {
            self.events.push_back(Reported {
                event: report::event(&self.settings, flow, &mut handshake),
                network: flow.virtual_network(),
            });
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Reported> {
        self.events.pop_front()
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

/// Part of the memory that the shapes of clients take, and as much those of servers: in all a
/// sixteenth, which is some thousand shapes by default.
const SHAPES_SHARE: usize = 32;

/// Part of the memory that the DER forms of the certificates kept take. Parsed and all they come to
/// up to a sixteenth of the memory, which is some thousand certificates by default.
const DER_SHARE: usize = 64;
