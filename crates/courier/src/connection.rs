//! A connection to the agent.

use std::os::fd::{AsFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::path::Path;

use handover::{ANSWER_LEN, Answer, Message};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};

use crate::now_ns;

/// A connection of one process.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `None` once it is known to belong to the program.
    socket: Option<OwnedFd>,
    pid: u32,
    device: u64,
    inode: u64,
}

/// Why a message was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is nobody at the other end.
    Gone,
    /// There was no room, or no answer, in time.
    Late,
}

impl Connection {
    /// Connects, if that takes no time.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        let status = rustix::fs::fstat(&socket)?;
        Ok(Self {
            socket: Some(socket),
            pid: std::process::id(),
            device: status.st_dev,
            inode: status.st_ino,
        })
    }

    /// Whether this process has opened it, and it is there. A program that closes all descriptors, as
    /// daemons do, may have given the number to a file of its own since; that must stay open.
    pub(crate) fn is_own(&self) -> bool {
        self.is_there() && self.pid == std::process::id()
    }

    fn is_there(&self) -> bool {
        let status = self.socket.as_ref().map(rustix::fs::fstat);
        matches!(status, Some(Ok(it)) if (it.st_dev, it.st_ino) == (self.device, self.inode))
    }

    /// Sends a message; waits for room only if the message asks for an answer.
    pub(crate) fn send(&self, message: &Message, deadline_ns: u64) -> Result<(), Failure> {
        let socket = self.socket.as_ref().ok_or(Failure::Gone)?;
        let packet = message.encode();
        loop {
            match send(socket, packet.dangerous_bytes(), SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if message.wait.is_some() => {
                    self.wait_for(PollFlags::OUT, deadline_ns)?;
                }
                Err(Errno::AGAIN) => return Err(Failure::Late),
                Err(_) => return Err(Failure::Gone),
            }
        }
    }

    /// Waits for the answer that a message asks for, if it does.
    pub(crate) fn wait(&self, message: &Message, deadline_ns: u64) -> Result<(), Failure> {
        loop {
            if self.take_answer(message)? {
                return Ok(());
            }
            self.wait_for(PollFlags::IN, deadline_ns)?;
        }
    }

    /// Takes what has come; whether the answer that a message asks for was in it.
    pub(crate) fn take_answer(&self, message: &Message) -> Result<bool, Failure> {
        let Some(wait) = message.wait else { return Ok(true) };
        let socket = self.socket.as_ref().ok_or(Failure::Gone)?;
        loop {
            let mut packet = [0; ANSWER_LEN];
            match recv(socket, &mut packet[..], RecvFlags::empty()) {
                Ok((0, _)) => return Err(Failure::Gone),
                Ok(_) => {
                    let Ok(answer) = Answer::decode(&packet) else { return Err(Failure::Gone) };
                    // Answers to messages before may come late.
                    if answer.sequence == message.sequence && answer.reached >= wait {
                        return Ok(true);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(_) => return Err(Failure::Gone),
            }
        }
    }

    /// What becomes readable when an answer comes.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(OwnedFd::as_fd)
    }

    fn wait_for(&self, what: PollFlags, deadline_ns: u64) -> Result<(), Failure> {
        let socket = self.socket.as_ref().ok_or(Failure::Gone)?;
        let left = deadline_ns.saturating_sub(now_ns());
        let timeout = Timespec {
            tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(left % 1_000_000_000).unwrap_or(0),
        };
        match poll(&mut [PollFd::new(socket, what)], Some(&timeout)) {
            Ok(0) => Err(Failure::Late),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(_) => Err(Failure::Gone),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.is_there()
            && let Some(socket) = self.socket.take()
        {
            // The number is the program's, whatever it is used for.
            let _not_ours = socket.into_raw_fd();
        }
    }
}
