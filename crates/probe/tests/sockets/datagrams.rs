//! Sessions over datagrams, one after the other on the same ports.

use std::net::UdpSocket;
use std::time::Duration;

use probe::{Batch, Options, SocketCapture};

use crate::place::with_capture;

#[test]
fn a_session_on_the_ports_of_one_that_is_over_is_told_at_once_and_nothing_before_it() {
    for hellos in [[quic(1), quic(2)], [dtls(1), dtls(2)]] {
        with_capture(Options::default(), |mut capture| {
            let ends = Ends::new();
            let [first, second] = &hellos;
            let told = ends.send(&mut capture, &[first, OTHER, first]);
            assert_eq!(told, [(told[0].0, first.len()), (told[0].0, 50), (told[0].0, first.len())]);
            capture.dismiss(told[0].0);
            // The datagrams by which the verdict is heard at either end.
            ends.send(&mut capture, &[OTHER]);
            assert_eq!(ends.send(&mut capture, &[OTHER, first, OTHER]), []);
            let again = ends.send(&mut capture, &[second, OTHER]);
            assert_ne!(again[0].0, told[0].0);
            assert_eq!(again, [(again[0].0, second.len()), (again[0].0, OTHER.len())]);
            assert_eq!(capture.losses().flows_cut_short, 0);
        });
    }
}

#[test]
fn a_hello_in_a_session_that_goes_on_is_not_the_end_of_it() {
    with_capture(Options::default(), |mut capture| {
        let told = Ends::new().send(&mut capture, &[&quic(1), &quic(2), OTHER]);
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|(number, _)| *number == told[0].0), "{told:?}");
    });
}

#[test]
fn a_flow_that_is_not_over_when_enough_of_it_was_copied_is_counted() {
    with_capture(Options::default(), |mut capture| {
        let hello = quic(1);
        let mut datagrams = vec![OTHER; 150];
        datagrams[0] = &hello;
        let told = Ends::new().send(&mut capture, &datagrams);
        assert_eq!(told.len(), 96);
        assert_eq!(capture.losses().flows_cut_short, 2, "at either end");
    });
}

/// Two sockets of this process.
struct Ends {
    client: UdpSocket,
    server: UdpSocket,
}

impl Ends {
    fn new() -> Self {
        let socket = || UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let (client, server) = (socket(), socket());
        client.connect(server.local_addr().unwrap()).unwrap();
        Self { client, server }
    }

    /// Sends datagrams; gives the connections and lengths of those that are told.
    fn send(&self, capture: &mut SocketCapture, datagrams: &[&[u8]]) -> Vec<(u32, usize)> {
        for datagram in datagrams {
            self.client.send(datagram).unwrap();
            self.server.recv(&mut [0; 2048]).unwrap();
        }
        let mut told = Vec::new();
        let mut batch = Batch::default();
        // One may bring nothing but what the other end saw.
        let mut empty = 0;
        while empty < 3 {
            capture.poll(Duration::from_millis(20), &mut batch).unwrap();
            empty = if batch.is_empty() { empty + 1 } else { 0 };
            // Behind the number of the connection and the headers of IP and UDP.
            told.extend(
                batch.packets().map(|(number, packet)| (number, packet.bytes.len() - 4 - 28)),
            );
        }
        told
    }
}

/// The first datagram of a QUIC connection, as far as its header goes.
fn quic(id: u8) -> Vec<u8> {
    let mut datagram = vec![0xc0, 0, 0, 0, 1, 8];
    datagram.extend([id; 8]);
    datagram.resize(1200, 0);
    datagram
}

/// A hello of DTLS with a random.
fn dtls(random: u8) -> Vec<u8> {
    let mut datagram = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100];
    datagram.extend([1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88, 254, 253]);
    datagram.extend([random; 32]);
    datagram.resize(113, 0);
    datagram
}

/// What begins no session.
const OTHER: &[u8] = &[0x40; 50];
