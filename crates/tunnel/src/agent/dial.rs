//! Connections to the sensor.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// Where the sensor is, and as whom it must show itself.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
}

/// A connection on which the handshake is over, as far as the agent can tell.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) tcp: TcpStream,
    pub(super) tls: ClientConnection,
}

impl Target {
    /// Connects; takes no longer than [`PATIENCE`] for each address, but for what the resolver takes.
    pub(super) fn dial(&self) -> Result<Dialed, String> {
        let addresses = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| format!("{}: {error}", self.host))?;
        let mut last = format!("{}: no address", self.host);
        for address in addresses.take(MAX_ADDRESSES) {
            match self.dial_at(address) {
                Ok(dialed) => return Ok(dialed),
                Err(error) => last = format!("{address}: {error}"),
            }
        }
        Err(last)
    }

    fn dial_at(&self, address: SocketAddr) -> io::Result<Dialed> {
        let deadline = Instant::now() + PATIENCE;
        let mut tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
        tcp.set_nodelay(true)?;
        let mut tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone())
            .map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if tls.wants_write() {
                tcp.set_write_timeout(Some(left))?;
                tls.write_tls(&mut tcp)?;
                continue;
            }
            tcp.set_read_timeout(Some(left))?;
            if tls.read_tls(&mut tcp)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Err(error) = tls.process_new_packets() {
                // The sensor is told why, if it still listens.
                tls.write_tls(&mut tcp).ok();
                return Err(io::Error::other(error));
            }
        }
        tcp.set_nonblocking(true)?;
        Ok(Dialed { tcp, tls })
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

/// A name with more addresses than that is no sensor's.
const MAX_ADDRESSES: usize = 8;
