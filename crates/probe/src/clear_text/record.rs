//! What the programs in the kernel put into the rings; `bpf/clear_record.h` has the same layout.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::record::{self, Cursor, MAX_NAME, PROCESS, ProcessKey, ProcessRecord, until_nul};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClearRecord<'a> {
    /// A process that uses a TLS library.
    Process(Box<ProcessRecord<'a>>),
    /// The socket of an object becomes known.
    Bound(Head, Box<Bound<'a>>),
    /// Clear text.
    Data(Head, &'a [u8]),
    /// There is no more of an object.
    Closed(Head, Closing, [Progress; 2]),
}

/// What each record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Number of the library's object, of which each is given once.
    pub(crate) object: u64,
    pub(crate) direction: Direction,
    /// What came before it in this direction.
    pub(crate) before: Progress,
    /// Nanoseconds since the machine started.
    pub(crate) time: u64,
    pub(crate) process: ProcessKey,
}

/// Whether a process has read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Bytes of a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) position: u64,
    /// Those of them that a ring had no room for.
    pub(crate) ring_full: u64,
    /// Those of them that could not be read.
    pub(crate) faults: u64,
}

/// The socket of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound<'a> {
    pub(crate) how: Binding,
    pub(crate) cookie: u64,
    /// When it was connected, in nanoseconds since the machine started, if that was seen.
    pub(crate) opened_at: Option<u64>,
    /// Number of the network namespace.
    pub(crate) netns: u32,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// Which end the socket is, if that was seen.
    pub(crate) role: Option<Role>,
    /// What came before, by [`Direction`].
    pub(crate) progress: [Progress; 2],
    /// Name of the process, empty if it is not known.
    pub(crate) command: &'a [u8],
    /// Number of the file with the library.
    pub(crate) target: u32,
}

/// How a socket was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The library used it while it was called.
    Call,
    /// The thread sent on it what the library had just given.
    Thread,
    /// The bytes that the library gave went out on it.
    Fingerprint,
    /// What was received on it is where the record is that the library opens.
    Buffer,
}

/// An end of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Why there is no more of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The library freed it.
    Library,
    /// The socket is closed at both ends.
    Socket,
    /// The other end reset the connection.
    Reset,
    /// Rules that have changed do not allow it any longer.
    Rules,
}

impl Direction {
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Read => 0,
            Self::Write => 1,
        }
    }
}

impl<'a> ClearRecord<'a> {
    /// Reads a record; `None` if it makes no sense.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if *bytes.first()? == PROCESS {
            return record::process(Cursor(bytes)).map(Box::new).map(Self::Process);
        }
        let mut at = Cursor(bytes);
        let [kind, direction, how, _reserved] = at.array()?;
        let len = usize::try_from(at.u32()?).ok()?;
        let object = at.u64()?;
        let position = at.u64()?;
        let time = at.u64()?;
        let (ring_full, faults) = (at.u64()?, at.u64()?);
        let direction = match direction {
            0 => Direction::Read,
            1 => Direction::Write,
            _ => return None,
        };
        let before = Progress { position, ring_full, faults };
        let head = Head { object, direction, before, time, process: at.key()? };
        match kind {
            BOUND => Some(Self::Bound(head, Box::new(bound(how, &mut at)?))),
            DATA => Some(Self::Data(head, at.take(len)?)),
            CLOSED => {
                let closing = match how {
                    1 => Closing::Library,
                    2 => Closing::Socket,
                    3 => Closing::Reset,
                    4 => Closing::Rules,
                    _ => return None,
                };
                Some(Self::Closed(head, closing, [progress(&mut at)?, progress(&mut at)?]))
            }
            _ => None,
        }
    }
}

fn bound<'a>(how: u8, at: &mut Cursor<'a>) -> Option<Bound<'a>> {
    let how = match how {
        1 => Binding::Call,
        2 => Binding::Thread,
        3 => Binding::Fingerprint,
        4 => Binding::Buffer,
        _ => return None,
    };
    let (cookie, opened_at, netns) = (at.u64()?, at.u64()?, at.u32()?);
    let [local_low, local_high, remote_low, remote_high] = at.array()?;
    let (local, remote) = (at.array()?, at.array()?);
    let [is_v6, role, ..] = at.array::<8>()?;
    let ip = |bytes| if is_v6 == 0 { v4(bytes) } else { v6(bytes) };
    let progress = [progress(at)?, progress(at)?];
    let command = until_nul(at.take(MAX_NAME)?);
    Some(Bound {
        how,
        cookie,
        opened_at: Some(opened_at).filter(|time| *time > 0),
        netns,
        local: SocketAddr::new(ip(local), u16::from_le_bytes([local_low, local_high])),
        remote: SocketAddr::new(ip(remote), u16::from_le_bytes([remote_low, remote_high])),
        role: match role {
            1 => Some(Role::Client),
            2 => Some(Role::Server),
            _ => None,
        },
        progress,
        command,
        target: at.u32()?,
    })
}

fn progress(at: &mut Cursor<'_>) -> Option<Progress> {
    Some(Progress { position: at.u64()?, ring_full: at.u64()?, faults: at.u64()? })
}

const fn v4([a, b, c, d, ..]: [u8; 16]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// An address of a socket of IPv6, which may be used for IPv4 (RFC 4291 section 2.5.5.2).
fn v6(bytes: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(bytes).to_canonical()
}

const BOUND: u8 = 3;
const DATA: u8 = 4;
const CLOSED: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let data = head_bytes(DATA, 0, b"abc");
        for len in 0..data.len() {
            assert_eq!(ClearRecord::parse(&data[..len]), None, "{len} bytes");
        }
        let Some(ClearRecord::Data(head, bytes)) = ClearRecord::parse(&data) else {
            panic!("data")
        };
        assert_eq!((head.object, head.direction, head.time), (4, Direction::Write, 6));
        assert_eq!(head.before, Progress { position: 5, ring_full: 7, faults: 8 });
        assert_eq!(bytes, b"abc");

        let mut address = Vec::new();
        address.extend([11_u64, 12].into_iter().flat_map(u64::to_le_bytes));
        address.extend(13_u32.to_le_bytes());
        address.extend([40_000_u16, 443].into_iter().flat_map(u16::to_le_bytes));
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
        address.extend(mapped);
        address.extend(Ipv6Addr::LOCALHOST.octets());
        address.extend([1, 1, 0, 0, 0, 0, 0, 0]);
        address.extend([1_u64, 2, 3, 4, 5, 6].into_iter().flat_map(u64::to_le_bytes));
        address.extend(b"curl\0\0\0\0\0\0\0\0\0\0\0\0");
        address.extend([9_u32, 0].into_iter().flat_map(u32::to_le_bytes));
        let bytes = head_bytes(BOUND, 3, &address);
        for len in 0..bytes.len() - 4 {
            assert_eq!(ClearRecord::parse(&bytes[..len]), None, "{len} bytes");
        }
        let Some(ClearRecord::Bound(_, bound)) = ClearRecord::parse(&bytes) else {
            panic!("a socket")
        };
        assert_eq!(
            (bound.how, bound.cookie, bound.opened_at),
            (Binding::Fingerprint, 11, Some(12))
        );
        assert_eq!(bound.local.to_string(), "192.0.2.1:40000");
        assert_eq!(bound.remote.to_string(), "[::1]:443");
        assert_eq!(
            (bound.role, bound.command, bound.target),
            (Some(Role::Client), &b"curl"[..], 9)
        );
        assert_eq!(bound.progress[1], Progress { position: 4, ring_full: 5, faults: 6 });
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(kind in 0..7_u8, how in 0..5_u8, mut bytes: Vec<u8>) {
            bytes.insert(0, kind);
            bytes.resize(bytes.len().saturating_mul(8), how);
            ClearRecord::parse(&bytes);
        }
    }

    fn head_bytes(kind: u8, how: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 1, how, 0];
        bytes.extend(u32::try_from(rest.len()).unwrap().to_le_bytes());
        bytes.extend([4_u64, 5, 6, 7, 8, 9].into_iter().flat_map(u64::to_le_bytes));
        bytes.extend([10_u32, 11].into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(rest);
        bytes
    }
}
