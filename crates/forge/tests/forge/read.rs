//! Forged frames, read by the views of `wire`.

use std::net::SocketAddr;

use event::Timestamp;
use forge::{
    ConnectionId, Ending, Forger, Frames, MissingCause, Opened, Origin, Record, RecordKind, Side,
};
use wire::{Checksum, EtherType, Ethernet, IpProtocol, Ipv4, Ipv6, TcpFlags, TcpSegment, VlanTag};

/// What a test looks at of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) at: Timestamp,
    pub(crate) comment: Option<String>,
    pub(crate) vlan: Option<u16>,
    pub(crate) macs: ([u8; 6], [u8; 6]),
    pub(crate) ip_len: usize,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) flags: TcpFlags,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) window: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

/// The frames as segments, each with lengths and checksums that are right.
pub(crate) fn segments(frames: &Frames) -> Vec<Segment> {
    frames.iter().map(|frame| segment(frame.at, frame.comment, frame.bytes)).collect()
}

fn segment(at: Timestamp, comment: Option<&str>, bytes: &[u8]) -> Segment {
    let ethernet = Ethernet::parse(bytes).unwrap();
    let macs = (ethernet.source, ethernet.destination);
    let (vlan, ether_type, packet) = if ethernet.ether_type == EtherType::VLAN {
        let tag = VlanTag::parse(ethernet.payload).unwrap();
        (Some(tag.id), tag.ether_type, tag.payload)
    } else {
        (None, ethernet.ether_type, ethernet.payload)
    };
    let (source, destination, payload) = if ether_type == EtherType::IPV4 {
        let ip = Ipv4::parse(packet).unwrap();
        assert_eq!((ip.protocol, ip.fragment), (IpProtocol::TCP, None));
        assert_eq!(ip.header_len + ip.payload.len(), packet.len(), "no padding");
        assert_eq!(Checksum::default().with(&packet[..ip.header_len]).finish(), 0);
        let len = u16::try_from(ip.payload.len()).unwrap();
        let sum = Checksum::pseudo_v4(ip.source, ip.destination, ip.protocol.0, len);
        assert_eq!(sum.with(ip.payload).finish(), 0, "TCP checksum");
        (ip.source.into(), ip.destination.into(), ip.payload)
    } else {
        assert_eq!(ether_type, EtherType::IPV6);
        let ip = Ipv6::parse(packet).unwrap();
        assert_eq!(ip.next_header, IpProtocol::TCP);
        let len = u32::try_from(ip.payload.len()).unwrap();
        let sum = Checksum::pseudo_v6(ip.source, ip.destination, ip.next_header.0, len);
        assert_eq!(sum.with(ip.payload).finish(), 0, "TCP checksum");
        (ip.source.into(), ip.destination.into(), ip.payload)
    };
    let tcp = TcpSegment::parse(payload).unwrap();
    Segment {
        at,
        comment: comment.map(Into::into),
        vlan,
        macs,
        ip_len: packet.len(),
        source: SocketAddr::new(source, tcp.source_port),
        destination: SocketAddr::new(destination, tcp.destination_port),
        flags: tcp.flags,
        sequence: tcp.sequence.0,
        acknowledgment: tcp.acknowledgment.0,
        window: tcp.window,
        options: tcp.options.to_vec(),
        data: tcp.payload.to_vec(),
    }
}

/// A forger, and records for it that are short to write.
pub(crate) struct Teller {
    pub(crate) forger: Forger,
    pub(crate) frames: Frames,
    pub(crate) now: i64,
}

impl Teller {
    pub(crate) fn new(settings: forge::Settings) -> Self {
        Self { forger: Forger::new(settings), frames: Frames::new(), now: 1_000 }
    }

    pub(crate) fn tell(&mut self, id: u64, kind: RecordKind<'_>) {
        let at = Timestamp::from_nanos(self.now);
        self.forger.handle(&Record { connection: ConnectionId(id), at, kind }, &mut self.frames);
    }

    pub(crate) fn open(&mut self, id: u64, client: &str, server: &str) {
        self.tell(id, RecordKind::Opened(Box::new(opened(client, server))));
    }

    pub(crate) fn data(&mut self, id: u64, sender: Side, position: u64, bytes: &[u8]) {
        self.tell(id, RecordKind::Data { sender, position, bytes });
    }

    pub(crate) fn missing(&mut self, id: u64, sender: Side, position: u64, len: u64) {
        let cause = MissingCause::RingFull;
        self.tell(id, RecordKind::Missing { sender, position, len, cause });
    }

    pub(crate) fn close(&mut self, id: u64, ending: Ending) {
        self.tell(id, RecordKind::Closed(ending));
    }

    /// The frames since the last call.
    pub(crate) fn segments(&mut self) -> Vec<Segment> {
        let segments = segments(&self.frames);
        self.frames.clear();
        segments
    }
}

pub(crate) fn opened(client: &str, server: &str) -> Opened {
    Opened {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        is_late: false,
        origin: None,
    }
}

pub(crate) fn origin() -> Origin {
    Origin {
        side: Side::Client,
        pid: 123,
        command: "curl".into(),
        container: Some("0123abcd".into()),
    }
}
