//! Sending packets on an interface.
#![expect(unsafe_code, reason = "sending many packets in one call has no safe binding")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::device;
use super::error::LiveError;
use super::socket::{self, PacketSocket, Packets};

/// Sends packets on an interface as they are, from the link header on.
pub struct PacketSender {
    name: Box<str>,
    socket: PacketSocket,
}

/// Whether packets go through the queue of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueDiscipline {
    /// They wait in it like those of any program.
    Used,
    /// They go to the driver at once, which may drop them when it has no room.
    Bypassed,
}

impl PacketSender {
    /// Opens an interface to send on. Needs the capability `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LiveError`] if the interface is not there, or the system refuses.
    pub fn open(interface: &str, queue: QueueDiscipline) -> Result<Self, LiveError> {
        let Some(index) = socket::interface_index(interface) else {
            return Err(LiveError::NoSuchInterface { interface: interface.into() });
        };
        let failed = |action| move |error| LiveError::system(interface, action, error);
        let socket = PacketSocket::open().map_err(failed("opening a packet socket"))?;
        if queue == QueueDiscipline::Bypassed {
            socket.set(libc::PACKET_QDISC_BYPASS, &1_i32).map_err(failed("bypassing the queue"))?;
        }
        socket.bind(index, Packets::None).map_err(failed("binding"))?;
        Ok(Self { name: interface.into(), socket })
    }

    /// Sends the first of `packets`, at most [`MAX_BATCH`](Self::MAX_BATCH), in one call and gives
    /// how many were sent; 0 if there is no room and it should be tried again.
    ///
    /// # Errors
    /// [`LiveError`] if the first packet cannot be sent at all.
    pub fn send(&mut self, packets: &[&[u8]]) -> Result<usize, LiveError> {
        let mut parts = [EMPTY_PART; Self::MAX_BATCH];
        let mut messages = [const { MaybeUninit::<libc::mmsghdr>::zeroed() }; Self::MAX_BATCH];
        let mut count = 0;
        for ((part, message), packet) in parts.iter_mut().zip(&mut messages).zip(packets) {
            *part =
                libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() };
            // SAFETY: all bytes zero make a valid header: no address, no parts, no control data.
            let header = &mut unsafe { message.assume_init_mut() }.msg_hdr;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            count += 1;
        }
        // SAFETY: the first `count` headers each point to one part, and that to a packet; all
        // are alive, and the kernel only reads packets that it sends.
        let sent = unsafe {
            libc::sendmmsg(
                self.socket.raw(),
                messages.as_mut_ptr().cast(),
                count,
                libc::MSG_DONTWAIT,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) => Ok(sent),
            Err(_negative) => match io::Error::last_os_error() {
                error if is_full(&error) => Ok(0),
                error => Err(LiveError::system(&self.name, "sending", error)),
            },
        }
    }

    /// The interface's name.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.name
    }

    /// The longest packet that the interface takes in bytes, without link header.
    ///
    /// # Errors
    /// [`LiveError`] if the interface is gone.
    pub fn mtu(&self) -> Result<u32, LiveError> {
        device::mtu(self.socket.as_fd(), &self.name)
            .map_err(|error| LiveError::system(&self.name, "asking for the MTU", error))
    }

    /// Waits until there may be room, or `timeout` is over, or a signal came.
    ///
    /// # Errors
    /// [`LiveError`] if the system refuses to wait.
    pub fn wait_for_room(&self, timeout: Duration) -> Result<(), LiveError> {
        self.socket
            .wait_for_room(timeout)
            .map_err(|error| LiveError::system(&self.name, "waiting", error))
    }

    /// Most packets of one call: the cost of the call is shared well before.
    pub const MAX_BATCH: usize = 64;
}

fn is_full(error: &io::Error) -> bool {
    let full = [libc::ENOBUFS, libc::EAGAIN, libc::EINTR];
    error.raw_os_error().is_some_and(|code| full.contains(&code))
}

const EMPTY_PART: libc::iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
