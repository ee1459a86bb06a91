//! Secrets in the headers of HTTP, overwritten before clear text goes anywhere.

mod http1;

use hashbrown::HashMap;

use crate::record::{ConnectionId, Record, RecordKind, Side};
use http1::{Exchange, Parser};

/// Overwrites the values of headers of HTTP/1 (RFC 9112) that are secrets. The length of everything
/// stays what it was.
///
/// Where it is not known what bytes are, because some before them are missing or nobody looked, each
/// line that looks like such a header is overwritten, and whatever may be the rest of one. Of HTTP/2,
/// all is: [`Http2ToHttp1`](crate::Http2ToHttp1) goes in front.
#[derive(Debug)]
pub struct Redactor {
    names: Vec<Box<str>>,
    connections: HashMap<ConnectionId, Conversation>,
    overwritten: u64,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Conversation {
    exchange: Exchange,
    client: Parser,
    server: Parser,
}

impl Redactor {
    /// Overwrites the values of headers with these names, whatever their case.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase().into()).collect();
        Self { names, connections: HashMap::new(), overwritten: 0, buffer: Vec::new() }
    }

    /// Bytes overwritten so far.
    #[must_use]
    pub const fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// Gives a record on without secrets. Records of a connection must come in order, and all of them.
    pub fn redact<'a>(&'a mut self, record: Record<'a>) -> Record<'a> {
        match &record.kind {
            RecordKind::Opened(opened) => {
                let parser = Parser::new(opened.is_late);
                self.connections.insert(
                    record.connection,
                    Conversation {
                        exchange: Exchange::default(),
                        client: parser.clone(),
                        server: parser,
                    },
                );
                record
            }
            RecordKind::Data { sender, position, bytes } => {
                let (sender, position, bytes) = (*sender, *position, *bytes);
                let bytes = self.data(record.connection, sender, bytes);
                Record { kind: RecordKind::Data { sender, position, bytes }, ..record }
            }
            RecordKind::Missing { sender, len, .. } => {
                if let Some(conversation) = self.connections.get_mut(&record.connection) {
                    conversation.parser(*sender).0.skip(*len);
                }
                record
            }
            RecordKind::Closed(_) => {
                self.connections.remove(&record.connection);
                record
            }
        }
    }

    fn data<'a>(&'a mut self, id: ConnectionId, sender: Side, bytes: &'a [u8]) -> &'a [u8] {
        // Of a connection that nobody opened, all may be secret.
        let Some(conversation) = self.connections.get_mut(&id) else {
            self.buffer.clear();
            self.buffer.resize(bytes.len(), MASK);
            return &self.buffer;
        };
        let (parser, exchange) = conversation.parser(sender);
        let mut secrets = Vec::new();
        parser.read(sender, bytes, exchange, &self.names, &mut |range| secrets.push(range));
        if secrets.is_empty() {
            return bytes;
        }
        self.buffer.clear();
        self.buffer.extend(bytes);
        for range in secrets {
            let secret = self.buffer.get_mut(range).unwrap_or_default();
            // The ends of lines stay where they are, and so do spaces.
            for byte in secret.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
                *byte = MASK;
                self.overwritten = self.overwritten.saturating_add(1);
            }
        }
        &self.buffer
    }
}

impl Conversation {
    const fn parser(&mut self, sender: Side) -> (&mut Parser, &mut Exchange) {
        match sender {
            Side::Client => (&mut self.client, &mut self.exchange),
            Side::Server => (&mut self.server, &mut self.exchange),
        }
    }
}

/// Headers whose values let whoever knows them act as somebody else.
pub const SECRET_HEADERS: [&str; 16] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-goog-api-key",
    "x-vault-token",
    "private-token",
];

/// What secrets are overwritten with.
const MASK: u8 = b'*';
