//! Protocols of text lines: mail, news, chat, files, and HTTP.

use super::{Greeting, Unit};

/// The leading line of `bytes`, or the leading head of an HTTP request.
pub(super) fn unit(bytes: &[u8], greeting: &mut Option<Greeting>) -> Unit {
    if let Some(unit) = http(bytes) {
        return unit;
    }
    if bytes.starts_with(b"<") {
        return xml(bytes);
    }
    let Some(end) = bytes.iter().take(MAX_LINE_LEN).position(|&byte| byte == b'\n') else {
        let is_text =
            bytes.iter().take(MAX_LINE_LEN).all(|byte| matches!(byte, b'\t' | b'\r' | b' '..=b'~'));
        return if is_text && bytes.len() < MAX_LINE_LEN { Unit::NeedMore } else { Unit::Unknown };
    };
    let len = end.saturating_add(1);
    let line = bytes.get(..end).unwrap_or_default();
    if is_irc_go_ahead(line) {
        return Unit::Upgrade(len, "irc");
    }
    if let Some(found) = greeting_of(line) {
        greeting.get_or_insert(found);
        if found == Greeting::Lmtp {
            *greeting = Some(found);
        }
        return Unit::Known(len);
    }
    match upgrade_of(line, *greeting) {
        Some(name) => Unit::Upgrade(len, name),
        None if is_known(line) => Unit::Known(len),
        None => Unit::Unknown,
    }
}

fn http(bytes: &[u8]) -> Option<Unit> {
    let is_connect = bytes.starts_with(b"CONNECT ");
    if !is_connect && !HTTP_METHODS.iter().any(|method| bytes.starts_with(method)) {
        return None;
    }
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Some(Unit::NeedMore);
    };
    let len = head.saturating_add(4);
    let text = bytes.get(..len).unwrap_or_default();
    Some(if is_connect {
        Unit::Upgrade(len, "http-connect")
    } else if text
        .windows(b"Upgrade: TLS/".len())
        .any(|window| window.eq_ignore_ascii_case(b"Upgrade: TLS/"))
    {
        Unit::Upgrade(len, "http-upgrade")
    } else {
        Unit::Unknown
    })
}

/// A chunk of an XML stream ends with `>` wherever TLS may begin (RFC 6120 section 5.4.2).
fn xml(bytes: &[u8]) -> Unit {
    let Some(end) = bytes.iter().position(|&byte| byte == b'>') else { return Unit::NeedMore };
    let len = end.saturating_add(1);
    let tag = bytes.get(..len).unwrap_or_default();
    if tag.starts_with(b"<starttls") || tag.starts_with(b"<proceed") {
        Unit::Upgrade(len, "xmpp")
    } else {
        Unit::Known(len)
    }
}

fn greeting_of(line: &[u8]) -> Option<Greeting> {
    let starts = |prefix: &[u8]| {
        line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts(b"220 ") || starts(b"220-") {
        Some(Greeting::Ready)
    } else if starts(b"LHLO ") {
        Some(Greeting::Lmtp)
    } else if starts(b"200 ") || starts(b"201 ") {
        Some(Greeting::News)
    } else if starts(b"\"IMPLEMENTATION\"") {
        Some(Greeting::Sieve)
    } else if starts(b"NICK ") || starts(b"USER ") || starts(b"CAP ") || starts(b":") {
        Some(Greeting::Irc)
    } else {
        None
    }
}

/// `:server 670 ...` (IRCv3 `tls` extension): the first thing an IRC server says if the client
/// begins with `STARTTLS`.
fn is_irc_go_ahead(line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    words.next().is_some_and(|word| word.starts_with(b":")) && words.next() == Some(b"670")
}

fn upgrade_of(line: &[u8], greeting: Option<Greeting>) -> Option<&'static str> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let (first, second, third) = (words.next()?, words.next(), words.next());
    let is = |word: &[u8], text: &[u8]| word.eq_ignore_ascii_case(text);
    match (first, second, third) {
        (command, None, _) if is(command, b"STARTTLS") => Some(match greeting {
            Some(Greeting::News) => "nntp",
            Some(Greeting::Sieve) => "sieve",
            Some(Greeting::Irc) => "irc",
            Some(Greeting::Lmtp) => "lmtp",
            Some(Greeting::Ready) | None => "smtp",
        }),
        (command, None, _) if is(command, b"STLS") => Some("pop3"),
        // What an SMTP server offers looks like a command with an IMAP tag.
        (b"250", Some(command), None) if is(command, b"STARTTLS") => None,
        (_, Some(command), None) if is(command, b"STARTTLS") => Some("imap"),
        (command, Some(kind), None)
            if is(command, b"AUTH")
                && (is(kind, b"TLS")
                    || is(kind, b"SSL")
                    || is(kind, b"TLS-C")
                    || is(kind, b"TLS-P")) =>
        {
            Some("ftp")
        }
        (command, Some(_), Some(_)) if is(command, b"PROXY") => Some("proxy-protocol"),
        _ => None,
    }
}

/// Whether `line` is one of the protocols here: a three-digit reply, an IMAP or POP3 reply, or a
/// command.
fn is_known(line: &[u8]) -> bool {
    let is_reply = line.split_at_checked(3).is_some_and(|(code, rest)| {
        code.iter().all(u8::is_ascii_digit) && matches!(rest.first(), Some(b' ' | b'-'))
    });
    is_reply || KNOWN_LINES.iter().any(|start| line.starts_with(start))
}

/// Longest line that is looked for; longer text is no command.
const MAX_LINE_LEN: usize = 2048;

/// Methods whose requests may ask for TLS by `Upgrade` (RFC 2817). Printers use `OPTIONS` and
/// `POST`.
const HTTP_METHODS: [&[u8]; 3] = [b"OPTIONS ", b"GET ", b"POST "];

const KNOWN_LINES: [&[u8]; 14] = [
    b"* ",
    b"+OK",
    b"EHLO",
    b"HELO",
    b"CAPA",
    b"CAPABILITIES",
    b"HTTP/1.",
    b"OK",
    b"NO ",
    b"MODE",
    b"FEAT",
    b"AUTH",
    b"\"",
    b"PROXY",
];
