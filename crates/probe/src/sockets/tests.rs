use super::*;
use crate::finished::flow_key;

#[test]
fn a_connection_with_both_ends_here_is_one() {
    let mut host = Host::default();
    let (client, server) = (socket(1, HOST, "127.0.0.1:40000"), socket(2, HOST, "127.0.0.1:443"));
    for (from, to, payload) in [(&client, &server, 300), (&server, &client, 1200)] {
        host.transmits(from, to, 7, payload);
    }
    assert_eq!(host.packets(), [(0, 340), (0, 1240)]);
}

#[test]
fn equal_loopback_addresses_in_two_namespaces_are_two_connections() {
    let mut host = Host::default();
    let ends = |netns| {
        [
            socket(netns * 10, netns, "127.0.0.1:40000"),
            socket(netns * 10 + 1, netns, "127.0.0.1:443"),
        ]
    };
    for [client, server] in [ends(7), ends(8)] {
        host.transmits(&client, &server, 1, 10);
    }
    assert_eq!(host.packets(), [(0, 50), (1, 50)]);
}

#[test]
fn a_connection_between_two_namespaces_is_one_if_the_streams_are_in_step() {
    for (sequence, expected) in [(5, &[(0, 50)][..]), (1 << 30, &[(0, 50), (1, 50)])] {
        let mut host = Host::default();
        let client = socket(1, 7, "192.0.2.1:40000");
        let server = socket(2, 8, "192.0.2.2:443");
        host.sees(&client, &packet(&client, &server, false, 5, 0x18, 10));
        host.sees(&server, &packet(&client, &server, true, sequence, 0x18, 10));
        assert_eq!(host.packets(), expected);
    }
}

#[test]
fn ports_used_again_are_a_new_connection() {
    let mut host = Host::default();
    let client = socket(1, HOST, "192.0.2.1:40000");
    let server = socket(2, HOST, "192.0.2.2:443");
    for sequence in [100, 100, 900] {
        host.sees(&client, &packet(&client, &server, false, sequence, SYN, 0));
    }
    assert_eq!(host.packets(), [(0, 40), (0, 40), (1, 40)]);
}

#[test]
fn of_a_connection_that_is_over_nothing_more_is_given() {
    let mut host = Host::default();
    let client = socket(1, HOST, "192.0.2.1:40000");
    let server = socket(2, HOST, "192.0.2.2:443");
    host.sees(&client, &packet(&client, &server, false, 1, 0x18, 10));
    host.sockets.dismiss(0);
    assert_eq!(host.finished(), [Finished::Socket(1)]);
    host.sees(&client, &packet(&client, &server, false, 11, 0x18, 10));
    assert_eq!(host.packets(), [(0, 50)]);
    assert_eq!(host.finished(), [Finished::Socket(1)]);
}

#[test]
fn several_datagrams_in_one_packet_are_taken_apart() {
    let mut host = Host::default();
    let header = ip_header("192.0.2.1:40000", "192.0.2.2:443", 17, 8 + 250);
    let mut bytes = header;
    bytes.extend([0x9c, 0x40, 1, 0xbb, 1, 2, 0, 0]);
    bytes.extend([0; 250]);
    let client = socket(1, HOST, "192.0.2.1:40000");
    host.sees(&client, &Seen { segment_len: 100, ..Seen::sent(bytes) });
    assert_eq!(host.packets(), [(0, 128), (0, 128), (0, 78)]);
    let lengths: Vec<_> =
        host.batch.packets().map(|(_, packet)| packet.bytes[28..30].to_vec()).collect();
    assert_eq!(lengths, [[0, 108], [0, 108], [0, 58]]);
}

#[test]
fn a_hello_behind_a_session_of_datagrams_is_of_another() {
    let mut host = Host::default();
    let client = socket(1, HOST, "192.0.2.1:40000");
    let (first, later) = (datagram(FIRST), datagram(0));
    host.sees(&client, &first);
    host.sees(&client, &later);
    host.sees(&client, &first);
    host.sockets.dismiss(0);
    let key = flow_key(1, "192.0.2.2:443".parse().unwrap());
    assert_eq!(host.finished(), [Finished::Flow(key, 1)]);
    host.sees(&client, &later);
    host.sees(&client, &first);
    host.sees(&client, &later);
    assert_eq!(host.packets(), [(0, 38), (0, 38), (0, 38), (1, 38), (1, 38)]);
}

#[test]
fn a_command_line_that_nobody_can_read_is_counted() {
    for (arguments, unknown) in [(&b"curl\0"[..], 0), (b"", 1)] {
        let mut host = Host::default();
        host.sockets.take(&process(arguments), &mut host.batch);
        assert_eq!(host.sockets.losses().command_lines_unknown, unknown);
    }
}

#[test]
fn connections_that_said_something_outlast_those_that_did_not() {
    let mut host = Host::default();
    let server = socket(2, HOST, "192.0.2.2:443");
    let good = socket(1, HOST, "192.0.2.1:40000");
    host.sees(&good, &packet(&good, &server, false, 1, 0x18, 10));
    for number in 0..MAX_CONNECTIONS {
        let flood = socket(1, HOST, &format!("10.{}.0.1:{}", number >> 16, number & 0xffff));
        host.sees(&flood, &packet(&flood, &server, false, 1, SYN, 0));
    }
    assert_eq!(host.sockets.losses().connections_evicted, MAX_CONNECTIONS as u64 - 1);
    assert!(host.sockets.connections.contains_key(&0));
}

#[test]
fn what_makes_no_sense_is_counted() {
    let mut host = Host::default();
    host.sockets.take(&[9, 9, 9], &mut host.batch);
    let client = socket(1, HOST, "192.0.2.1:40000");
    host.sees(&client, &Seen::sent(vec![0x50; 40]));
    assert_eq!(host.sockets.losses().records_unreadable, 2);
    assert!(host.batch.is_empty());
}

#[test]
fn connections_have_a_bound() {
    let mut host = Host::default();
    let server = socket(2, HOST, "192.0.2.2:443");
    for number in 0..=MAX_CONNECTIONS {
        let client = socket(1, HOST, &format!("10.{}.0.1:{}", number >> 16, number & 0xffff));
        host.sees(&client, &packet(&client, &server, false, 1, SYN, 0));
        host.batch.clear();
    }
    assert_eq!(host.sockets.losses().connections_evicted, MAX_CONNECTIONS as u64);
    assert_eq!(host.sockets.connections.len(), 1);
}

#[test]
fn what_was_lost_before_a_packet_is_in_the_account_of_its_connection() {
    let mut host = Host::default();
    let client = socket(1, HOST, "192.0.2.1:40000");
    let server = socket(2, HOST, "192.0.2.2:443");
    for _ in 0..2 {
        let seen = packet(&client, &server, false, 1, 0x18, 10);
        host.sees_after_loss(&client, &seen, 3);
    }
    assert_eq!(host.sockets.connections[&0].lost, 6);
}

proptest::proptest! {
    #[test]
    fn any_record_is_taken_or_counted(kind in 1..3_u8, head: [u8; 32], mut bytes: Vec<u8>) {
        let mut host = Host::default();
        bytes.splice(0..0, head);
        bytes.splice(0..0, [kind, 1, 7, 0, 60, 0, 0, 0, 60, 0, 0, 0, 9, 0, 0, 0]);
        bytes.resize(8000, 0x45);
        host.sockets.take(&bytes, &mut host.batch);
        let taken = host.batch.len() as u64 + host.sockets.losses().records_unreadable;
        proptest::prop_assert!(taken > 0 || kind == 2);
    }
}

/// Sockets and what came out.
#[derive(Default)]
struct Host {
    sockets: Sockets,
    batch: Batch,
}

impl Host {
    /// A segment that both sockets see.
    fn transmits(&mut self, from: &Socket, to: &Socket, sequence: u32, payload: usize) {
        self.sees(from, &packet(from, to, false, sequence, 0x18, payload));
        self.sees(to, &packet(from, to, true, sequence, 0x18, payload));
    }

    fn sees(&mut self, socket: &Socket, seen: &Seen) {
        self.sees_after_loss(socket, seen, 0);
    }

    fn sees_after_loss(&mut self, socket: &Socket, seen: &Seen, lost: u32) {
        let len = u32::try_from(seen.bytes.len()).unwrap();
        let mut record = vec![1, u8::from(seen.is_ingress), seen.flags, 0];
        record.extend(
            [len, len, seen.segment_len, socket.netns, lost].into_iter().flat_map(u32::to_le_bytes),
        );
        record.extend([1, socket.cookie, 1, 0, 0].into_iter().flat_map(u64::to_le_bytes));
        record.extend(&seen.bytes);
        self.sockets.take(&record, &mut self.batch);
    }

    fn finished(&mut self) -> Vec<Finished> {
        self.sockets.take_finished().collect()
    }

    /// Numbers and lengths of the packets that came out.
    fn packets(&self) -> Vec<(u32, usize)> {
        self.batch.packets().map(|(number, packet)| (number, packet.bytes.len() - 4)).collect()
    }
}

struct Socket {
    cookie: u64,
    netns: u32,
    address: String,
}

struct Seen {
    bytes: Vec<u8>,
    is_ingress: bool,
    flags: u8,
    segment_len: u32,
}

impl Seen {
    fn sent(bytes: Vec<u8>) -> Self {
        Self { bytes, is_ingress: false, flags: 0, segment_len: 0 }
    }
}

fn socket(cookie: u32, netns: u32, address: &str) -> Socket {
    Socket { cookie: cookie.into(), netns, address: address.to_owned() }
}

fn packet(
    from: &Socket,
    to: &Socket,
    is_ingress: bool,
    sequence: u32,
    flags: u8,
    payload: usize,
) -> Seen {
    let port = |address: &str| address.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut bytes = ip_header(&from.address, &to.address, 6, 20 + payload);
    bytes.extend(port(&from.address).to_be_bytes());
    bytes.extend(port(&to.address).to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + payload, 0);
    Seen { is_ingress, ..Seen::sent(bytes) }
}

/// A datagram of 10 bytes with flags of its record.
fn datagram(flags: u8) -> Seen {
    let mut bytes = ip_header("192.0.2.1:40000", "192.0.2.2:443", 17, 8 + 10);
    bytes.extend([0x9c, 0x40, 1, 0xbb, 0, 18, 0, 0]);
    bytes.extend([0; 10]);
    Seen { flags, ..Seen::sent(bytes) }
}

/// The record of a process that is gone, with arguments.
fn process(arguments: &[u8]) -> Vec<u8> {
    let mut record = vec![2, 0, 0, 0];
    record.resize(4 + 4 + 2 * 16 + 8 + 2 * 16 + 3 * (4 + 1024 + 256), 0);
    record.extend(u32::try_from(arguments.len()).unwrap().to_le_bytes());
    record.extend([0; 4]);
    record.extend(arguments);
    record.resize(record.len() + 4096 - arguments.len() + 256, 0);
    record
}

fn ip_header(from: &str, to: &str, protocol: u8, payload: usize) -> Vec<u8> {
    let address = |text: &str| match text.parse::<SocketAddr>().unwrap().ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => panic!("an address of version 4"),
    };
    let len = u16::try_from(20 + payload).unwrap();
    let mut bytes = vec![0x45, 0];
    bytes.extend(len.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    bytes.extend(address(from));
    bytes.extend(address(to));
    bytes
}

const HOST: u32 = 4;
/// The record is the first of a flow of datagrams.
const FIRST: u8 = 4;
const SYN: u8 = 2;
