//! A connection that a server accepts.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::authority::Peer;

/// A connection whose TLS handshake is over, for `tonic::transport::Server::serve_with_incoming`. Requests on it
/// have a [`PeerInfo`] among their extensions.
#[derive(Debug)]
pub struct Accepted {
    stream: TlsStream<TcpStream>,
    peer: PeerInfo,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// From where it comes.
    pub address: SocketAddr,
    /// Its certificate, which is of the fleet's authority and valid; none if it has shown none.
    pub certificate: Option<Peer>,
}

/// Does the TLS handshake of a connection, for which it has ten seconds.
///
/// # Errors
/// It fails, takes too long, or shows a certificate that is not one of an agent.
pub async fn accept(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Accepted> {
    tcp.set_nodelay(true)?;
    let address = tcp.peer_addr()?;
    let handshake = TlsAcceptor::from(config).accept(tcp);
    let stream = tokio::time::timeout(PATIENCE, handshake).await??;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = match shown {
        None => None,
        Some(shown) => Some(
            Peer::of(shown).ok_or_else(|| io::Error::other("the certificate names no agent"))?,
        ),
    };
    Ok(Accepted { stream, peer: PeerInfo { address, certificate } })
}

impl Connected for Accepted {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
