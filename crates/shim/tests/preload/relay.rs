//! Bytes between a client and a server, written down.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to a server, and keeps what each side sends.
pub(crate) struct Relay {
    pub(crate) port: u16,
    connections: Arc<Mutex<Vec<Sides>>>,
}

/// What client and server have sent.
pub(crate) type Sides = [Arc<Mutex<Vec<u8>>>; 2];

impl Relay {
    pub(crate) fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<Vec<Sides>>> = Arc::default();
        let kept = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let server = TcpStream::connect(("127.0.0.1", server_port)).unwrap();
                let sides = Sides::default();
                kept.lock().unwrap().push(sides.clone());
                let [from_client, from_server] = sides;
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || pass(client, server, &from_client));
                thread::spawn(move || pass(back.0, back.1, &from_server));
            }
        });
        Self { port, connections }
    }

    /// Content types of the records that client and server have sent, by connection.
    pub(crate) fn records(&self) -> Vec<[Vec<u8>; 2]> {
        let connections = self.connections.lock().unwrap();
        let sides = connections.iter();
        sides.map(|sides| sides.each_ref().map(|side| types(&side.lock().unwrap()))).collect()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 1 << 14];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        // What was received is kept before anybody can act upon it.
        kept.lock().unwrap().extend_from_slice(&bytes[..len]);
        if to.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// Content types of records (RFC 9846 section 5.1), the last of which may be cut.
fn types(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        types.push(*kind);
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        bytes = rest.get(len..).unwrap_or_default();
    }
    types
}
