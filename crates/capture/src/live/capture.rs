//! Capturing from interfaces.

use std::ffi::c_int;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use wire::Packet;

use super::error::LiveError;
use super::frame::{self, Frame, LivePacket};
use super::options::{Fragments, FullRing, Interface, LiveOptions, Outgoing, Reception};
use super::ring::Ring;
use super::socket::{self, PacketSocket, Packets};
use super::statistics::Statistics;

/// Packets from an interface, in a ring shared with the kernel (`TPACKET_V3`).
pub struct LiveCapture {
    name: Box<str>,
    /// 0 is all interfaces.
    interface: c_int,
    // The ring is unmapped before its socket is closed.
    ring: Ring,
    socket: PacketSocket,
    /// The block that the kernel hands over next.
    next: usize,
    frames: Vec<Frame>,
    statistics: Statistics,
}

/// A block of packets borrowed from the ring; dropping it gives the block back to the kernel.
pub struct RingBlock<'a> {
    capture: &'a mut LiveCapture,
}

impl LiveCapture {
    /// Begins to capture. Needs the capability `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LiveError`] if the interface is not there or down, or the system refuses.
    pub fn open(options: &LiveOptions) -> Result<Self, LiveError> {
        let capture = Self::closed(options)?;
        capture.start(options)?;
        Ok(capture)
    }

    /// Begins to capture for several workers, each with a ring of its own: the kernel gives both
    /// directions of a flow to the same one.
    ///
    /// # Errors
    /// [`LiveError`] if the interface is not there or down, or the system refuses.
    pub fn open_group(
        options: &LiveOptions,
        workers: NonZeroUsize,
    ) -> Result<Vec<Self>, LiveError> {
        if workers.get() == 1 {
            return Self::open(options).map(|capture| vec![capture]);
        }
        let mut captures = Vec::with_capacity(workers.get());
        let mut group = None;
        for _ in 0..workers.get() {
            let capture = Self::closed(options)?;
            group = Some(capture.join(options, group)?);
            captures.push(capture);
        }
        for capture in &captures {
            capture.start(options)?;
        }
        Ok(captures)
    }

    /// Waits for packets up to `timeout`, or until a signal comes; `None` if there are none then.
    ///
    /// # Errors
    /// [`LiveError::Down`], after which this may be called again to wait until the interface is
    /// up; [`LiveError::Removed`]; [`LiveError::System`].
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<RingBlock<'_>>, LiveError> {
        if self.ring.block(self.next).is_none() {
            self.socket.wait(timeout).map_err(|error| self.error("waiting", error))?;
        }
        let Some(block) = self.ring.block(self.next) else {
            return match self.pending_error() {
                Some(error) => Err(error),
                None => Ok(None),
            };
        };
        frame::index(block, &mut self.frames, &mut self.statistics);
        Ok(Some(RingBlock { capture: self }))
    }

    /// What became of the packets so far.
    ///
    /// # Errors
    /// [`LiveError::System`] if the kernel does not say.
    pub fn statistics(&mut self) -> Result<Statistics, LiveError> {
        // The kernel starts over with each reading.
        let new = self.socket.statistics().map_err(|error| self.error("counting", error))?;
        let received = u64::from(new.tp_packets.saturating_sub(new.tp_drops));
        self.statistics = self.statistics.plus(Statistics {
            received,
            dropped: new.tp_drops.into(),
            freezes: new.tp_freeze_q_cnt.into(),
            ..Statistics::default()
        });
        Ok(self.statistics)
    }

    /// How many blocks of the ring wait to be read, and how many there are.
    #[must_use]
    pub fn ring_use(&self) -> (usize, usize) {
        let blocks = self.ring.blocks();
        ((0..blocks).filter(|index| self.ring.block(*index).is_some()).count(), blocks)
    }

    /// The interface's name, or `any`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a capture that is bound and has a ring, but lets no packets in.
    fn closed(options: &LiveOptions) -> Result<Self, LiveError> {
        let (name, interface) = match &options.interface {
            Interface::Any => ("any", 0),
            Interface::Named(name) => match socket::interface_index(name) {
                Some(index) => (name.as_str(), index),
                None => {
                    return Err(LiveError::NoSuchInterface { interface: name.as_str().into() });
                }
            },
        };
        let failed = |action| move |error| LiveError::system(name, action, error);
        let socket = PacketSocket::open().map_err(failed("opening a packet socket"))?;
        socket.limit(0).map_err(failed("setting a filter"))?;
        let LiveOptions { block_len, blocks, retire_ms, .. } = *options;
        let ring = Ring::map(&socket, block_len, blocks, retire_ms).map_err(|source| {
            LiveError::Ring { interface: name.into(), blocks, block_len, source }
        })?;
        if options.outgoing == Outgoing::Ignored {
            socket
                .set(libc::PACKET_IGNORE_OUTGOING, &1_i32)
                .map_err(failed("ignoring outgoing packets"))?;
        }
        socket.bind(interface, Packets::All).map_err(failed("binding"))?;
        let capture = Self {
            name: name.into(),
            interface,
            ring,
            socket,
            next: 0,
            frames: Vec::new(),
            statistics: Statistics::default(),
        };
        match capture.pending_error() {
            Some(error) => Err(error),
            None => Ok(capture),
        }
    }

    /// Joins a group of workers, or makes one; gives its number.
    fn join(&self, options: &LiveOptions, group: Option<u32>) -> Result<u32, LiveError> {
        let failed = |error| self.error("joining a group of workers", error);
        let mut flags = libc::PACKET_FANOUT_HASH;
        if options.full_ring == FullRing::NextWorker {
            flags |= libc::PACKET_FANOUT_FLAG_ROLLOVER;
        }
        if options.fragments == Fragments::Reassembled {
            flags |= libc::PACKET_FANOUT_FLAG_DEFRAG;
        }
        if options.outgoing == Outgoing::Ignored {
            flags |= libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
        }
        let number = match group {
            Some(number) => number,
            None => {
                flags |= libc::PACKET_FANOUT_FLAG_UNIQUEID;
                0
            }
        };
        self.socket.set(libc::PACKET_FANOUT, &(flags << 16 | number)).map_err(failed)?;
        // The lower half is the number, the upper one type and flags.
        self.socket.fanout().map(|fanout| fanout & 0xffff).map_err(failed)
    }

    /// Lets packets in.
    fn start(&self, options: &LiveOptions) -> Result<(), LiveError> {
        if options.reception == Reception::Promiscuous && self.interface != 0 {
            let membership = libc::packet_mreq {
                mr_ifindex: self.interface,
                mr_type: PROMISCUOUS,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            self.socket
                .set(libc::PACKET_ADD_MEMBERSHIP, &membership)
                .map_err(|error| self.error("entering promiscuous mode", error))?;
        }
        self.socket
            .limit(options.snapshot_len.unwrap_or(u32::MAX))
            .map_err(|error| self.error("setting a filter", error))
    }

    fn pending_error(&self) -> Option<LiveError> {
        match self.socket.pending_error() {
            Ok(error) => error.map(|error| self.error("capturing", error)),
            Err(error) => Some(self.error("asking for errors", error)),
        }
    }

    fn error(&self, action: &'static str, error: io::Error) -> LiveError {
        let gone = self.interface != 0 && !socket::interface_exists(self.interface);
        if error.kind() == io::ErrorKind::NetworkDown && gone {
            return LiveError::Removed { interface: self.name.clone() };
        }
        LiveError::system(&self.name, action, error)
    }
}

impl AsFd for LiveCapture {
    /// The packet socket, to put another filter in the place of the one that keeps no more than
    /// [`LiveOptions::snapshot_len`] bytes of each packet.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl RingBlock<'_> {
    /// The packets, in the order of their capture.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = Packet<'_>> {
        let block = self.bytes();
        self.capture.frames.iter().map(|frame| frame.packet(block))
    }

    /// The packets with what their bytes do not say, in the order of their capture.
    pub fn live_packets(&self) -> impl ExactSizeIterator<Item = LivePacket<'_>> {
        let block = self.bytes();
        self.capture.frames.iter().map(|frame| frame.live_packet(block))
    }

    /// How many packets there are; perhaps none.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.capture.frames.len()
    }

    /// Whether there are no packets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.capture.frames.is_empty()
    }

    fn bytes(&self) -> &[u8] {
        self.capture.ring.block(self.capture.next).unwrap_or_default()
    }
}

impl Drop for RingBlock<'_> {
    fn drop(&mut self) {
        let capture = &mut *self.capture;
        capture.ring.release(capture.next);
        capture.next = (capture.next + 1) % capture.ring.blocks().max(1);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "1 fits")]
const PROMISCUOUS: u16 = libc::PACKET_MR_PROMISC as u16;
