//! What the programs in the kernel put into the ring; `bpf/record.h` has the same layout.
//!
//! It is read by place and length, like anything else that comes from outside.

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// A packet.
    Packet(PacketRecord<'a>),
    /// A process that sends for the first time.
    Process(Box<ProcessRecord<'a>>),
}

/// Tells a running program from all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ProcessKey {
    /// Start of the process in nanoseconds since the machine started.
    pub(crate) start: u64,
    /// Process id.
    pub(crate) pid: u32,
    /// How often it has called exec, modulo 2^32.
    pub(crate) exec: u32,
}

/// A packet at a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PacketRecord<'a> {
    /// Whether the socket receives it.
    pub(crate) is_ingress: bool,
    /// Whether the socket listens: the packet belongs to a connection that is being made.
    pub(crate) is_listener: bool,
    /// Whether a flow of datagrams begins with it, or it has a hello of none of its sessions so far.
    pub(crate) is_first: bool,
    /// Length of the packet.
    pub(crate) len: u32,
    /// Length of one datagram, if it is several.
    pub(crate) segment_len: Option<usize>,
    /// Number of the network namespace.
    pub(crate) netns: u32,
    /// Packets of the socket before it that the ring had no room for.
    pub(crate) lost: u32,
    /// Nanoseconds since the machine started.
    pub(crate) time: u64,
    /// Number of the socket.
    pub(crate) cookie: u64,
    /// Id of the socket's cgroup.
    pub(crate) cgroup: u64,
    /// The process that sent it, if that is known.
    pub(crate) sender: Option<ProcessKey>,
    /// Its bytes from the IP header on, perhaps cut short.
    pub(crate) bytes: &'a [u8],
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessRecord<'a> {
    pub(crate) key: ProcessKey,
    pub(crate) parent: ProcessKey,
    pub(crate) uid: u32,
    /// Its name, up to a NUL.
    pub(crate) name: &'a [u8],
    pub(crate) parent_name: &'a [u8],
    /// Components from the last to the first, each ended by a NUL.
    pub(crate) cgroup_path: &'a [u8],
    pub(crate) executable: &'a [u8],
    pub(crate) parent_executable: &'a [u8],
    /// Arguments, each ended by a NUL.
    pub(crate) arguments: &'a [u8],
    /// The rest of a title that the process has overwritten its arguments with.
    pub(crate) title: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a record; `None` if it makes no sense.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match *bytes.first()? {
            PACKET => packet(Cursor(bytes)).map(Self::Packet),
            PROCESS => process(Cursor(bytes)).map(Box::new).map(Self::Process),
            _ => None,
        }
    }
}

fn packet(mut at: Cursor<'_>) -> Option<PacketRecord<'_>> {
    let [_kind, is_ingress, flags, _reserved] = at.array()?;
    let copied = at.u32()?;
    let len = at.u32()?;
    let segment_len = usize::try_from(at.u32()?).ok().filter(|len| *len > 0);
    let (netns, lost) = (at.u32()?, at.u32()?);
    let (time, cookie, cgroup) = (at.u64()?, at.u64()?, at.u64()?);
    let sender = at.key()?;
    Some(PacketRecord {
        is_ingress: is_ingress != 0,
        is_listener: flags & LISTENER != 0,
        is_first: flags & FIRST != 0,
        len,
        segment_len,
        netns,
        lost,
        time,
        cookie,
        cgroup,
        sender: (flags & SENDER != 0).then_some(sender),
        bytes: at.take(usize::try_from(copied.min(len)).ok()?)?,
    })
}

pub(crate) fn process(mut at: Cursor<'_>) -> Option<ProcessRecord<'_>> {
    at.take(4)?;
    let uid = at.u32()?;
    let (key, parent) = (at.key()?, at.key()?);
    let _cgroup = at.u64()?;
    let name = until_nul(at.take(MAX_NAME)?);
    let parent_name = until_nul(at.take(MAX_NAME)?);
    let (cgroup_path, executable, parent_executable) = (at.names()?, at.names()?, at.names()?);
    let (arguments_len, title_len) = (at.u32()?, at.u32()?);
    let (arguments, title) = (at.take(MAX_ARGUMENTS)?, at.take(MAX_TITLE)?);
    Some(ProcessRecord {
        key,
        parent,
        uid,
        name,
        parent_name,
        cgroup_path,
        executable,
        parent_executable,
        arguments: first(arguments, arguments_len),
        title: first(title, title_len),
    })
}

fn first(bytes: &[u8], len: u32) -> &[u8] {
    usize::try_from(len).ok().and_then(|len| bytes.get(..len)).unwrap_or(bytes)
}

pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads records by place.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn key(&mut self) -> Option<ProcessKey> {
        Some(ProcessKey { start: self.u64()?, pid: self.u32()?, exec: self.u32()? })
    }

    fn names(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        Some(first(self.take(NAMES_LEN)?, len))
    }
}

const PACKET: u8 = 1;
pub(crate) const PROCESS: u8 = 2;

const SENDER: u8 = 1;
const LISTENER: u8 = 2;
const FIRST: u8 = 4;

/// `TASK_COMM_LEN` of Linux.
pub(crate) const MAX_NAME: usize = 16;
const MAX_ARGUMENTS: usize = 4096;
const MAX_TITLE: usize = 256;
/// A path and room for one more name behind it.
const NAMES_LEN: usize = 1024 + 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_whole_or_not_at_all() {
        let bytes = packet_bytes();
        for len in 0..bytes.len() {
            assert_eq!(Record::parse(&bytes[..len]), None, "{len} bytes");
        }
        let Some(Record::Packet(packet)) = Record::parse(&bytes) else { panic!("a packet") };
        assert_eq!((packet.is_ingress, packet.is_listener, packet.is_first), (true, true, false));
        assert_eq!((packet.len, packet.segment_len, packet.netns, packet.lost), (60, None, 7, 2));
        assert_eq!((packet.time, packet.cookie, packet.cgroup), (8, 9, 10));
        assert_eq!(packet.sender, Some(ProcessKey { start: 11, pid: 12, exec: 13 }));
        assert_eq!(packet.bytes, b"abc");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(kind in 0..4_u8, mut bytes: Vec<u8>) {
            bytes.insert(0, kind);
            bytes.resize(bytes.len() * 40, kind);
            Record::parse(&bytes);
        }
    }

    fn packet_bytes() -> Vec<u8> {
        let mut bytes = vec![PACKET, 1, SENDER | LISTENER, 0];
        bytes.extend([3_u32, 60, 0, 7, 2].into_iter().flat_map(u32::to_le_bytes));
        bytes.extend([8_u64, 9, 10, 11].into_iter().flat_map(u64::to_le_bytes));
        bytes.extend([12_u32, 13].into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(b"abc");
        bytes
    }
}
