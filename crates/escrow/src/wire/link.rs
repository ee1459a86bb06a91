//! A connection with TLS on it, for one thread that others may wake.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustls::Connection;

/// A connection. Bytes that are queued are held until the other side takes them.
pub(crate) struct Link {
    tcp: TcpStream,
    tls: Connection,
    out: Vec<u8>,
    /// Bytes of `out` that TLS has taken.
    taken: usize,
    wake: Arc<Wake>,
    chunk: Vec<u8>,
}

/// Wakes the thread of a link.
#[derive(Debug)]
pub(crate) struct Wake {
    event: OwnedFd,
    is_set: AtomicBool,
}

/// Why a link is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// The other side has closed it.
    #[error("closed by the other side")]
    Closed,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// TLS says so.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// Nothing happened for too long.
    #[error("no answer")]
    Silent,
}

impl Wake {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { event, is_set: AtomicBool::new(false) })
    }

    /// Ends the wait, or the next one.
    pub(crate) fn set(&self) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            // It is never full: only one of them writes until it was read.
            rustix::io::write(&self.event, &1_u64.to_ne_bytes()).ok();
        }
    }

    /// Takes note that somebody is awake, before it looks for what to do.
    pub(crate) fn clear(&self) {
        if self.is_set.load(Ordering::Acquire) {
            let mut count = [0; 8];
            // There is a number in it, for it was set.
            rustix::io::read(&self.event, &mut count).ok();
            self.is_set.store(false, Ordering::Release);
        }
    }

    /// Waits for it to be set.
    pub(crate) fn wait(&self, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        // An interrupted wait is a short one.
        poll(&mut [PollFd::new(&self.event, PollFlags::IN)], Some(&timeout)).ok();
    }

    /// Waits for it to be set, or for somebody who connects.
    pub(crate) fn wait_with(&self, listener: &TcpListener, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let wake = PollFd::new(&self.event, PollFlags::IN);
        // An interrupted wait is a short one.
        poll(&mut [wake, PollFd::new(listener, PollFlags::IN)], Some(&timeout)).ok();
    }
}

impl Link {
    /// Takes a connection over, and does its handshake.
    pub(crate) fn establish(
        tcp: TcpStream,
        tls: impl Into<Connection>,
        wake: Arc<Wake>,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        tcp.set_nonblocking(true)?;
        tcp.set_nodelay(true)?;
        let chunk = vec![0; CHUNK];
        let mut link = Self { tcp, tls: tls.into(), out: Vec::new(), taken: 0, wake, chunk };
        let deadline = Instant::now() + patience;
        while link.tls.is_handshaking() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkError::Silent);
            }
            link.write_tls()?;
            link.wait(left);
            if let Err(error) = link.read_tls() {
                // The other side is told why, if it still listens.
                link.write_tls().ok();
                return Err(error);
            }
        }
        link.write_tls()?;
        Ok(link)
    }

    pub(crate) const fn tls(&self) -> &Connection {
        &self.tls
    }

    /// Waits until there are bytes, room for some that are queued, or somebody wakes it.
    pub(crate) fn wait(&self, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        let mut wanted = PollFlags::IN;
        if self.tls.wants_write() {
            wanted |= PollFlags::OUT;
        }
        let wake = PollFd::new(&self.wake.event, PollFlags::IN);
        // An interrupted wait is a short one.
        poll(&mut [PollFd::new(&self.tcp, wanted), wake], Some(&timeout)).ok();
    }

    /// Hands on what has come, and says whether anything has. An error behind it is told the next time.
    pub(crate) fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, LinkError> {
        let mut has_any = false;
        for _ in 0..READS {
            let is_read = match self.read_tls() {
                Ok(is_read) => is_read,
                Err(_) if has_any => break,
                Err(error) => return Err(error),
            };
            loop {
                match self.tls.reader().read(&mut self.chunk) {
                    Ok(0) if has_any => return Ok(true),
                    Ok(0) => return Err(LinkError::Closed),
                    Ok(len) => {
                        has_any = true;
                        take(self.chunk.get(..len).unwrap_or_default());
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
            if !is_read {
                break;
            }
        }
        Ok(has_any)
    }

    /// Reads what there is, at most some KiB; false if there is nothing.
    fn read_tls(&mut self) -> Result<bool, LinkError> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) => Err(LinkError::Closed),
            Ok(_) => {
                self.tls.process_new_packets()?;
                Ok(true)
            }
            Err(error) if is_short(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Where bytes to be sent are appended.
    pub(crate) const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Bytes that the other side did not take yet.
    pub(crate) const fn queued(&self) -> usize {
        self.out.len().saturating_sub(self.taken)
    }

    /// Sends as much as the other side takes.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        loop {
            let rest = self.out.get(self.taken..).unwrap_or_default();
            let len = if rest.is_empty() { 0 } else { self.tls.writer().write(rest)? };
            self.taken = self.taken.saturating_add(len);
            self.write_tls()?;
            if self.tls.wants_write() || self.queued() == 0 {
                break;
            }
        }
        if self.queued() == 0 {
            self.out.clear();
            self.taken = 0;
        } else if self.taken > CHUNK {
            self.out.drain(..self.taken);
            self.taken = 0;
        }
        Ok(())
    }

    fn write_tls(&mut self) -> Result<(), LinkError> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if is_short(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Says that nothing more comes, once what is queued is sent, and waits for the other side to have read
    /// it: bytes of it that are still to come would have the system reset the connection.
    pub(crate) fn part(mut self) {
        let deadline = Instant::now() + LAST_PATIENCE;
        let mut is_said = false;
        while Instant::now() < deadline {
            if self.flush().is_err() {
                return;
            }
            if self.queued() == 0 && !is_said {
                is_said = true;
                self.tls.send_close_notify();
                continue;
            }
            if is_said
                && !self.tls.wants_write()
                && self.tcp.shutdown(std::net::Shutdown::Write).is_err()
            {
                return;
            }
            self.wait(Duration::from_millis(50));
            if self.read(&mut |_| {}).is_err() {
                return;
            }
        }
    }
}

fn is_short(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// What one read takes: a few TLS records.
const CHUNK: usize = 64 << 10;

/// Reads before it is looked for what else is to be done; each gives some KiB.
const READS: usize = 32;

/// For the other side to read why it is refused.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
