//! Connections: TCP, TLS, HTTP/1.1 and HTTP/2, within bounds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// The address of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves `router` at `listener` until `stop` is done, then lets running requests end for a while.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: ServerConfig,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Ok((stream, address, place)) = accepted else {
            // Out of files, for instance; there will be some again.
            sleep(PAUSE).await;
            continue;
        };
        let connection = Connection { acceptor: acceptor.clone(), router: router.clone(), address };
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            connection.run(stream, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    // Live streams do not end by themselves.
    timeout(LAST_PATIENCE, graceful.shutdown()).await.ok();
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place))
}

struct Connection {
    acceptor: TlsAcceptor,
    router: Router,
    address: SocketAddr,
}

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        // Small answers are not to wait for the client's acknowledgement.
        stream.set_nodelay(true).ok();
        let Ok(Some(stream)) = timeout(HANDSHAKE_PATIENCE, self.handshake(stream)).await else {
            return;
        };
        let (router, peer) = (self.router, Peer(self.address));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_PATIENCE)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_OF_STREAM)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(HEADER_PATIENCE);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // A client that breaks off is no matter of the server's.
        watcher.watch(connection.into_owned()).await.ok();
    }

    async fn handshake(
        &self,
        mut stream: TcpStream,
    ) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
        let mut first = [0; 1];
        stream.peek(&mut first).await.ok()?;
        // The first byte of a request is the letter of a method, that of a TLS record is none.
        if first.iter().all(u8::is_ascii_uppercase) {
            stream.write_all(NOT_PLAIN).await.ok();
            stream.shutdown().await.ok();
            return None;
        }
        self.acceptor.accept(stream).await.ok()
    }
}

/// What a client is told that speaks clear text.
const NOT_PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Connection: close\r\nContent-Length: 47\r\n\r\nThis port speaks TLS: the address is https://..";

/// Some people with their browsers, agents and scrapers; further ones wait.
const MAX_CONNECTIONS: usize = 1024;

/// For a TLS handshake from anywhere on earth.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// For the head of a request, and how long an idle connection is kept.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);

/// For requests that still run when the server is told to end.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// Often enough to notice a peer that is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(100);

/// Long queries and cookies have some kilobytes.
const MAX_HEAD: usize = 32 << 10;

const MAX_HEAD_OF_STREAM: u32 = 16 << 10;

const MAX_HEADERS: usize = 64;

/// What a page asks for at once.
const MAX_STREAMS: u32 = 64;
