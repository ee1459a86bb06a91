//! Connections, over TLS.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, mpsc as std_mpsc};
use std::task::{Context, Poll};
use std::thread;

use hyper::body::{Body, Bytes, Frame};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::request;
use crate::state::State;

/// The body of an answer, in pieces as they come.
pub(crate) struct Pieces(pub(crate) mpsc::Receiver<Piece>);

/// A piece of an answer.
pub(crate) enum Piece {
    /// Some of it.
    Text(String),
    /// The connection breaks off.
    Break,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| match piece? {
            Piece::Text(text) => Some(Ok(Frame::data(Bytes::from(text)))),
            Piece::Break => Some(Err(io::ErrorKind::ConnectionReset.into())),
        })
    }
}

/// Begins to serve; gives the address and the certificate in PEM.
pub(crate) fn start(state: Arc<State>) -> (SocketAddr, String) {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (sender, receiver) = std_mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            serve(&listener, &acceptor, &state).await;
        });
    });
    (receiver.recv().unwrap(), pem(cert.der()))
}

/// Takes connections until the cluster ends.
async fn serve(listener: &TcpListener, acceptor: &TlsAcceptor, state: &Arc<State>) {
    let mut changes = state.changes();
    loop {
        let accepted = {
            let mut ended = std::pin::pin!(changes.wait_for(|_| state.inner().is_over));
            let mut accept = std::pin::pin!(listener.accept());
            std::future::poll_fn(|context| {
                if ended.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                accept.as_mut().poll(context).map(Some)
            })
            .await
        };
        match accepted {
            None => return,
            Some(Ok((stream, _))) if !state.inner().is_unreachable => {
                tokio::spawn(connection(stream, acceptor.clone(), Arc::clone(state)));
            }
            Some(_) => {}
        }
    }
}

/// Serves a connection until one of both ends it or it is broken off.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) {
    let mut changes = state.changes();
    let begun = state.inner().broken_off;
    let broken = Arc::clone(&state);
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(request::answer(state, request).await) }
    });
    let mut served =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let mut ended = std::pin::pin!(changes.wait_for(|_| {
        let inner = broken.inner();
        inner.is_over || inner.broken_off != begun
    }));
    std::future::poll_fn(|context| {
        let is_over = ended.as_mut().poll(context).is_ready();
        if is_over { Poll::Ready(()) } else { served.as_mut().poll(context).map(drop) }
    })
    .await;
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
