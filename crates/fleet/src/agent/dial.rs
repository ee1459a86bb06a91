//! Connections to a server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::settings::ServerAddress;
use crate::limits::PING_PATIENCE;

/// Connects to a server.
pub(super) async fn dial(
    server: &ServerAddress,
    tls: Arc<ClientConfig>,
    ping_every: Duration,
) -> Result<Channel, String> {
    let stream = connect(server, tls).await.map_err(|error| format!("{server}: {error}"))?;
    let mut stream = Some(TokioIo::new(stream));
    // A channel that lost its connection would make another one; ours ends, and the next server's is made.
    let connector = service_fn(move |_uri| {
        let stream = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        async { stream }
    });
    // Without `https`, which would be TLS of another kind; the name is never looked up.
    Endpoint::from_static("http://server.fleet.tlsight")
        .http2_keep_alive_interval(ping_every)
        .keep_alive_timeout(PING_PATIENCE.min(ping_every))
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
        .map_err(|error| format!("{server}: {}", chain(&error)))
}

async fn connect(
    server: &ServerAddress,
    tls: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let lookup = tokio::net::lookup_host((server.host.as_str(), server.port));
    let addresses = timeout(PATIENCE, lookup).await??;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in addresses.take(MOST_ADDRESSES) {
        match timeout(PATIENCE, at(address, server, &tls)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
            Err(_) => {
                last = io::Error::new(io::ErrorKind::TimedOut, format!("{address}: no answer"));
            }
        }
    }
    Err(last)
}

async fn at(
    address: std::net::SocketAddr,
    server: &ServerAddress,
    tls: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    // For whatever passes connections on by name; the server is verified by that of the fleet.
    let name = match server.host.parse::<std::net::IpAddr>() {
        Ok(ip) => ServerName::from(ip),
        Err(_) => ServerName::try_from(server.host.clone()).map_err(|_error| {
            io::Error::new(io::ErrorKind::InvalidInput, "not the name of a host")
        })?,
    };
    TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await
}

/// An error with all that caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

const PATIENCE: Duration = Duration::from_secs(10);

/// A name with more addresses than that is no server's.
const MOST_ADDRESSES: usize = 8;
