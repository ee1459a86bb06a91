//! What a flow has shown: its hellos, and up to where nothing in it is protected.

use flow::{Application, Direction, EndReason, Flow, FlowAnomaly, Interest, Progress};
use tls::handshake::{ClientHello, MessageHeader, ServerHello};
use tls::record::RecordHeader;
use tls::registry::{ContentType, HandshakeType};

/// Reads flows; what it has learned of the one in hand is taken after each packet.
#[derive(Default)]
pub(super) struct Readings {
    news: Option<News>,
    /// The side at this host, of the flow in hand. What the other one sends may be read otherwise here than
    /// by whom it is for: it never ends a wait.
    local: Option<usize>,
}

/// What was learned of a flow.
#[derive(Default)]
pub(super) struct News {
    pub(super) seen: Seen,
    pub(super) client: Option<ClientFacts>,
    pub(super) server: Option<ServerFacts>,
}

/// How far a flow has come. The initiator is side 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The side that sent a client's hello.
    pub(super) client: Option<usize>,
    /// Bytes at the beginning of each side that are known and not protected.
    pub(super) clear_until: [u64; 2],
    /// Whether a side has begun to send protected records.
    pub(super) is_protected: [bool; 2],
    /// What this host sends is not TLS.
    pub(super) is_other: bool,
    /// Bytes that this host sends are missing, or are no records: it is not known what follows.
    pub(super) is_lost: bool,
}

pub(super) struct ClientFacts {
    pub(super) random: [u8; 32],
    pub(super) server_name: Option<String>,
    pub(super) offers_early_data: bool,
}

#[derive(Clone, Copy)]
pub(super) struct ServerFacts {
    pub(super) random: [u8; 32],
    pub(super) version: u16,
    pub(super) cipher_suite: u16,
}

/// The state of one flow.
#[derive(Default)]
pub(super) struct Reading {
    sides: [Side; 2],
    seen: Seen,
    local: Option<usize>,
}

#[derive(Default)]
struct Side {
    /// Where in the stream the next byte is that has not been looked at.
    position: u64,
    /// What is left of the record in hand, and what it carries.
    left: usize,
    is_handshake: bool,
    has_changed_cipher: bool,
    /// The beginning of the message in hand, until the hello was found.
    message: Vec<u8>,
    has_hello: bool,
    /// What follows cannot be read.
    is_lost: bool,
}

impl Readings {
    /// Has the next packet be of a flow with this side at this host.
    pub(super) const fn expect(&mut self, local: Option<usize>) {
        self.local = local;
    }

    /// What the last packet has told, if anything.
    pub(super) fn take_news(&mut self) -> Option<News> {
        self.news.take()
    }

    fn news(&mut self) -> &mut News {
        self.news.get_or_insert_default()
    }
}

impl Application for Readings {
    type State = Reading;

    /// Of a flow whose beginning was seen and is forgotten, it is not known what follows.
    fn open(&mut self, flow: &Flow) -> Reading {
        let mut reading = Reading { local: self.local, ..Reading::default() };
        for direction in Direction::BOTH {
            if flow.starts_mid_stream(direction) {
                reading.lose(direction.index());
            }
        }
        reading
    }

    fn on_stream(
        &mut self,
        _flow: &Flow,
        state: &mut Reading,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress {
        let consumed = state.read(direction.index(), bytes, self.news());
        self.news().seen = state.seen;
        Progress { consumed, opaque: false, interest: state.interest() }
    }

    fn on_gap(
        &mut self,
        _flow: &Flow,
        state: &mut Reading,
        direction: Direction,
        _missing: Option<u32>,
        _unconsumed: &[u8],
    ) -> Interest {
        state.lose(direction.index());
        self.news().seen = state.seen;
        state.interest()
    }

    fn on_datagram(
        &mut self,
        _flow: &Flow,
        _state: &mut Reading,
        _direction: Direction,
        _payload: &[u8],
    ) -> Interest {
        Interest::Done
    }

    fn on_anomaly(
        &mut self,
        _flow: &Flow,
        _state: &mut Reading,
        _direction: Direction,
        _anomaly: FlowAnomaly,
    ) {
    }

    fn on_end(&mut self, _flow: &Flow, _state: Reading, _reason: EndReason) {}

    fn heap_size(state: &Reading) -> usize {
        state.sides.iter().map(|side| side.message.capacity()).sum()
    }
}

impl Reading {
    fn interest(&self) -> Interest {
        let ended = (0..2).all(|index| self.has_ended(index));
        let is_done = self.seen.is_other || self.seen.is_lost || ended;
        if is_done { Interest::Done } else { Interest::Continue }
    }

    /// Whether nothing more is to be learned of a side.
    fn has_ended(&self, index: usize) -> bool {
        self.seen.is_protected.get(index) == Some(&true)
            || self.sides.get(index).is_some_and(|side| side.is_lost)
    }

    /// It is not known what follows of a side.
    fn lose(&mut self, index: usize) {
        if let Some(side) = self.sides.get_mut(index) {
            side.is_lost = true;
            side.message = Vec::new();
        }
        self.seen.is_lost |= self.local == Some(index);
    }

    /// Reads records; how many of the bytes were looked at.
    fn read(&mut self, index: usize, bytes: &[u8], news: &mut News) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(len) = self.step(index, rest, news) else { break };
            rest = rest.get(len..).unwrap_or_default();
            let Some(side) = self.sides.get_mut(index) else { break };
            side.position = side.position.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
        let is_protected = self.seen.is_protected.get(index) == Some(&true);
        let waiting = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        if let (Some(side), Some(clear), false) =
            (self.sides.get(index), self.seen.clear_until.get_mut(index), is_protected)
        {
            *clear = side.position.saturating_add(waiting);
        }
        if self.interest() == Interest::Done { bytes.len() } else { bytes.len() - rest.len() }
    }

    /// Looks at a header or at the body of a record; how long that is. `None` if more bytes are needed, or
    /// none are worth a look.
    fn step(&mut self, index: usize, rest: &[u8], news: &mut News) -> Option<usize> {
        if self.interest() == Interest::Done {
            return None;
        }
        if self.has_ended(index) {
            return Some(rest.len());
        }
        let side = self.sides.get_mut(index)?;
        if side.left > 0 {
            let body = rest.get(..side.left).unwrap_or(rest);
            side.left = side.left.saturating_sub(body.len());
            if side.is_handshake && !side.has_hello {
                side.message.extend_from_slice(body);
                self.take_messages(index, news);
            }
            return Some(body.len());
        }
        let header = match RecordHeader::parse(rest) {
            Ok(header) => header?,
            Err(_) => {
                if side.position == 0 && self.local == Some(index) {
                    self.seen.is_other = true;
                } else {
                    self.lose(index);
                }
                return None;
            }
        };
        if side.is_protected(&header, rest)? {
            // What begins so has no hello: it is none of TLS, whatever it looks like.
            self.seen.is_other = side.position == 0 && self.local == Some(index);
            *self.seen.is_protected.get_mut(index)? = true;
            *self.seen.clear_until.get_mut(index)? = side.position;
            return None;
        }
        side.has_changed_cipher |= header.content_type == ContentType::CHANGE_CIPHER_SPEC;
        side.is_handshake = header.content_type == ContentType::HANDSHAKE;
        side.left = usize::from(header.len);
        Some(RecordHeader::LEN)
    }

    /// Takes hellos out of the messages of a side that are whole.
    fn take_messages(&mut self, index: usize, news: &mut News) {
        let Some(side) = self.sides.get_mut(index) else { return };
        while let Some(header) = MessageHeader::parse(&side.message) {
            let len = MessageHeader::LEN
                .saturating_add(usize::try_from(header.len).unwrap_or(usize::MAX));
            let whole = side.message.get(MessageHeader::LEN..len);
            let Some(body) = whole.filter(|_| header.is_plausible()) else {
                if !header.is_plausible() {
                    self.lose(index);
                }
                return;
            };
            match header.kind {
                HandshakeType::CLIENT_HELLO => {
                    if let Ok(hello) = ClientHello::parse(body) {
                        self.seen.client = Some(index);
                        news.client = Some(ClientFacts::of(&hello));
                        side.has_hello = true;
                    }
                }
                HandshakeType::SERVER_HELLO => match ServerHello::parse(body) {
                    Ok(hello) if !hello.is_hello_retry_request() => {
                        news.server = Some(ServerFacts::of(&hello));
                        side.has_hello = true;
                    }
                    _ => {}
                },
                _ => {}
            }
            if side.has_hello {
                side.message = Vec::new();
                return;
            }
            side.message.drain(..len.min(side.message.len()));
        }
    }
}

impl Side {
    /// Whether a record is protected; `None` if more of it is needed to say so.
    ///
    /// All that TLS 1.3 protects looks like application data (RFC 9846 section 5.2); before, what follows a
    /// change of the cipher is protected (RFC 5246 section 7.1). A hello behind such a change is that of a
    /// client or server which retries, and is not (RFC 9846 appendix E.4).
    fn is_protected(&self, header: &RecordHeader, rest: &[u8]) -> Option<bool> {
        match header.content_type {
            ContentType::APPLICATION_DATA => Some(true),
            ContentType::CHANGE_CIPHER_SPEC => Some(false),
            _ if !self.has_changed_cipher => Some(false),
            ContentType::HANDSHAKE => {
                let body = rest.get(RecordHeader::LEN..).unwrap_or_default();
                if usize::from(header.len) < MessageHeader::LEN {
                    return Some(true);
                }
                let message = MessageHeader::parse(body)?;
                let is_whole =
                    usize::try_from(message.len).ok()?.saturating_add(MessageHeader::LEN)
                        == usize::from(header.len);
                let is_hello = message.kind == HandshakeType::CLIENT_HELLO
                    || (message.kind == HandshakeType::SERVER_HELLO && !self.has_hello);
                Some(!(is_whole && is_hello))
            }
            _ => Some(true),
        }
    }
}

impl ClientFacts {
    fn of(hello: &ClientHello<'_>) -> Self {
        Self {
            random: hello.random,
            server_name: hello.server_name().map(|name| name.to_text().into_owned()),
            offers_early_data: hello.offers_early_data(),
        }
    }
}

impl ServerFacts {
    fn of(hello: &ServerHello<'_>) -> Self {
        Self {
            random: hello.random,
            version: hello.negotiated_version().0,
            cipher_suite: hello.cipher_suite.0,
        }
    }
}
