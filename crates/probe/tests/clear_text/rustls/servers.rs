//! Servers with rustls.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io, thread};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

/// Serves the file `body` of a folder until the input ends.
pub(super) fn run(kind: &str, port: u16, folder: &Path) {
    let (settings, folder) = (settings(folder), folder.to_owned());
    match kind {
        "blocking" => {
            let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
            thread::spawn(move || {
                while let Ok((socket, client)) = listener.accept() {
                    let (settings, folder) = (Arc::clone(&settings), folder.clone());
                    thread::spawn(move || blocking(settings, socket, client, &folder).ok());
                }
            });
        }
        "tokio" => {
            thread::spawn(move || asynchronous(settings, port, &folder));
        }
        other => panic!("no such kind: {other}"),
    }
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

pub(super) fn settings(folder: &Path) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let settings = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(settings)
}

/// What was received so far of a request.
#[derive(Default)]
struct Request(Vec<u8>);

impl Request {
    /// Whether that is all of it, with its body.
    fn is_whole(&self) -> bool {
        let Some(end) = self.0.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return false;
        };
        let head = String::from_utf8_lossy(&self.0[..end]).to_lowercase();
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        self.0.len() >= end + 4 + len.map_or(0, |len| len.parse().unwrap())
    }

    /// The head of the response and its body; a request with a body gets that back.
    fn answer(&self, client: SocketAddr, folder: &Path) -> (String, Vec<u8>) {
        let body = if self.0.starts_with(b"POST ") {
            let end = self.0.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
            self.0[end + 4..].to_vec()
        } else {
            fs::read(folder.join("body")).unwrap()
        };
        let mut head = "HTTP/1.1 200 OK\r\nConnection: close\r\n".to_owned();
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        write!(head, "X-Client: {} {}\r\n\r\n", client.ip(), client.port()).unwrap();
        (head, body)
    }
}

fn blocking(
    settings: Arc<ServerConfig>,
    socket: TcpStream,
    client: SocketAddr,
    folder: &Path,
) -> io::Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(settings).unwrap(), socket);
    let mut request = Request::default();
    let mut buffer = vec![0; 100_000];
    while !request.is_whole() {
        let len = stream.read(&mut buffer)?;
        request.0.extend(&buffer[..len]);
    }
    let (head, body) = request.answer(client, folder);
    // Many small records, then large ones.
    for piece in head.as_bytes().chunks(7) {
        stream.conn.writer().write_all(piece)?;
    }
    stream.write_all(&body)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn asynchronous(settings: Arc<ServerConfig>, port: u16, folder: &Path) {
    let acceptor = TlsAcceptor::from(settings);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        while let Ok((socket, client)) = listener.accept().await {
            let (acceptor, folder) = (acceptor.clone(), folder.to_owned());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(socket).await?;
                let mut request = Request::default();
                let mut buffer = vec![0; 100_000];
                while !request.is_whole() {
                    let len = stream.read(&mut buffer).await?;
                    request.0.extend(&buffer[..len]);
                }
                let (head, body) = request.answer(client, &folder);
                let pieces = [io::IoSlice::new(head.as_bytes()), io::IoSlice::new(&body)];
                let sent = stream.write_vectored(&pieces).await?;
                let left = sent.saturating_sub(head.len());
                stream.write_all(head.as_bytes().get(sent..).unwrap_or_default()).await?;
                stream.write_all(&body[left..]).await?;
                stream.shutdown().await
            });
        }
    });
}
