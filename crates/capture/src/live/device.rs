//! What the system tells of and does to network devices.
#![expect(unsafe_code, reason = "the requests have no safe binding")]

use std::ffi::{c_char, c_int, c_short, c_ulong};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use super::socket::checked;

/// The longest packet of an interface in bytes, without link header.
pub(super) fn mtu(socket: BorrowedFd<'_>, interface: &str) -> io::Result<u32> {
    let mut request = request(interface)?;
    ioctl(socket, libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: the kernel has filled this member in; any bytes make an integer.
    u32::try_from(unsafe { request.ifr_ifru.ifru_mtu })
        .map_err(|_negative| io::ErrorKind::InvalidData.into())
}

/// Sets the longest packet of an interface.
pub(super) fn set_mtu(socket: BorrowedFd<'_>, interface: &str, mtu: u32) -> io::Result<()> {
    let mut request = request(interface)?;
    request.ifr_ifru.ifru_mtu =
        c_int::try_from(mtu).map_err(|_too_long| io::Error::from(io::ErrorKind::InvalidInput))?;
    ioctl(socket, libc::SIOCSIFMTU, &mut request)
}

/// Starts an interface on which nobody resolves addresses.
pub(super) fn bring_up(socket: BorrowedFd<'_>, interface: &str) -> io::Result<()> {
    let mut request = request(interface)?;
    ioctl(socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has filled this member in; any bytes make an integer.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | UP_WITHOUT_ARP;
    ioctl(socket, libc::SIOCSIFFLAGS, &mut request)
}

/// Makes an open `/dev/net/tun` the other end of a TAP interface, which ends with it.
pub(super) fn attach_tap(device: BorrowedFd<'_>, interface: &str) -> io::Result<()> {
    let mut request = request(interface)?;
    request.ifr_ifru.ifru_flags = TAP;
    ioctl(device, libc::TUNSETIFF, &mut request)
}

/// How many frames an interface of this thread's namespace has dropped that it was to send, if it
/// tells.
pub(super) fn dropped_frames(interface: &str) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let line = table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().nth(SENT_DROPPED)?.parse().ok()
}

fn request(interface: &str) -> io::Result<libc::ifreq> {
    // SAFETY: all bytes zero make a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let invalid = interface.is_empty() || interface.len() >= request.ifr_name.len();
    if invalid || interface.contains('\0') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    Ok(request)
}

fn ioctl(file: BorrowedFd<'_>, number: c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: each of the numbers used here takes a pointer to a live `ifreq`.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), number, std::ptr::from_mut(request)) })
}

#[expect(clippy::cast_possible_truncation, reason = "bits below 16")]
const UP_WITHOUT_ARP: c_short = (libc::IFF_UP | libc::IFF_NOARP) as c_short;

#[expect(clippy::cast_possible_truncation, reason = "bits below 16")]
const TAP: c_short = (libc::IFF_TAP | libc::IFF_NO_PI) as c_short;

/// Column of `/proc/net/dev`: eight of what was received, then bytes, packets and errors sent.
const SENT_DROPPED: usize = 11;
