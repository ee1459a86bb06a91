//! Packet sockets (packet(7)).
#![expect(unsafe_code, reason = "packet sockets have no safe binding")]

use std::ffi::{CString, c_int, c_short};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// A packet socket.
pub(super) struct PacketSocket {
    fd: OwnedFd,
}

/// Which packets a socket is bound to.
#[derive(Clone, Copy)]
pub(super) enum Packets {
    None,
    All,
}

/// A fixed C structure or integer that a socket option takes.
pub(super) trait OptionValue {}

impl OptionValue for c_int {}
impl OptionValue for u32 {}
impl OptionValue for libc::tpacket_req3 {}
impl OptionValue for libc::packet_mreq {}

impl PacketSocket {
    /// Opens a socket that gets no packets until it is bound.
    pub(super) fn open() -> io::Result<Self> {
        // SAFETY: `socket` takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        checked(fd)?;
        // SAFETY: `fd` was just opened and is owned by nothing else.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Binds to the interface of index `interface`, or to all if that is 0.
    pub(super) fn bind(&self, interface: c_int, packets: Packets) -> io::Result<()> {
        let protocol = match packets {
            Packets::None => 0,
            Packets::All => ETH_P_ALL.to_be(),
        };
        let address = libc::sockaddr_ll {
            sll_family: PACKET_FAMILY,
            sll_protocol: protocol,
            sll_ifindex: interface,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: the pointer is to a live `sockaddr_ll` and the length is its.
        checked(unsafe {
            libc::bind(self.raw(), ptr::from_ref(&address).cast(), c_len::<libc::sockaddr_ll>())
        })
    }

    /// Sets an option of level `SOL_PACKET`.
    pub(super) fn set<T: OptionValue>(&self, option: c_int, value: &T) -> io::Result<()> {
        self.set_at(libc::SOL_PACKET, option, value)
    }

    /// Lets only the first `len` bytes of packets in, or none of them if `len` is 0.
    pub(super) fn limit(&self, len: u32) -> io::Result<()> {
        let mut filter = [libc::sock_filter { code: BPF_RET_K, jt: 0, jf: 0, k: len }];
        let program = libc::sock_fprog { len: 1, filter: filter.as_mut_ptr() };
        // SAFETY: the program points to one live instruction, and the kernel copies both.
        checked(unsafe {
            libc::setsockopt(
                self.raw(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                ptr::from_ref(&program).cast(),
                c_len::<libc::sock_fprog>(),
            )
        })
    }

    /// The number of the fanout group that the socket has joined.
    pub(super) fn fanout(&self) -> io::Result<u32> {
        let mut value = 0;
        self.option(libc::SOL_PACKET, libc::PACKET_FANOUT, &mut value)?;
        Ok(value)
    }

    /// What the kernel counted since the last call.
    pub(super) fn statistics(&self) -> io::Result<libc::tpacket_stats_v3> {
        let mut value = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        self.option(libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut value)?;
        Ok(value)
    }

    /// The error that waits at the socket, taken off it.
    pub(super) fn pending_error(&self) -> io::Result<Option<io::Error>> {
        let mut code = 0_u32;
        self.option(libc::SOL_SOCKET, libc::SO_ERROR, &mut code)?;
        let code = c_int::try_from(code).unwrap_or(libc::EIO);
        Ok((code != 0).then(|| io::Error::from_raw_os_error(code)))
    }

    /// Waits until there may be packets, or an error, or `timeout` is over, or a signal came.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<()> {
        self.wait_for(libc::POLLIN | libc::POLLERR, timeout)
    }

    /// Waits until packets may be sent, or `timeout` is over, or a signal came.
    pub(super) fn wait_for_room(&self, timeout: Duration) -> io::Result<()> {
        self.wait_for(libc::POLLOUT, timeout)
    }

    fn wait_for(&self, events: c_short, timeout: Duration) -> io::Result<()> {
        let millis = timeout.as_micros().div_ceil(1000);
        let mut waited = libc::pollfd { fd: self.raw(), events, revents: 0 };
        // SAFETY: the pointer is to one live `pollfd`.
        let result = checked(unsafe {
            libc::poll(&raw mut waited, 1, c_int::try_from(millis).unwrap_or(c_int::MAX))
        });
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn set_at<T: OptionValue>(&self, level: c_int, option: c_int, value: &T) -> io::Result<()> {
        // SAFETY: the pointer is to a live `T` and the length is its.
        checked(unsafe {
            libc::setsockopt(self.raw(), level, option, ptr::from_ref(value).cast(), c_len::<T>())
        })
    }

    fn option<T: Filled>(&self, level: c_int, option: c_int, value: &mut T) -> io::Result<()> {
        let mut len = c_len::<T>();
        // SAFETY: both pointers are to live values, the length is that of the first, and any
        // bytes make a `T`.
        checked(unsafe {
            libc::getsockopt(self.raw(), level, option, ptr::from_mut(value).cast(), &raw mut len)
        })
    }
}

/// The index of the interface `name`, if there is one.
pub(super) fn interface_index(name: &str) -> Option<c_int> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a string with its final zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    c_int::try_from(index).ok().filter(|index| *index != 0)
}

/// Whether there is an interface of this index.
pub(super) fn interface_exists(index: c_int) -> bool {
    let mut name = [0; libc::IF_NAMESIZE];
    u32::try_from(index).is_ok_and(|index| {
        // SAFETY: `name` has the room that the function asks for.
        !unsafe { libc::if_indextoname(index, name.as_mut_ptr()) }.is_null()
    })
}

/// A type that any bytes the kernel fills in make a value of.
trait Filled {}

impl Filled for u32 {}
impl Filled for libc::tpacket_stats_v3 {}

pub(super) fn checked(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[expect(clippy::cast_possible_truncation, reason = "sizes of small C structures")]
const fn c_len<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

#[expect(clippy::cast_possible_truncation, reason = "17 fits")]
const PACKET_FAMILY: u16 = libc::AF_PACKET as u16;

#[expect(clippy::cast_possible_truncation, reason = "3 fits")]
const ETH_P_ALL: u16 = libc::ETH_P_ALL as u16;

/// Returns its operand.
const BPF_RET_K: u16 = 0x06;
