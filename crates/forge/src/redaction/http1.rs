//! One direction of a connection of HTTP/1, as far as it takes to know headers from anything else.

use std::collections::VecDeque;
use std::ops::Range;

use crate::record::Side;

/// Follows one direction.
#[derive(Clone, Debug)]
pub(super) struct Parser {
    state: State,
    /// The beginning of the line, in lower case.
    line: Vec<u8>,
    /// What the headers say of the body so far.
    body: Body,
    /// Whether the value under way is a secret.
    is_secret: bool,
    /// The value under way, if the length of the body follows from it.
    value: Vec<u8>,
    message: Message,
}

/// What both directions have to know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    /// Requests without a response yet.
    pending: VecDeque<Request>,
    /// Whether requests were missed, so that it is not known what a response is to.
    is_unknown: bool,
    /// Whether what follows is another protocol.
    is_over: bool,
    /// Whether it is HTTP/2, of which nothing can be told apart here.
    is_http2: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Head,
    Connect,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Request(Request),
    Response(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Len(u64),
    Chunked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the first line of a message.
    First,
    /// In the name of a header, or at the beginning of a line that may go on with the last one.
    Name {
        in_trailer: bool,
    },
    Value {
        in_trailer: bool,
    },
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    /// Up to the end of the connection.
    Rest,
    /// Nobody knows what comes: each line may be a header.
    Lost,
    /// The same, behind the name of a header.
    LostValue,
    /// In what may be the rest of a secret.
    LostSecret,
    /// Another protocol.
    Other,
}

impl Parser {
    pub(super) const fn new(is_late: bool) -> Self {
        Self {
            state: if is_late { State::LostSecret } else { State::First },
            line: Vec::new(),
            body: Body::None,
            is_secret: false,
            value: Vec::new(),
            message: Message::Request(Request::Other),
        }
    }

    /// Takes note that bytes are missing.
    pub(super) fn skip(&mut self, len: u64) {
        self.state = match self.state {
            State::Body(left) if len <= left => State::Body(left - len),
            State::ChunkData(left) if len <= left => State::ChunkData(left - len),
            State::Rest => State::Rest,
            State::Other => State::Other,
            State::First
            | State::Name { .. }
            | State::Value { .. }
            | State::Body(_)
            | State::ChunkSize
            | State::ChunkData(_)
            | State::Lost
            | State::LostValue
            | State::LostSecret => State::LostSecret,
        };
        if self.state == State::LostSecret {
            self.line.clear();
        }
    }

    /// Follows bytes; tells where secrets are among them.
    pub(super) fn read(
        &mut self,
        sender: Side,
        bytes: &[u8],
        exchange: &mut Exchange,
        names: &[Box<str>],
        secret: &mut dyn FnMut(Range<usize>),
    ) {
        if self.state == State::LostSecret && is_first_line(sender, bytes) {
            self.begin_message();
        }
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if exchange.is_http2 {
                return secret(at..bytes.len());
            }
            if exchange.is_over {
                self.state = State::Other;
            }
            let taken = match self.state {
                State::Rest | State::Other => return,
                State::Body(left) | State::ChunkData(left) => self.body(left, rest),
                State::Value { .. } | State::LostValue | State::LostSecret => {
                    let taken = self.value(rest);
                    if self.is_secret || self.state == State::LostSecret {
                        secret(at..at.saturating_add(taken));
                    }
                    self.end_value(rest, taken, exchange);
                    taken
                }
                State::First | State::Name { .. } | State::ChunkSize | State::Lost => {
                    self.line(sender, rest, exchange, names)
                }
            };
            at = at.saturating_add(taken);
        }
    }

    fn begin_message(&mut self) {
        self.state = State::First;
        self.line.clear();
        self.body = Body::None;
    }

    fn body(&mut self, left: u64, rest: &[u8]) -> usize {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let left = left.saturating_sub(here as u64);
        let is_chunk = matches!(self.state, State::ChunkData(_));
        match (is_chunk, left) {
            (true, 0) => self.state = State::ChunkSize,
            (false, 0) => self.begin_message(),
            (true, left) => self.state = State::ChunkData(left),
            (false, left) => self.state = State::Body(left),
        }
        here
    }

    /// Bytes of a value that are at hand, with the end of its line.
    fn value(&mut self, rest: &[u8]) -> usize {
        let taken = until_newline(rest);
        let room = MAX_VALUE_LEN.saturating_sub(self.value.len());
        self.value.extend(rest.iter().take(taken.min(room)));
        taken
    }

    fn end_value(&mut self, rest: &[u8], taken: usize, exchange: &mut Exchange) {
        if !ends_line(rest, taken) {
            return;
        }
        if let State::Value { in_trailer } = self.state {
            self.note_framing(exchange);
            self.state = State::Name { in_trailer };
        } else {
            // What a secret goes on with is as secret.
            self.is_secret |= self.state == State::LostSecret;
            self.state = State::Lost;
        }
        self.line.clear();
    }

    /// Reads on in a line that may be a header, the first one of a message, or the size of a chunk.
    fn line(
        &mut self,
        sender: Side,
        rest: &[u8],
        exchange: &mut Exchange,
        names: &[Box<str>],
    ) -> usize {
        let is_header = matches!(self.state, State::Name { .. } | State::Lost);
        for (at, byte) in rest.iter().enumerate() {
            let taken = at.saturating_add(1);
            if is_header && self.line.is_empty() && matches!(byte, b' ' | b'\t') {
                // The last header goes on (RFC 9112 section 5.2).
                self.state = self.in_value();
                return at;
            }
            match byte {
                b'\n' => {
                    self.end_line(sender, exchange);
                    return taken;
                }
                b':' if is_header => {
                    let name = self.line.trim_ascii_end();
                    self.is_secret = names.iter().any(|secret| secret.as_bytes() == name);
                    self.value.clear();
                    self.state = self.in_value();
                    return taken;
                }
                _ if self.line.len() < MAX_LINE_LEN => self.line.push(byte.to_ascii_lowercase()),
                // A name so long is that of no header here.
                _ => {}
            }
        }
        rest.len()
    }

    const fn in_value(&self) -> State {
        if let State::Name { in_trailer } = self.state {
            State::Value { in_trailer }
        } else {
            State::LostValue
        }
    }

    fn end_line(&mut self, sender: Side, exchange: &mut Exchange) {
        while self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let is_blank = self.line.is_empty();
        match self.state {
            State::Name { in_trailer: true } if is_blank => self.begin_message(),
            State::Name { .. } if is_blank => self.end_headers(exchange),
            State::ChunkSize => self.chunk_size(),
            // A blank line may be in front of a message (RFC 9112 section 2.2).
            State::First | State::Lost if !is_blank => self.first_line(sender, exchange),
            State::First
            | State::Name { .. }
            | State::Value { .. }
            | State::Body(_)
            | State::ChunkData(_)
            | State::Rest
            | State::Lost
            | State::LostValue
            | State::LostSecret
            | State::Other => {}
        }
        self.line.clear();
    }

    fn first_line(&mut self, sender: Side, exchange: &mut Exchange) {
        let was_lost = self.state == State::Lost;
        let message = match sender {
            Side::Client => request(&self.line).map(Message::Request),
            Side::Server => status(&self.line).map(Message::Response),
        };
        let Some(message) = message else {
            if !was_lost {
                // Nothing that begins like this is HTTP/1; but something that did may have gone wrong.
                exchange.is_http2 |= self.line.starts_with(b"pri * http/2");
                self.state = State::Lost;
            }
            return;
        };
        if let Message::Request(request) = message {
            exchange.is_unknown |= exchange.pending.len() >= MAX_PENDING;
            if !exchange.is_unknown {
                exchange.pending.push_back(request);
            }
        }
        exchange.is_unknown |= was_lost;
        self.message = message;
        self.body = Body::None;
        self.is_secret = false;
        self.value.clear();
        self.state = State::Name { in_trailer: false };
    }

    /// Takes note of a header that says how long the body is. Which one it was, the line says.
    fn note_framing(&mut self, exchange: &mut Exchange) {
        let value = self.value.trim_ascii().to_ascii_lowercase();
        match &*self.line {
            b"transfer-encoding" if value.ends_with(b"chunked") => self.body = Body::Chunked,
            b"content-length" if self.body != Body::Chunked => {
                let len = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                match (len, self.body) {
                    (Some(len), Body::None) => self.body = Body::Len(len),
                    (Some(len), Body::Len(before)) if len == before => {}
                    // Whoever believes which of two lengths cannot be known.
                    _ => exchange.is_unknown = true,
                }
            }
            _ => {}
        }
    }

    /// Finds what comes behind the headers (RFC 9112 section 6.3).
    fn end_headers(&mut self, exchange: &mut Exchange) {
        self.state = match self.message {
            Message::Response(100..=199) if !self.is_switch() => State::First,
            Message::Response(status) => {
                let request = exchange.pending.pop_front();
                let is_tunnel = request == Some(Request::Connect) && (200..300).contains(&status);
                if self.is_switch() || is_tunnel {
                    exchange.is_over = true;
                    State::Other
                } else if exchange.is_unknown || request.is_none() {
                    State::Lost
                } else if request == Some(Request::Head) || matches!(status, 204 | 304) {
                    State::First
                } else {
                    match self.body {
                        Body::None => State::Rest,
                        body @ (Body::Len(_) | Body::Chunked) => behind(body),
                    }
                }
            }
            Message::Request(_) if exchange.is_unknown => State::Lost,
            Message::Request(_) => behind(self.body),
        };
        self.body = Body::None;
    }

    const fn is_switch(&self) -> bool {
        matches!(self.message, Message::Response(101))
    }

    fn chunk_size(&mut self) {
        let digits = self.line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits.trim_ascii()).unwrap_or_default();
        self.state = match u64::from_str_radix(digits, 16) {
            Ok(0) => State::Name { in_trailer: true },
            // The line end behind the data is taken for its last two bytes.
            Ok(len) => State::ChunkData(len.saturating_add(2)),
            Err(_) => State::Lost,
        };
    }
}

const fn behind(body: Body) -> State {
    match body {
        Body::None | Body::Len(0) => State::First,
        Body::Len(len) => State::Body(len),
        Body::Chunked => State::ChunkSize,
    }
}

/// What the first line of a request asks for.
fn request(line: &[u8]) -> Option<Request> {
    let method = line.split(|byte| *byte == b' ').next()?;
    METHODS.contains(&method).then_some(match method {
        b"head" => Request::Head,
        b"connect" => Request::Connect,
        _ => Request::Other,
    })
}

/// The status in the first line of a response.
fn status(line: &[u8]) -> Option<u16> {
    let code = line.strip_prefix(b"http/1.")?.get(1..)?.strip_prefix(b" ")?.get(..3)?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// Whether bytes begin like a message.
fn is_first_line(sender: Side, bytes: &[u8]) -> bool {
    let line = bytes.get(..MAX_FIRST_LEN).unwrap_or(bytes).to_ascii_lowercase();
    match sender {
        Side::Client => line.contains(&b' ') && request(&line).is_some(),
        Side::Server => status(&line).is_some(),
    }
}

fn until_newline(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at.saturating_add(1))
}

fn ends_line(bytes: &[u8], taken: usize) -> bool {
    taken.checked_sub(1).and_then(|last| bytes.get(last)) == Some(&b'\n')
}

/// Methods of RFC 9110 section 9, and others of the registry (RFC 9110 section 16.1) that are in use.
const METHODS: [&[u8]; 20] = [
    b"get",
    b"head",
    b"post",
    b"put",
    b"delete",
    b"connect",
    b"options",
    b"trace",
    b"patch",
    b"propfind",
    b"proppatch",
    b"mkcol",
    b"copy",
    b"move",
    b"lock",
    b"unlock",
    b"report",
    b"search",
    b"purge",
    b"query",
];

/// Longer than each name, method and size of a chunk.
const MAX_LINE_LEN: usize = 64;

/// Longer than each value that says how long a body is.
const MAX_VALUE_LEN: usize = 64;

/// Enough to tell how a message begins.
const MAX_FIRST_LEN: usize = 32;

/// Requests that a client sends before it has a response to the first.
const MAX_PENDING: usize = 1024;
