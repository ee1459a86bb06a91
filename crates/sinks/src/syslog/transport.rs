//! Connections to syslog servers.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::{SyslogAddress, SyslogTransport};
use crate::receiver::Failure;
use crate::settings::WrongSetting;
use crate::tls;

/// A server, and the connection to it while there is one.
pub(super) struct Transport {
    address: SyslogAddress,
    tls: Option<Arc<ClientConfig>>,
    open: Option<Open>,
}

enum Open {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Transport {
    pub(super) fn new(address: SyslogAddress, ca: Option<&Path>) -> Result<Self, WrongSetting> {
        let is_tls = address.transport == SyslogTransport::Tls;
        let tls = is_tls.then(|| tls::client(ca)).transpose()?;
        Ok(Self { address, tls, open: None })
    }

    /// Sends messages. If that fails, it is not known how many have arrived.
    pub(super) fn send(&mut self, messages: &[String]) -> Result<(), Failure> {
        let sent = self.try_send(messages);
        sent.map_err(|error| {
            self.open = None;
            if error.kind() == ErrorKind::InvalidInput {
                return Failure::TooLarge;
            }
            Failure::later(format!("{}: {error}", self.address))
        })
    }

    fn try_send(&mut self, messages: &[String]) -> io::Result<()> {
        if self.open.as_mut().is_some_and(Open::is_closed) {
            self.open = None;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let opened = self.connect()?;
                self.open.insert(opened)
            }
        };
        open.write(messages)?;
        // A server that closed meanwhile has likely not read all of it.
        if open.is_closed() {
            return Err(io::Error::new(ErrorKind::ConnectionReset, "the server has closed"));
        }
        Ok(())
    }

    fn connect(&self) -> io::Result<Open> {
        let found = (self.address.host.as_str(), self.address.port).to_socket_addrs()?;
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for to in found.take(MAX_ADDRESSES) {
            match self.connect_to(to) {
                Ok(open) => return Ok(open),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connect_to(&self, to: SocketAddr) -> io::Result<Open> {
        if self.address.transport == SyslogTransport::Udp {
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            socket.connect(to)?;
            return Ok(Open::Udp(socket));
        }
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Open::Tcp(stream)) };
        let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
        let connection =
            ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Open::Tls(Box::new(stream)))
    }
}

impl Open {
    fn write(&mut self, messages: &[String]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => messages.iter().try_for_each(|message| {
                socket.send(message.as_bytes()).map(|_sent| ()).map_err(|error| {
                    // A datagram is longer than there can be.
                    let is_long = error.raw_os_error() == Some(EMSGSIZE);
                    if is_long { ErrorKind::InvalidInput.into() } else { error }
                })
            }),
            Self::Tcp(stream) => stream.write_all(&framed(messages)),
            Self::Tls(stream) => {
                stream.write_all(&framed(messages))?;
                stream.flush()
            }
        }
    }

    /// Whether the server has closed it, as far as that has arrived. What else a server says is passed over.
    fn is_closed(&mut self) -> bool {
        match self {
            Self::Udp(_) => false,
            Self::Tcp(stream) => without_waiting(stream, |stream| {
                let mut bytes = [0; 512];
                let mut stream = stream;
                stream.read(&mut bytes)
            }),
            Self::Tls(stream) => {
                let StreamOwned { conn, sock } = &mut **stream;
                let is_closed = without_waiting(sock, |mut sock| {
                    let len = conn.read_tls(&mut sock)?;
                    conn.process_new_packets().map_err(io::Error::other)?;
                    let mut bytes = [0; 512];
                    while conn.reader().read(&mut bytes).is_ok_and(|len| len > 0) {}
                    Ok(len)
                });
                is_closed || conn.process_new_packets().is_ok_and(|state| state.peer_has_closed())
            }
        }
    }
}

/// Reads what has arrived, and says whether that was the end.
fn without_waiting(
    stream: &TcpStream,
    mut read: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let mut is_closed = false;
    for _ in 0..MOST_READS {
        match read(stream) {
            Ok(len) if len > 0 => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Ok(_) | Err(_) => {
                is_closed = true;
                break;
            }
        }
    }
    is_closed || stream.set_nonblocking(false).is_err()
}

/// Each message with its length in front of it (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
fn framed(messages: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        out.extend_from_slice(format!("{} ", message.len()).as_bytes());
        out.extend_from_slice(message.as_bytes());
    }
    out
}

/// The number of the error "message too long" of Linux.
const EMSGSIZE: i32 = 90;

/// For each step on the way.
const PATIENCE: Duration = Duration::from_secs(10);

const MAX_ADDRESSES: usize = 4;

/// A server has nothing to say but tickets of TLS; one that talks all the time is not listened to all the time.
const MOST_READS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_its_length_in_bytes_in_front() {
        let messages = ["a\nb".to_owned(), "\u{e9}".to_owned()];
        assert_eq!(framed(&messages), "3 a\nb2 \u{e9}".as_bytes());
    }
}
