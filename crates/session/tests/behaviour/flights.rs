//! What the two sides of whole handshakes send, flight by flight.

use crate::certificates::{chain, leaf};
use crate::messages::{
    ALPN, APPLICATION_DATA, ClientHello, HANDSHAKE, X25519MLKEM768, alpn, certificate,
    certificate_status, change_cipher_spec, encrypted, message, record, server_hello,
    server_hello13, server_key_exchange,
};
use crate::packets::Side::{self, Client, Server};

pub(crate) type Flights = Vec<(Side, Vec<u8>)>;

/// A full handshake of TLS 1.2 and some application data.
pub(crate) fn tls12() -> Flights {
    let flight = tls12_server_flight();
    let mut flights = vec![
        (Client, ClientHello::tls12().record()),
        (Server, flight.iter().flat_map(|message| record(HANDSHAKE, message)).collect()),
    ];
    flights.extend(tls12_end());
    flights
}

/// The messages of the server's first flight of TLS 1.2.
pub(crate) fn tls12_server_flight() -> Vec<Vec<u8>> {
    let extensions = [(ALPN, alpn(&["h2"])), (5, vec![]), (35, vec![])];
    vec![
        server_hello(&[0x33; 32], 0xc02b, &extensions),
        certificate(&chain()),
        certificate_status(),
        server_key_exchange(),
        message(14, b""),
    ]
}

/// What follows the server's first flight of TLS 1.2.
pub(crate) fn tls12_end() -> Flights {
    let client_key_exchange = record(HANDSHAKE, &message(16, &[32; 33]));
    let ticket = record(HANDSHAKE, &message(4, &[0, 0, 0x1c, 0x20, 0, 4, 1, 2, 3, 4]));
    let finished = [change_cipher_spec(), encrypted(HANDSHAKE, 40)].concat();
    vec![
        (Client, [client_key_exchange, finished.clone()].concat()),
        (Server, [ticket, finished].concat()),
        (Client, encrypted(APPLICATION_DATA, 300)),
        (Server, encrypted(APPLICATION_DATA, 900)),
    ]
}

/// A handshake of TLS 1.3 in middlebox-compatibility mode (RFC 9846 appendix E.4) and some
/// application data.
pub(crate) fn tls13() -> Flights {
    tls13_of(&ClientHello::tls13(), &server_hello13(&[0x5e; 32], X25519MLKEM768, &[]))
}

/// The same with other hellos.
pub(crate) fn tls13_of(hello: &ClientHello, server_hello: &[u8]) -> Flights {
    let mut flights = vec![
        (Client, hello.record()),
        (Server, [record(HANDSHAKE, server_hello), change_cipher_spec()].concat()),
    ];
    flights.extend(tls13_end());
    flights
}

/// What follows the `ServerHello` of TLS 1.3.
pub(crate) fn tls13_end() -> Flights {
    let rest = [40, 1200, 100, 53].map(|len| encrypted(APPLICATION_DATA, len)).concat();
    vec![
        (Server, rest),
        (Client, [change_cipher_spec(), encrypted(APPLICATION_DATA, 53)].concat()),
        (Client, encrypted(APPLICATION_DATA, 300)),
        (Server, encrypted(APPLICATION_DATA, 900)),
    ]
}

/// An SMTP session that upgrades to the TLS of `flights`.
pub(crate) fn smtp(flights: Flights) -> Flights {
    let lines: [(Side, &str); 5] = [
        (Server, "220 mx.a.test ESMTP ready\r\n"),
        (Client, "EHLO b.test\r\n"),
        (Server, "250-mx.a.test greets b.test\r\n250-SIZE 10485760\r\n250 STARTTLS\r\n"),
        (Client, "STARTTLS\r\n"),
        (Server, "220 2.0.0 go ahead\r\n"),
    ];
    let mut session: Flights =
        lines.into_iter().map(|(side, line)| (side, line.as_bytes().to_vec())).collect();
    session.extend(flights);
    session
}

/// The handshake of DTLS 1.2 with a cookie, up to the server's certificate: datagrams.
pub(crate) fn dtls12() -> Flights {
    let mut hello = ClientHello::tls12();
    hello.version = 0xfefd;
    hello.cookie = Some(vec![]);
    let first = hello.body();
    hello.cookie = Some(vec![0xc0; 20]);
    let mut server = server_hello(&[0x33; 32], 0xc02b, &[])[4..].to_vec();
    server[..2].copy_from_slice(&[0xfe, 0xfd]);
    let verify = [&[0xfe, 0xfd, 20][..], &[0xc0; 20]].concat();
    let dtls = crate::messages::dtls_record;
    vec![
        (Client, dtls(1, 0, &first)),
        (Server, dtls(3, 0, &verify)),
        (Client, dtls(1, 1, &hello.body())),
        (Server, dtls(2, 1, &server)),
        (Server, dtls(11, 2, &certificate(&[leaf()])[4..])),
    ]
}
