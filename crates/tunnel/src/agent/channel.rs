//! One connection to the sensor, without waiting.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use rustls::ClientConnection;

use super::dial::Dialed;
use crate::format::Reply;

/// Sends frames, receives replies.
#[derive(Debug)]
pub(super) struct Channel {
    tcp: TcpStream,
    tls: ClientConnection,
    frame: Vec<u8>,
    written: usize,
    replies: Vec<u8>,
    is_at_end: bool,
}

impl Channel {
    pub(super) fn new(dialed: Dialed) -> Self {
        let Dialed { tcp, tls } = dialed;
        Self { tcp, tls, frame: Vec::new(), written: 0, replies: Vec::new(), is_at_end: false }
    }

    /// The socket, to wait for.
    pub(super) const fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether bytes wait for the socket.
    pub(super) fn has_to_write(&self) -> bool {
        self.written < self.frame.len() || self.tls.wants_write()
    }

    /// Sends a frame; only while nothing [has to be written](Self::has_to_write).
    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(frame);
        self.written = 0;
        self.write()
    }

    /// Writes what the socket takes.
    pub(super) fn write(&mut self) -> io::Result<()> {
        loop {
            let rest = self.frame.get(self.written..).unwrap_or_default();
            if !rest.is_empty() {
                self.written = self.written.saturating_add(self.tls.writer().write(rest)?);
            }
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut self.tcp) {
                    Ok(_) => {}
                    Err(error) if is_pause(&error) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            if self.written >= self.frame.len() {
                return Ok(());
            }
        }
    }

    /// Reads what the socket has, once: a sensor that talks all the time does not keep the agent.
    pub(super) fn read(&mut self) -> io::Result<()> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) => self.is_at_end = true,
            Ok(_) => {}
            Err(error) if is_pause(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
        let state = self.tls.process_new_packets().map_err(io::Error::other)?;
        let len = state.plaintext_bytes_to_read();
        if self.replies.len().saturating_add(len) > MAX_REPLIES_LEN {
            return Err(io::Error::other("the sensor says more than it was asked"));
        }
        let begin = self.replies.len();
        self.replies.resize(begin.saturating_add(len), 0);
        self.tls.reader().read_exact(self.replies.get_mut(begin..).unwrap_or_default())?;
        Ok(())
    }

    /// The next reply that came.
    ///
    /// # Errors
    /// It is none, or there will be no more.
    pub(super) fn next_reply(&mut self) -> io::Result<Option<Reply>> {
        match self.replies.first_chunk() {
            Some(bytes) => {
                let reply = Reply::parse(*bytes).map_err(io::Error::other)?;
                self.replies.drain(..Reply::LEN);
                Ok(Some(reply))
            }
            None if self.is_at_end => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Ok(None),
        }
    }

    /// Ends the connection in order.
    pub(super) fn close(mut self) {
        self.tls.send_close_notify();
        // Who does not read it sees the end of the connection.
        self.tls.write_tls(&mut self.tcp).ok();
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Replies to all that can be on its way, several times over.
const MAX_REPLIES_LEN: usize = 32 << 10;
