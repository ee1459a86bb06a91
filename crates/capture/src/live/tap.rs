//! Forged frames to a TAP interface made for them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use forge::{Frames, Mtu};

use super::device;
use super::error::LiveError;
use super::socket::PacketSocket;
use crate::sink::{FrameSink, SinkCounters, SinkError};

/// Makes a TAP interface on which frames arrive, for an IDS on the same host; it ends with the sink.
///
/// The interface has no addresses. The host sees that frames are not for it, as long as it has not
/// their Ethernet addresses.
pub struct TapSink {
    device: File,
    interface: Box<str>,
    mtu: Mtu,
    counters: SinkCounters,
}

impl TapSink {
    /// Makes the interface. Needs the capabilities `CAP_NET_ADMIN` and `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LiveError`] if the system refuses, or an interface of this name is in use.
    pub fn create(interface: &str, mtu: Mtu) -> Result<Self, LiveError> {
        let failed = |action| move |error| LiveError::system(interface, action, error);
        let device = OpenOptions::new().read(true).write(true).open(TUN);
        let device = device.map_err(failed("opening /dev/net/tun"))?;
        device::attach_tap(device.as_fd(), interface).map_err(failed("making a TAP interface"))?;
        let socket = PacketSocket::open().map_err(failed("opening a packet socket"))?;
        device::set_mtu(socket.as_fd(), interface, mtu.bytes().into())
            .map_err(failed("setting the MTU"))?;
        // What the kernel says of itself on a new interface would be mixed with the frames.
        let no_ipv6 = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
        match std::fs::write(no_ipv6, "1") {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("switching IPv6 off")(error));
            }
            Ok(()) | Err(_) => {}
        }
        device::bring_up(socket.as_fd(), interface).map_err(failed("starting it"))?;
        Ok(Self { device, interface: interface.into(), mtu, counters: SinkCounters::default() })
    }
}

impl FrameSink for TapSink {
    fn send(&mut self, frames: &Frames) -> Result<(), SinkError> {
        let mut failure = None;
        for frame in frames.iter() {
            if failure.is_some() {
                self.counters.drop(frame.bytes);
                continue;
            }
            // A write is a frame: the device takes all of it or nothing.
            match self.device.write_all(frame.bytes) {
                Ok(()) => self.counters.sent(frame.bytes),
                Err(error) => {
                    self.counters.drop(frame.bytes);
                    // Without memory for one frame there may be some for the next.
                    if error.raw_os_error() != Some(libc::ENOMEM) {
                        failure = Some(LiveError::system(&self.interface, "sending", error));
                    }
                }
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn mtu(&self) -> Option<u32> {
        Some(self.mtu.bytes().into())
    }

    fn counters(&self) -> SinkCounters {
        self.counters
    }
}

const TUN: &str = "/dev/net/tun";
