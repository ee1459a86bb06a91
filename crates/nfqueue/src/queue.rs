//! A queue of netfilter, and the socket that it is bound to.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto,
    socket_with, sockopt,
};

use crate::message::{QueuedPacket, Received, SUBSYSTEM, received};
use crate::netlink::{ACK, Writer};

/// A queue that rules of netfilter put packets into (`NFQUEUE`). With this value it ends: the kernel drops
/// what waits in it.
#[derive(Debug)]
pub struct Queue {
    socket: OwnedFd,
    number: u16,
    buffer: Box<[u8]>,
    counts: SocketCounts,
}

/// What becomes of a packet that the queue has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It passes, and nobody has seen it.
    Pass,
    /// It is dropped; its sender will send it again.
    Drop,
}

/// What the kernel is to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with this mark if there is one.
    Accept(Option<u32>),
    /// It is dropped.
    Drop,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A packet.
    Packet(QueuedPacket<'a>),
    /// Nothing that needs an answer.
    Other,
    /// Nothing yet.
    Nothing,
}

/// What went wrong at the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketCounts {
    overruns: u64,
    malformed: u64,
    unanswered: u64,
}

/// Why there is no queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The right to it is missing.
    #[error("the right to a queue is missing (CAP_NET_ADMIN)")]
    Permission,
    /// Another process has it.
    #[error("queue {0} is in use by another process")]
    InUse(u16),
    /// The kernel has no such queues.
    #[error("this kernel has no queues for packets (CONFIG_NETFILTER_NETLINK_QUEUE)")]
    NoQueues,
    /// The system says so.
    #[error("queue {number}: {source}")]
    System {
        /// Which queue.
        number: u16,
        /// What it said.
        source: io::Error,
    },
}

impl Queue {
    /// Binds a queue of this network namespace.
    ///
    /// # Errors
    /// [`QueueError`].
    pub fn bind(number: u16, overflow: Overflow) -> Result<Self, QueueError> {
        let failed = |error| QueueError::of(number, error);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))
            .map_err(failed)?;
        bind(&socket, &SocketAddrNetlink::new(0, 0)).map_err(failed)?;
        if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BYTES).is_err() {
            // What the administrator allows has to do.
            sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES).map_err(failed)?;
        }
        let buffer = vec![0; MESSAGE_BYTES].into_boxed_slice();
        let mut queue = Self { socket, number, buffer, counts: SocketCounts::default() };
        let mut flags = GSO;
        if overflow == Overflow::Pass {
            flags |= FAIL_OPEN;
        }
        let copied = COPY_RANGE.to_be_bytes();
        let [c0, c1, c2, c3] = copied;
        queue.configure(1, |request| request.attribute(COMMAND, [BIND, 0, 0, 0]))?;
        queue.configure(2, |request| {
            request
                .attribute(PARAMETERS, [c0, c1, c2, c3, COPY_PACKET])
                .attribute(MAX_LEN, MAX_WAITING.to_be_bytes())
                .attribute(MASK, (GSO | FAIL_OPEN).to_be_bytes())
                .attribute(FLAGS, flags.to_be_bytes())
        })?;
        Ok(queue)
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// What the kernel sent next, without waiting.
    ///
    /// # Errors
    /// What the system says; the queue is of no use then.
    pub fn receive(&mut self) -> io::Result<Next<'_>> {
        let (len, from) = match recvfrom(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC) {
            Ok((_, len, from)) => (len, from),
            Err(Errno::AGAIN) => return Ok(Next::Nothing),
            Err(Errno::INTR) => return Ok(Next::Other),
            Err(Errno::NOBUFS) => {
                self.counts.overruns = self.counts.overruns.saturating_add(1);
                return Ok(Next::Other);
            }
            Err(error) => return Err(error.into()),
        };
        if !is_kernel(from) {
            return Ok(Next::Other);
        }
        let Some(datagram) = self.buffer.get(..len) else {
            self.counts.malformed = self.counts.malformed.saturating_add(1);
            return Ok(Next::Other);
        };
        // The kernel tells each packet in a datagram of its own.
        match received(datagram).next() {
            Some(Ok(Received::Packet(packet))) => Ok(Next::Packet(packet)),
            Some(Ok(Received::Answer { error, .. })) => {
                self.counts.unanswered =
                    self.counts.unanswered.saturating_add(u64::from(error != 0));
                Ok(Next::Other)
            }
            Some(Ok(Received::Other)) | None => Ok(Next::Other),
            Some(Err(_)) => {
                self.counts.malformed = self.counts.malformed.saturating_add(1);
                Ok(Next::Other)
            }
        }
    }

    /// Answers what is to be done with a packet.
    ///
    /// # Errors
    /// What the system says.
    pub fn answer(&self, id: u32, verdict: Verdict) -> io::Result<()> {
        let (code, mark) = match verdict {
            Verdict::Drop => (0_u32, None),
            Verdict::Accept(mark) => (1, mark),
        };
        let [v0, v1, v2, v3] = code.to_be_bytes();
        let [i0, i1, i2, i3] = id.to_be_bytes();
        let header = [v0, v1, v2, v3, i0, i1, i2, i3];
        let mut request = self.request(VERDICT, 0, 0).attribute(VERDICT_HEADER, header);
        if let Some(mark) = mark {
            request = request.attribute(MARK, mark.to_be_bytes());
        }
        send(&self.socket, &request.finish()).map_err(Into::into)
    }

    /// How often the kernel had no room to tell something.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        self.counts.overruns
    }

    /// Messages of the kernel that could not be read.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.counts.malformed
    }

    /// Verdicts that the kernel refused: it had given up their packets.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.counts.unanswered
    }

    fn request(&self, kind: u16, flags: u16, sequence: u32) -> Writer {
        let [high, low] = self.number.to_be_bytes();
        Writer::request(SUBSYSTEM | kind, flags, sequence, [UNSPECIFIED, 0, high, low])
    }

    /// Sends a request and waits for its answer.
    fn configure(
        &mut self,
        sequence: u32,
        fill: impl FnOnce(Writer) -> Writer,
    ) -> Result<(), QueueError> {
        let failed = |error| QueueError::of(self.number, error);
        let request = fill(self.request(CONFIGURE, ACK, sequence)).finish();
        send(&self.socket, &request).map_err(failed)?;
        for _ in 0..MAX_BEFORE_ANSWER {
            let ready = &mut [PollFd::new(&self.socket, PollFlags::IN)];
            let timeout = Timespec::try_from(ANSWERED_WITHIN).ok();
            if poll(ready, timeout.as_ref()).map_err(failed)? == 0 {
                break;
            }
            let (_, len, from) =
                recvfrom(&self.socket, &mut self.buffer[..], RecvFlags::empty()).map_err(failed)?;
            let datagram = self.buffer.get(..len).filter(|_| is_kernel(from)).unwrap_or_default();
            for message in received(datagram) {
                match message {
                    Ok(Received::Answer { sequence: to, error }) if to == sequence => {
                        return if error == 0 {
                            Ok(())
                        } else {
                            Err(failed(Errno::from_raw_os_error(error)))
                        };
                    }
                    // Nobody has looked at it: it is as if there were no queue yet.
                    Ok(Received::Packet(packet)) => {
                        self.answer(packet.id, Verdict::Accept(None))
                            .map_err(|source| QueueError::System { number: self.number, source })?;
                    }
                    _ => {}
                }
            }
        }
        Err(failed(Errno::TIMEDOUT))
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl QueueError {
    fn of(number: u16, error: Errno) -> Self {
        match error {
            Errno::PERM | Errno::ACCESS => Self::Permission,
            Errno::BUSY | Errno::EXIST => Self::InUse(number),
            Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT | Errno::INVAL | Errno::OPNOTSUPP => {
                Self::NoQueues
            }
            _ => Self::System { number, source: error.into() },
        }
    }
}

fn send(socket: &OwnedFd, request: &[u8]) -> Result<(), Errno> {
    loop {
        match sendto(socket, request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a message is of the kernel and not of a process.
fn is_kernel(from: Option<rustix::net::SocketAddrAny>) -> bool {
    from.and_then(|from| SocketAddrNetlink::try_from(from).ok()).is_some_and(|from| from.pid() == 0)
}

/// `NFQNL_MSG_VERDICT`, `NFQNL_MSG_CONFIG`.
const VERDICT: u16 = 1;
const CONFIGURE: u16 = 2;

/// `NFQA_VERDICT_HDR`, `NFQA_MARK`.
const VERDICT_HEADER: u16 = 2;
const MARK: u16 = 3;

/// `NFQA_CFG_`.
const COMMAND: u16 = 1;
const PARAMETERS: u16 = 2;
const MAX_LEN: u16 = 3;
const MASK: u16 = 4;
const FLAGS: u16 = 5;

/// `NFQNL_CFG_CMD_BIND`.
const BIND: u8 = 1;

/// `NFQNL_COPY_PACKET`.
const COPY_PACKET: u8 = 2;

/// `NFQA_CFG_F_FAIL_OPEN`.
const FAIL_OPEN: u32 = 1;

/// `NFQA_CFG_F_GSO`: packets come as their sender made them, and are segmented behind the queue.
const GSO: u32 = 4;

/// `AF_UNSPEC`.
const UNSPECIFIED: u8 = 0;

/// A packet as a whole: the records of a large one lie in all of it. It is the most that the kernel copies.
const COPY_RANGE: u32 = 0xffff - 4;

/// A packet and what is told of it.
const MESSAGE_BYTES: usize = 80 << 10;

/// Packets that may wait in the kernel: as much as some thousand handshakes send in a round trip.
const MAX_WAITING: u32 = 8192;

/// Packets that were told and not read yet.
const RECEIVE_BYTES: usize = 32 << 20;

/// Packets that come before the answer to a request.
const MAX_BEFORE_ANSWER: usize = 10_000;

/// The kernel answers at once.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
