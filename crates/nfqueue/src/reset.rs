//! Resets that end a session at both of its ends.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with,
};
use wire::{SegmentFields, SeqNumber, TcpFlags, TcpPath};

/// A connection that is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The end at this host.
    pub local: SocketAddr,
    /// The other one.
    pub peer: SocketAddr,
    /// The next byte that the other end expects.
    pub local_next: SeqNumber,
    /// The next byte that the end at this host expects.
    pub peer_next: SeqNumber,
}

impl Reset {
    /// The packet for the peer, as if the local end had sent it.
    #[must_use]
    pub fn for_peer(&self) -> Vec<u8> {
        packet(self.local, self.peer, self.local_next, self.peer_next)
    }

    /// The packet for the local end, as if the peer had sent it.
    #[must_use]
    pub fn for_local(&self) -> Vec<u8> {
        packet(self.peer, self.local, self.peer_next, self.local_next)
    }
}

/// Sends resets.
#[derive(Debug)]
pub struct Resetter {
    v4: OwnedFd,
    /// None on a host without IPv6.
    v6: Option<OwnedFd>,
}

impl Resetter {
    /// One with sockets of its own.
    ///
    /// # Errors
    /// What the system says, mostly that CAP_NET_RAW is missing.
    pub fn open() -> io::Result<Self> {
        let open = |family| {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(family, SocketType::RAW, flags, Some(ipproto::RAW))
        };
        let v6 = match open(AddressFamily::INET6) {
            Ok(socket) => Some(socket),
            Err(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { v4: open(AddressFamily::INET)?, v6 })
    }

    /// Resets both ends: first the one at this host, which would else send again.
    ///
    /// # Errors
    /// What the system says.
    pub fn reset(&self, reset: &Reset) -> io::Result<()> {
        self.send(reset.local, &reset.for_local())?;
        self.send(reset.peer, &reset.for_peer())
    }

    fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        // A raw socket knows no ports.
        let to = SocketAddr::new(to.ip().to_canonical(), 0);
        let socket = if to.is_ipv4() { Some(&self.v4) } else { self.v6.as_ref() };
        let socket = socket.ok_or(Errno::AFNOSUPPORT)?;
        sendto(socket, packet, SendFlags::empty(), &to)?;
        Ok(())
    }
}

/// An IP packet with a reset (RFC 9293 section 3.10.7.4: it counts if it has the next number expected).
fn packet(from: SocketAddr, to: SocketAddr, sequence: SeqNumber, next: SeqNumber) -> Vec<u8> {
    let path = TcpPath::new(([0; 6], [0; 6]), None, from, to);
    let mut frame = Vec::new();
    let fields = SegmentFields {
        sequence,
        acknowledgment: next,
        flags: TcpFlags::RST | TcpFlags::ACK,
        window: 0,
        options: &[],
        identification: 0,
    };
    path.write(&fields, &[], &mut frame);
    frame.split_off(ETHERNET_LEN.min(frame.len()))
}

/// A raw socket has no link.
const ETHERNET_LEN: usize = 14;

#[cfg(test)]
mod tests {
    use wire::{Ipv4, Ipv6, TcpSegment};

    use super::*;

    #[test]
    fn a_reset_has_the_number_that_its_receiver_expects() {
        for (local, peer) in
            [("192.0.2.1:1000", "192.0.2.2:443"), ("[2001:db8::1]:1000", "[2001:db8::2]:443")]
        {
            let (local, peer): (SocketAddr, SocketAddr) =
                (local.parse().unwrap(), peer.parse().unwrap());
            let reset =
                Reset { local, peer, local_next: SeqNumber(7), peer_next: SeqNumber(1 << 31) };
            for (packet, from, to, sequence) in [
                (reset.for_peer(), local, peer, reset.local_next),
                (reset.for_local(), peer, local, reset.peer_next),
            ] {
                let tcp = match Ipv4::parse(&packet) {
                    Ok(ip) => ip.payload,
                    Err(_) => Ipv6::parse(&packet).unwrap().payload,
                };
                let tcp = TcpSegment::parse(tcp).unwrap();
                assert_eq!((tcp.source_port, tcp.destination_port), (from.port(), to.port()));
                assert_eq!(tcp.sequence, sequence);
                assert!(tcp.flags.contains(TcpFlags::RST) && tcp.payload.is_empty());
            }
        }
    }
}
