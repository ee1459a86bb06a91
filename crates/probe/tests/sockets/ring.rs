//! What is lost is counted.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use probe::{Batch, Options};

use crate::place::with_capture;

#[test]
fn packets_that_the_ring_has_no_room_for_are_counted() {
    let options = Options { ring_len: Some(RING_LEN), ..Options::default() };
    with_capture(options, |mut capture| {
        for _ in 0..CONNECTIONS {
            say(&[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]);
        }
        let mut batch = Batch::default();
        capture.poll(Duration::ZERO, &mut batch).unwrap();
        assert!(!batch.is_empty());
        let lost = capture.losses().ring_full;
        assert!(lost > 0);
        // There is room again.
        say(&[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3]);
        capture.poll(Duration::from_secs(10), &mut batch).unwrap();
        assert!(batch.packets().any(|(_, packet)| packet.bytes.len() > 11));
        assert_eq!(capture.losses().ring_full, lost);
    });
}

/// Opens a connection to itself, says something and hangs up.
fn say(bytes: &[u8]) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(bytes).unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
}

/// The smallest ring: it has room for one process and some packets.
const RING_LEN: u32 = 64 << 10;

const CONNECTIONS: usize = 200;
