//! A network that fails when it is told to.
#![allow(
    clippy::allow_attributes,
    dead_code,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What does not arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The request.
    Request,
    /// The second half of the request.
    Half,
    /// The answer, though the request did.
    Answer,
}

/// Passes connections on to a server, one request at a time, until it fails.
pub(crate) struct Proxy {
    url: String,
    state: Arc<State>,
}

struct State {
    /// Requests that pass before all fail; none fails if it is negative.
    left: AtomicI64,
    fault: Mutex<Fault>,
}

impl Proxy {
    /// A proxy before the server of a URL.
    pub(crate) fn start(url: &str) -> Self {
        let begin = url.rfind('@').unwrap() + 1;
        let end = begin + url[begin..].find('/').unwrap();
        let server: SocketAddr = url[begin..end].parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { left: AtomicI64::new(-1), fault: Mutex::new(Fault::Request) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || pass(client, server, &state));
            }
        });
        Self { url: format!("{}{address}{}", &url[..begin], &url[end..]), state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets some more requests pass, and none after these.
    pub(crate) fn fail_after(&self, requests: u64, fault: Fault) {
        *self.state.fault.lock().unwrap() = fault;
        self.state.left.store(i64::try_from(requests).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.state.left.store(-1, Ordering::SeqCst);
    }
}

/// Passes requests on while it may. A connection that fails ends on both sides.
fn pass(mut client: TcpStream, server: SocketAddr, state: &State) {
    let Ok(mut server) = TcpStream::connect(server) else { return };
    while let Some(request) = message(&mut client) {
        let left = state.left.load(Ordering::SeqCst);
        let fails = left == 0;
        if left > 0 {
            state.left.store(left - 1, Ordering::SeqCst);
        }
        let fault = *state.fault.lock().unwrap();
        match fault {
            Fault::Request if fails => break,
            Fault::Half if fails => {
                server.write_all(&request[..request.len() / 2]).ok();
                server.shutdown(Shutdown::Write).ok();
                // Whatever the server makes of it, it is done before the client tries again.
                message(&mut server);
                break;
            }
            Fault::Request | Fault::Half | Fault::Answer => {}
        }
        if server.write_all(&request).is_err() {
            break;
        }
        let Some(answer) = message(&mut server) else { break };
        if fails || client.write_all(&answer).is_err() {
            break;
        }
    }
    client.shutdown(Shutdown::Both).ok();
}

/// One message of HTTP with its body, which has a length or chunks.
fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 65_536];
    loop {
        let count = from.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4) else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            let begin = head.find(name)? + name.len();
            head[begin..].split("\r\n").next().map(|value| value.trim().to_owned())
        };
        let is_whole = match header("content-length:") {
            Some(len) => bytes.len() >= end + len.parse::<usize>().unwrap(),
            None => bytes[end - 2..].ends_with(b"\r\n0\r\n\r\n"),
        };
        if is_whole {
            return Some(bytes);
        }
    }
}

/// A server that answers the same to everything, as `HOST:PORT`.
pub(crate) fn answering(answer: &[u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.to_vec();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            message(&mut client);
            client.write_all(&answer).ok();
        }
    });
    address
}

/// Has a server of `clickhouse://USER:PASSWORD@HOST:PORT` do something.
pub(crate) fn ask(origin: &str, query: &str) {
    let (login, address) = origin.strip_prefix("clickhouse://").unwrap().split_once('@').unwrap();
    let (user, key) = login.split_once(':').unwrap();
    let mut server = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {key}\r\n\
         Content-Length: {}\r\n\r\n{query}",
        query.len()
    );
    server.write_all(request.as_bytes()).unwrap();
    let answer = message(&mut server).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}
