//! The heads and trailers of messages in HTTP/1.1 (RFC 9112).

use crate::counters::Counters;
use crate::fields::Fields;

/// How the end of a message's content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// It has a length, of which so many bytes are to come.
    Length(u64),
    /// In chunks, with trailers behind.
    Chunked,
    /// It ends with the connection: a tunnel.
    Raw,
}

/// What a request asks for that changes how its response is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// Nothing.
    #[default]
    Other,
    /// A response without content.
    Head,
    /// A tunnel.
    Connect,
    /// A tunnel for another protocol (RFC 8441), which HTTP/1.1 asks for by `Upgrade`.
    Upgrade,
}

/// What the fields of a message say of the whole.
#[derive(Debug, Default)]
struct Summary<'a> {
    method: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    content_length: Option<u64>,
    has_wrong_length: bool,
    has_trailers: bool,
    unresolved: u64,
    repeated: u64,
}

/// Appends the head of a request to `out`; `is_last` says that there is no content.
pub(crate) fn request(
    fields: &Fields,
    is_last: bool,
    counters: &mut Counters,
    out: &mut Vec<u8>,
) -> (Method, Framing) {
    let summary = Summary::of(fields, counters);
    let method = match (summary.method, summary.protocol) {
        (Some(b"HEAD"), _) => Method::Head,
        (Some(b"CONNECT"), None) => Method::Connect,
        (Some(b"CONNECT"), Some(_)) => Method::Upgrade,
        _ => Method::Other,
    };
    let framing = match method {
        Method::Connect | Method::Upgrade => Framing::Raw,
        Method::Head | Method::Other if is_last => Framing::Empty,
        Method::Head | Method::Other => summary.framing(),
    };
    let name = match (summary.method, method) {
        (_, Method::Upgrade) | (None, _) if framing != Framing::Chunked => &b"GET"[..],
        (None, _) => b"POST",
        (Some(name), _) => name,
    };
    token(name, out);
    out.push(b' ');
    match (method, summary.path) {
        (Method::Connect, _) => target(summary.authority.unwrap_or(UNRESOLVED_HOST), out),
        (_, Some(path)) => target(if path.is_empty() { b"/" } else { path }, out),
        (_, None) => out.extend_from_slice(UNRESOLVED_PATH),
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let has_host = fields.iter().any(|field| field.name == Some(b"host"));
    if let Some(authority) = summary.authority {
        line(b"host", authority, counters, out);
    } else if !has_host {
        line(b"host", UNRESOLVED_HOST, counters, out);
    }
    if let Some(protocol) = summary.protocol {
        line(b"connection", b"Upgrade", counters, out);
        line(b"upgrade", protocol, counters, out);
    }
    let has_content = matches!(summary.method, Some(b"POST" | b"PUT" | b"PATCH"));
    if framing == Framing::Empty && has_content && summary.content_length.is_none() {
        line(b"content-length", b"0", counters, out);
    }
    rest_of_head(fields, &summary, framing, counters, out);
    (method, framing)
}

/// Appends the head of a response to a request of `method`, and says how its content is written;
/// `None` if it is an interim response, which another follows.
pub(crate) fn response(
    fields: &Fields,
    method: Method,
    is_last: bool,
    counters: &mut Counters,
    out: &mut Vec<u8>,
) -> Option<Framing> {
    let summary = Summary::of(fields, counters);
    let status = summary.status.filter(|status| is_status(status));
    let is_success = status.is_some_and(|status| status.starts_with(b"2"));
    let is_interim = status.is_some_and(|status| status.starts_with(b"1"));
    let is_without = matches!(status, Some(b"204" | b"304"));
    let is_tunnel = matches!(method, Method::Connect | Method::Upgrade) && is_success;
    let framing = if is_tunnel {
        Framing::Raw
    } else if method == Method::Head || is_interim || is_last || is_without {
        Framing::Empty
    } else {
        summary.framing()
    };
    out.extend_from_slice(b"HTTP/1.1 ");
    match status {
        Some(_) if method == Method::Upgrade && is_success => {
            out.extend_from_slice(b"101 Switching Protocols\r\nconnection: Upgrade");
        }
        Some(status) => {
            out.extend_from_slice(status);
            out.push(b' ');
        }
        None => out.extend_from_slice(b"200 Unresolved"),
    }
    out.extend_from_slice(b"\r\n");
    let may_be_without = is_interim || method == Method::Head;
    let needs_length = framing == Framing::Empty && !may_be_without && !is_without;
    if needs_length && summary.content_length.is_none() {
        line(b"content-length", b"0", counters, out);
    }
    if needs_length && summary.content_length.is_some_and(|len| len > 0) {
        counters.wrong_lengths = counters.wrong_lengths.saturating_add(1);
    }
    rest_of_head(fields, &summary, framing, counters, out);
    (!is_interim).then_some(framing)
}

/// Appends the trailers of a message whose content is in chunks, and its end.
pub(crate) fn trailers(fields: &Fields, counters: &mut Counters, out: &mut Vec<u8>) {
    let summary = Summary::of(fields, counters);
    out.extend_from_slice(b"0\r\n");
    rest_of_head(fields, &summary, Framing::Raw, counters, out);
}

impl<'a> Summary<'a> {
    fn of(fields: &'a Fields, counters: &mut Counters) -> Self {
        let mut summary = Self::default();
        for field in fields.iter() {
            let (Some(name), Some(value)) = (field.name, field.value) else {
                summary.unresolved = summary.unresolved.saturating_add(1);
                continue;
            };
            summary.field(name, value);
        }
        counters.unresolved_fields = counters.unresolved_fields.saturating_add(summary.unresolved);
        counters.left_out_fields = counters.left_out_fields.saturating_add(fields.left_out());
        counters.malformed = counters.malformed.saturating_add(summary.repeated);
        let wrong = u64::from(summary.has_wrong_length);
        counters.wrong_lengths = counters.wrong_lengths.saturating_add(wrong);
        summary
    }

    fn field(&mut self, name: &'a [u8], value: &'a [u8]) {
        let place = match name {
            b":method" => &mut self.method,
            b":path" => &mut self.path,
            b":authority" => &mut self.authority,
            b":protocol" => &mut self.protocol,
            b":status" => &mut self.status,
            b"content-length" => return self.length(value),
            b"te" => {
                self.has_trailers |= value.eq_ignore_ascii_case(b"trailers");
                return;
            }
            b"trailer" => {
                self.has_trailers = true;
                return;
            }
            b"content-type" => {
                self.has_trailers |= value.starts_with(b"application/grpc");
                return;
            }
            _ => return,
        };
        if place.is_some() {
            self.repeated = self.repeated.saturating_add(1);
        } else {
            *place = Some(value);
        }
    }

    fn length(&mut self, value: &[u8]) {
        let digits = value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        let len = text.and_then(|text| text.parse().ok());
        match (len, self.content_length) {
            (Some(len), Some(before)) if len != before => self.has_wrong_length = true,
            (Some(len), _) => self.content_length = Some(len),
            (None, _) => self.has_wrong_length = true,
        }
    }

    /// Of content that there is.
    const fn framing(&self) -> Framing {
        match self.content_length {
            Some(len) if !self.has_wrong_length && !self.has_trailers => Framing::Length(len),
            _ => Framing::Chunked,
        }
    }
}

/// Appends all fields that are not in the first line, and the end of the head.
fn rest_of_head(
    fields: &Fields,
    summary: &Summary<'_>,
    framing: Framing,
    counters: &mut Counters,
    out: &mut Vec<u8>,
) {
    let keeps_length = matches!(framing, Framing::Length(_) | Framing::Empty);
    let mut has_cookie = false;
    for field in fields.iter() {
        let (name, value) = match (field.name, field.value) {
            (Some(name), Some(value)) => (name, value),
            (None, Some(value)) => (UNRESOLVED_NAME, value),
            (_, None) => continue,
        };
        match name {
            _ if name.starts_with(b":") => {}
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding"
            | b"upgrade" => {
                counters.connection_fields = counters.connection_fields.saturating_add(1);
            }
            b"content-length" if !keeps_length || summary.has_wrong_length => {}
            b"host" if summary.authority == Some(value) => {}
            b"cookie" => has_cookie = true,
            _ => line(name, value, counters, out),
        }
    }
    if has_cookie {
        cookies(fields, counters, out);
    }
    if framing == Framing::Chunked {
        line(b"transfer-encoding", b"chunked", counters, out);
    }
    if summary.unresolved > 0 {
        let count = summary.unresolved.to_string();
        line(UNRESOLVED_COUNT, count.as_bytes(), counters, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 9113 section 8.2.3: they may be cut up, and are one field again.
fn cookies(fields: &Fields, counters: &mut Counters, out: &mut Vec<u8>) {
    let mut joined = Vec::new();
    let values = fields.iter().filter(|field| field.name == Some(b"cookie"));
    for value in values.filter_map(|field| field.value) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(value);
    }
    line(b"cookie", &joined, counters, out);
}

/// Appends a field. HPACK carries any bytes: those that would end the line are replaced.
fn line(name: &[u8], value: &[u8], counters: &mut Counters, out: &mut Vec<u8>) {
    token(name, out);
    out.extend_from_slice(b": ");
    out.extend(value.iter().map(|byte| if is_line_end(*byte) { b' ' } else { *byte }));
    out.extend_from_slice(b"\r\n");
    let is_replaced =
        value.iter().any(|byte| is_line_end(*byte)) || !name.iter().all(|byte| is_token(*byte));
    counters.replaced_fields = counters.replaced_fields.saturating_add(is_replaced.into());
}

/// Appends a name, of which what may not be in one is replaced.
fn token(name: &[u8], out: &mut Vec<u8>) {
    out.extend(name.iter().map(|byte| if is_token(*byte) { *byte } else { b'?' }));
}

/// Appends the target of a request; what would end it is escaped.
fn target(path: &[u8], out: &mut Vec<u8>) {
    for &byte in path {
        if byte <= b' ' || byte == 0x7f {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
            let escaped = [digit(byte >> 4), digit(byte & 15)];
            out.push(b'%');
            out.extend(
                escaped
                    .iter()
                    .map(|digit| digit.to_ascii_uppercase())
                    .map(|digit| u8::try_from(digit).unwrap_or(b'0')),
            );
        } else {
            out.push(byte);
        }
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_status(status: &[u8]) -> bool {
    status.len() == 3 && status.iter().all(u8::is_ascii_digit)
}

/// How many fields of a head are not known.
const UNRESOLVED_COUNT: &[u8] = b"x-tlsight-unresolved-headers";

/// The name of a field whose value is known and whose name is not.
const UNRESOLVED_NAME: &[u8] = b"x-tlsight-unresolved-name";

const UNRESOLVED_PATH: &[u8] = b"/x-tlsight-unresolved-path";

/// RFC 2606 section 2: it is nobody's.
const UNRESOLVED_HOST: &[u8] = b"unresolved.invalid";
