//! What a TCP flow speaks before TLS: protocols that upgrade (STARTTLS) and tunnels.
//!
//! The protocols are told from content alone, whatever the port and whichever side speaks. A
//! `ClientHello` that follows is found by its own content, so that a protocol that is not known
//! here costs its label, not the session.

mod binary;
mod line;

use flow::Direction;

use crate::both::Both;

/// What was understood of the bytes before TLS.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    greeting: Option<Greeting>,
    upgrade: Option<&'static str>,
    recognised: bool,
    passed: Both<usize>,
}

/// What the server said first, which tells apart protocols that share a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    /// `220`: SMTP or FTP.
    Ready,
    /// `200` or `201`: NNTP.
    News,
    /// `"IMPLEMENTATION"`: Sieve.
    Sieve,
    /// `:server ...` or a client's `NICK`, `USER`, `CAP`: IRC.
    Irc,
    /// A client's `LHLO`: LMTP.
    Lmtp,
}

/// The leading unit (a line or a packet) of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Unit {
    /// A unit of this many bytes that asks for TLS, or opens a tunnel, by this name.
    Upgrade(usize, &'static str),
    /// A unit of this many bytes of a protocol that may upgrade.
    Known(usize),
    /// Bytes of no protocol that is known here.
    Unknown,
    /// A unit whose end is not there yet.
    NeedMore,
}

impl Preamble {
    /// Looks at the plain bytes of one direction and says how many of them are understood; 0 if
    /// the end of a line or packet has to come first.
    ///
    /// After each unit the caller looks for a hello: one may follow an upgrade directly.
    pub(crate) fn observe(&mut self, direction: Direction, bytes: &[u8]) -> usize {
        let unit = match binary::unit(bytes) {
            Unit::Unknown => line::unit(bytes, &mut self.greeting),
            unit @ (Unit::Upgrade(..) | Unit::Known(_) | Unit::NeedMore) => unit,
        };
        let len = match unit {
            Unit::Upgrade(len, name) => {
                self.recognised = true;
                self.upgrade = Some(name);
                len
            }
            Unit::Known(len) => {
                self.recognised = true;
                len
            }
            Unit::Unknown => bytes.len(),
            Unit::NeedMore if bytes.len() < MAX_UNIT_LEN => return 0,
            Unit::NeedMore => bytes.len(),
        };
        let len = len.min(bytes.len());
        let passed = &mut self.passed[direction];
        *passed = passed.saturating_add(len);
        len
    }

    /// The protocol that asked for TLS or the tunnel that was opened, if any.
    pub(crate) fn upgrade(&self) -> Option<&'static str> {
        self.upgrade
    }

    /// Whether so much was passed that TLS is not to be expected any more.
    pub(crate) fn is_exhausted(&self) -> bool {
        let limit = if self.recognised { MAX_KNOWN_BYTES } else { MAX_UNKNOWN_BYTES };
        self.passed.iter().any(|&passed| passed > limit)
    }
}

/// Longest line or packet that is waited for. Lines of the protocols here are at most 512 bytes
/// (RFC 5321 section 4.5.3.1.4) or 1024 (RFC 2449), requests of a proxy rarely above 4 KiB.
const MAX_UNIT_LEN: usize = 4096;

/// Plain bytes of one direction after which a flow of an unknown protocol is left alone: enough
/// for any preface in use, little enough to cost nothing on bulk transfers.
const MAX_UNKNOWN_BYTES: usize = 4096;

/// The same where a protocol that may upgrade was recognised: a mail or directory session can be
/// long before it asks for TLS.
const MAX_KNOWN_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_upgrade_is_named() {
        let cases: [(&'static str, &[&[u8]]); 17] = [
            ("smtp", &[b"220 mx.test ESMTP\r\n", b"EHLO a.test\r\n", b"STARTTLS\r\n"]),
            ("lmtp", &[b"220 mx.test LMTP\r\n", b"LHLO a.test\r\n", b"STARTTLS\r\n"]),
            ("imap", &[b"* OK ready\r\n", b"a1 STARTTLS\r\n"]),
            ("pop3", &[b"+OK ready\r\n", b"STLS\r\n"]),
            ("ftp", &[b"220 ftp.test\r\n", b"AUTH TLS\r\n"]),
            ("nntp", &[b"200 news.test\r\n", b"STARTTLS\r\n"]),
            ("sieve", &[b"\"IMPLEMENTATION\" \"x\"\r\n", b"\"STARTTLS\"\r\n", b"STARTTLS\r\n"]),
            ("irc", &[b"CAP LS 302\r\n", b"STARTTLS\r\n"]),
            (
                "xmpp",
                &[b"<?xml version='1.0'?>", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
            ),
            ("http-connect", &[b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n"]),
            ("http-upgrade", &[b"OPTIONS * HTTP/1.1\r\nUpgrade: TLS/1.0\r\n\r\n"]),
            ("postgresql", &[&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]]),
            ("mysql", &[MYSQL_GREETING, MYSQL_SSL_REQUEST]),
            ("rdp", &[RDP_REQUEST]),
            ("ldap", &[LDAP_STARTTLS]),
            ("socks4", &[&[4, 1, 1, 0xbb, 192, 0, 2, 1, b'u', 0]]),
            ("socks5", &[&[5, 1, 0], &[5, 0], &[5, 1, 0, 1, 192, 0, 2, 1, 1, 0xbb]]),
        ];
        for (name, messages) in cases {
            let mut preamble = Preamble::default();
            for message in messages {
                consume(&mut preamble, message);
            }
            assert_eq!(preamble.upgrade(), Some(name));
        }
    }

    #[test]
    fn a_command_cut_anywhere_is_waited_for() {
        let command = b"STARTTLS\r\n";
        for cut in 1..command.len() {
            let mut preamble = Preamble::default();
            consume(&mut preamble, b"220 mx.test ESMTP\r\n");
            assert_eq!(
                preamble.observe(Direction::FromInitiator, &command[..cut]),
                0,
                "cut at {cut}"
            );
            consume(&mut preamble, command);
            assert_eq!(preamble.upgrade(), Some("smtp"), "cut at {cut}");
        }
    }

    #[test]
    fn a_hello_may_follow_the_command_in_the_same_bytes() {
        let mut preamble = Preamble::default();
        let bytes = b"a1 STARTTLS\r\n\x16\x03\x01";
        assert_eq!(preamble.observe(Direction::FromInitiator, bytes), bytes.len() - 3);
        assert_eq!(preamble.upgrade(), Some("imap"));
    }

    #[test]
    fn unknown_protocols_are_given_up_soon_and_known_ones_late() {
        let mut unknown = Preamble::default();
        unknown.observe(Direction::FromInitiator, &[0x99; MAX_UNKNOWN_BYTES + 1]);
        assert!(unknown.is_exhausted());
        let mut known = Preamble::default();
        consume(&mut known, b"220 mx.test ESMTP\r\n");
        consume(&mut known, &b"250 fine\r\n".repeat(1000));
        assert!(!known.is_exhausted());
        consume(&mut known, &b"250 fine\r\n".repeat(MAX_KNOWN_BYTES / 10));
        assert!(known.is_exhausted());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_passed_or_waited_for(bytes: Vec<u8>) {
            let mut preamble = Preamble::default();
            proptest::prop_assert!(preamble.observe(Direction::FromResponder, &bytes) <= bytes.len());
        }
    }

    fn consume(preamble: &mut Preamble, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = preamble.observe(Direction::FromInitiator, bytes);
            assert_ne!(len, 0, "{bytes:?} is whole");
            bytes = &bytes[len..];
        }
    }

    const MYSQL_GREETING: &[u8] = b"\x0a\x00\x00\x00\x0a8.0.0\x00\x01\x00\x00";
    const MYSQL_SSL_REQUEST: &[u8] =
        b"\x20\x00\x00\x01\x85\xae\x7f\x00\x00\x00\x00\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const RDP_REQUEST: &[u8] =
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00";
    const LDAP_STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
}
