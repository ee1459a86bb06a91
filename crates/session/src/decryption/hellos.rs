//! What the messages of a handshake say that keys follow from.

use event::Carrier;
use flow::Direction;
use secrets::{ExternalPsk, Suite};
use tls::ProtocolVersion;
use tls::handshake::{ClientHello, ServerHello};
use tls::registry::{CipherSuite, CompressionMethod, ExtensionType, HandshakeType};
use wire::Reader;

/// What was agreed so far.
#[derive(Default)]
pub(crate) struct Hellos {
    pub(super) client: Option<ClientChoice>,
    pub(super) server: Option<ServerChoice>,
    /// What the client encrypted to the server's RSA key, with the identity of a pre-shared key in
    /// front if the suite has one.
    pub(super) client_key_exchange: Option<Box<[u8]>>,
    /// All messages so far, up to the client's key exchange or, in TLS 1.3, the server's `Finished`, if it
    /// will be asked for.
    pub(super) transcript: Transcript,
    /// Length of the transcript in front of a retry.
    pub(super) retried_at: Option<usize>,
}

pub(super) struct ClientChoice {
    pub(super) direction: Direction,
    pub(super) random: [u8; 32],
    pub(super) has_early_data: bool,
    pub(super) ticket: Box<[u8]>,
}

pub(super) struct ServerChoice {
    pub(super) version: ProtocolVersion,
    pub(super) cipher_suite: CipherSuite,
    pub(super) suite: Option<Suite>,
    pub(super) random: [u8; 32],
    pub(super) session_id: Box<[u8]>,
    pub(super) extended_master_secret: bool,
    pub(super) encrypt_then_mac: bool,
    pub(super) is_compressed: bool,
    /// Whether a pre-shared key is all of the key exchange.
    pub(super) is_psk_only: bool,
}

/// The messages that an extended master secret covers (RFC 7627 section 3).
#[derive(Default)]
pub(super) enum Transcript {
    /// Nobody will ask for it.
    #[default]
    Unwanted,
    Open(Vec<u8>),
    Whole(Vec<u8>),
}

/// What a message changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    /// A client has begun a handshake, which may be a renegotiation.
    ClientHello,
    /// The server has chosen version and suite.
    ServerHello,
}

impl Hellos {
    /// Takes a message with its header, as the transcript has it.
    pub(crate) fn on_message(
        &mut self,
        carrier: Carrier,
        direction: Direction,
        message: &[u8],
        wants_transcript: bool,
    ) -> Told {
        let header_len = if carrier == Carrier::Dtls { DTLS_HEADER_LEN } else { HEADER_LEN };
        let Some((header, body)) = message.split_at_checked(header_len) else {
            return Told::Nothing;
        };
        let kind = HandshakeType(header.first().copied().unwrap_or_default());
        let told = match kind {
            HandshakeType::CLIENT_HELLO => self.on_client_hello(carrier, direction, body),
            HandshakeType::SERVER_HELLO => self.on_server_hello(body),
            _ => Told::Nothing,
        };
        if told == Told::ClientHello {
            self.transcript =
                if wants_transcript { Transcript::Open(Vec::new()) } else { Transcript::Unwanted };
        }
        self.transcript.add(message);
        if kind == HandshakeType::CLIENT_KEY_EXCHANGE {
            self.client_key_exchange = Some(body.into());
            self.transcript.close();
        }
        told
    }

    fn on_client_hello(&mut self, carrier: Carrier, direction: Direction, body: &[u8]) -> Told {
        let hello = match carrier {
            Carrier::Dtls => ClientHello::parse_dtls(body),
            Carrier::Tcp | Carrier::Quic => ClientHello::parse(body),
        };
        let Ok(hello) = hello else { return Told::Nothing };
        let is_second = self.server.is_none()
            && self.client.as_ref().is_some_and(|client| client.random == hello.random);
        let has_early_data = hello.extensions.contains(ExtensionType::EARLY_DATA);
        if is_second && carrier != Carrier::Dtls {
            // After a retry there is no early data, but what was sent before may still come.
            return Told::Nothing;
        }
        *self = Self::default();
        self.client = Some(ClientChoice {
            direction,
            random: hello.random,
            has_early_data,
            ticket: hello.session_ticket().unwrap_or_default().into(),
        });
        Told::ClientHello
    }

    fn on_server_hello(&mut self, body: &[u8]) -> Told {
        let Ok(hello) = ServerHello::parse(body) else { return Told::Nothing };
        if hello.is_hello_retry_request() && self.server.is_none() {
            self.retried_at = Some(self.transcript.len());
        }
        if hello.is_hello_retry_request() || self.server.is_some() || self.client.is_none() {
            return Told::Nothing;
        }
        self.server = Some(ServerChoice {
            version: hello.negotiated_version(),
            cipher_suite: hello.cipher_suite,
            suite: Suite::of(hello.cipher_suite),
            random: hello.random,
            session_id: hello.session_id.into(),
            extended_master_secret: hello.has_extended_master_secret(),
            encrypt_then_mac: hello.extensions.contains(ExtensionType::ENCRYPT_THEN_MAC),
            is_compressed: hello.compression_method != CompressionMethod::NULL,
            is_psk_only: hello.selected_psk().is_some() && hello.key_share().is_none(),
        });
        Told::ServerHello
    }

    /// What the client encrypted to the server's RSA key: its length is in front from TLS 1.0 on.
    pub(super) fn encrypted_premaster(&self) -> Option<&[u8]> {
        let version = self.server.as_ref()?.version;
        let body = self.client_key_exchange.as_deref()?;
        if version == ProtocolVersion::SSL3 {
            return Some(body);
        }
        Reader::new(body).prefixed_u16().ok()
    }

    /// The ticket of a `NewSessionTicket` (RFC 5077 section 3.3).
    pub(super) fn ticket(message: &[u8]) -> Option<&[u8]> {
        let mut reader = Reader::new(message.get(HEADER_LEN..)?);
        reader.u32().ok()?;
        reader.prefixed_u16().ok().filter(|ticket| !ticket.is_empty())
    }

    /// The same behind the identity of a pre-shared key (RFC 4279 section 4).
    pub(super) fn encrypted_premaster_behind_identity(&self) -> Option<&[u8]> {
        let mut reader = Reader::new(self.client_key_exchange.as_deref()?);
        reader.prefixed_u16().ok()?;
        reader.prefixed_u16().ok()
    }

    /// The messages so far with what stands for the first hello after a retry, which `psk` tells.
    pub(super) fn tls13_transcript(&self, psk: &ExternalPsk) -> Option<Vec<u8>> {
        let Transcript::Open(messages) = &self.transcript else { return None };
        match self.retried_at {
            None => Some(messages.clone()),
            Some(at) => {
                let (first, rest) = messages.split_at_checked(at)?;
                Some([&psk.message_hash(first), rest].concat())
            }
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        let transcript = match &self.transcript {
            Transcript::Unwanted => 0,
            Transcript::Open(bytes) | Transcript::Whole(bytes) => bytes.capacity(),
        };
        transcript + self.client_key_exchange.as_ref().map_or(0, |body| body.len())
    }
}

impl Transcript {
    fn add(&mut self, message: &[u8]) {
        let Self::Open(bytes) = self else { return };
        if bytes.len().saturating_add(message.len()) > MAX_TRANSCRIPT_LEN {
            *self = Self::Unwanted;
        } else {
            bytes.extend_from_slice(message);
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Unwanted => 0,
            Self::Open(bytes) | Self::Whole(bytes) => bytes.len(),
        }
    }

    fn close(&mut self) {
        if let Self::Open(bytes) = self {
            *self = Self::Whole(std::mem::take(bytes));
        }
    }
}

/// Message type and length.
const HEADER_LEN: usize = 4;

/// The same, and number, offset and length of a fragment (RFC 6347 section 4.2.2).
const DTLS_HEADER_LEN: usize = 12;

/// Longest handshake that is kept for its hash: two of the longest chains that occur.
const MAX_TRANSCRIPT_LEN: usize = 1 << 20;
