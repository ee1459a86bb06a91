//! What the kernel's side is told of: that a session is over, or that there is none.

use std::net::{IpAddr, SocketAddr};

/// Something of which the kernel need not copy more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// A TCP socket, by its number.
    Socket(u64),
    /// A flow of datagrams, as it was at a time in nanoseconds since the machine started: a session
    /// that began later is another one.
    Flow(FlowKey, u64),
}

/// A flow of datagrams, as `struct flow_key` of `bpf/udp.h` lays it out: number of the socket,
/// address and port of the other end.
pub(crate) type FlowKey = [u8; 32];

/// The flow of a socket with another end.
pub(crate) fn flow_key(cookie: u64, remote: SocketAddr) -> FlowKey {
    let mut key = [0; 32];
    let fields = cookie.to_le_bytes().into_iter().chain(octets(remote.ip()));
    for (place, byte) in key.iter_mut().zip(fields.chain(remote.port().to_be_bytes())) {
        *place = byte;
    }
    key
}

/// The bytes of an address, those of IPv4 with zeros behind them.
pub(crate) fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}
