//! Answers `GET /metrics` and `GET /healthz`, and nothing else.
//!
//! Two paths without parameters or bodies need no HTTP library: a request is its first line, within
//! bounds on size, time and connections, and each connection is closed after its answer.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status code and its words, such as `200 OK`.
    pub(crate) status: &'static str,
    /// Media type.
    pub(crate) kind: &'static str,
    /// The body.
    pub(crate) body: String,
}

/// What answers requests for a path; none if there is nothing at it.
pub(crate) type Pages = dyn Fn(&str) -> Option<Answer> + Send + Sync;

/// Answers at `listener` as long as the process lives.
pub(crate) fn serve(listener: TcpListener, pages: Arc<Pages>) {
    let connections = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                // Out of files, for instance; there will be some again.
                thread::sleep(PAUSE);
                continue;
            };
            if connections.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
                connections.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (own_pages, own_connections) = (Arc::clone(&pages), Arc::clone(&connections));
            let served = thread::Builder::new().stack_size(STACK).spawn(move || {
                // Who does not wait for the answer does not get it.
                answer(stream, &*own_pages).ok();
                own_connections.fetch_sub(1, Ordering::Relaxed);
            });
            if served.is_err() {
                connections.fetch_sub(1, Ordering::Relaxed);
            }
        }
    });
}

fn answer(mut stream: TcpStream, pages: &Pages) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut request = [0; MAX_REQUEST];
    let mut len = 0_usize;
    let answer = loop {
        let (read, room) = request.split_at_mut_checked(len).unwrap_or_default();
        if let Some(head) = head(read) {
            break respond(head, pages);
        }
        if room.is_empty() {
            break error("431 Request Header Fields Too Large");
        }
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(room)? {
            0 => return Ok(()),
            more => len = len.saturating_add(more),
        }
    };
    let Answer { status, kind, body } = answer;
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
         \r\n{body}",
        body.len()
    );
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        let written = stream.write(rest)?;
        rest = rest.get(written..).filter(|_| written > 0).unwrap_or_default();
    }
    Ok(())
}

/// The head of a request, if it is whole.
fn head(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    bytes.get(..end)
}

fn respond(head: &[u8], pages: &Pages) -> Answer {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Ok(line) = str::from_utf8(line) else { return error("400 Bad Request") };
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("GET"), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) => {
            let path = target.split('?').next().unwrap_or_default();
            pages(path).unwrap_or_else(|| error("404 Not Found"))
        }
        (Some(_), Some(_), Some("HTTP/1.1" | "HTTP/1.0"), None) => error("405 Method Not Allowed"),
        _ => error("400 Bad Request"),
    }
}

fn error(status: &'static str) -> Answer {
    Answer { status, kind: "text/plain; charset=utf-8", body: format!("{status}\n") }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A scraper's request is some hundred bytes.
const MAX_REQUEST: usize = 4096;

/// A scraper or two, and a health check, at a time; others are hung up on.
const MAX_CONNECTIONS: usize = 8;

/// For a request and its answer together.
const PATIENCE: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(100);

/// Enough for a request, its answer and the formatting of numbers.
const STACK: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pages_are_answered() {
        let port = server();
        for (request, status) in [
            ("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"),
            ("GET /page?x=1 HTTP/1.0\r\n\r\n", "200 OK"),
            ("GET /other HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /page HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("GET /page\r\n\r\n", "400 Bad Request"),
            ("\u{0}\u{1}\r\n\r\n", "400 Bad Request"),
        ] {
            let answer = ask(port, request.as_bytes());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {answer}");
        }
        assert!(ask(port, b"GET /page HTTP/1.1\r\n\r\n").ends_with("\r\n\r\nbody\n"));
    }

    #[test]
    fn a_request_has_a_bound() {
        let answer = ask(server(), &[b'x'; MAX_REQUEST]);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[test]
    fn connections_have_a_bound_and_are_given_back() {
        let port = server();
        let idle: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        assert_eq!(ask(port, b""), "");
        drop(idle);
        while ask(port, b"GET /page HTTP/1.1\r\n\r\n").is_empty() {}
    }

    fn server() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let page = |path: &str| {
            let body = "body\n".to_owned();
            (path == "/page").then_some(Answer { status: "200 OK", kind: "text/plain", body })
        };
        serve(listener, Arc::new(page));
        port
    }

    /// What is answered to a request; nothing if the connection is closed.
    fn ask(port: u16, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut text = String::new();
        if stream.write_all(request).is_ok() {
            stream.read_to_string(&mut text).ok();
        }
        text
    }
}
