//! Capturing from and sending to virtual interfaces.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and skips aloud"
)]
#![cfg(target_os = "linux")]

mod namespace;

use std::collections::HashMap;
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use capture::{
    Interface, LiveCapture, LiveError, LiveOptions, Outgoing, PacketSender, QueueDiscipline,
    Statistics,
};
use namespace::{ip, with_pair};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use wire::LinkType;

#[test]
fn every_packet_sent_is_received_once_in_order_and_whole() {
    with_pair("all", || {
        const COUNT: u32 = 50_000;
        let mut capture = LiveCapture::open(&options("right")).unwrap();
        let sender = thread::scope(|scope| {
            let sender = scope.spawn(|| send_all("left", &numbered(COUNT)));
            let mut expected = 0;
            let deadline = Instant::now() + PATIENCE;
            while expected < COUNT && Instant::now() < deadline {
                let Some(block) = capture.poll(TICK).unwrap() else { continue };
                for live in block.live_packets() {
                    assert_eq!(live.packet.bytes, frame(expected));
                    assert_eq!(live.packet.wire_len as usize, frame(expected).len());
                    assert_eq!(live.packet.link_type, LinkType::ETHERNET);
                    assert!(!live.outgoing);
                    assert_eq!(live.vlan, None);
                    expected += 1;
                }
            }
            assert_eq!(expected, COUNT);
            sender.join()
        });
        sender.unwrap();
        let expected = Statistics { received: COUNT.into(), ..Statistics::default() };
        assert_eq!(capture.statistics().unwrap(), expected);
        assert_eq!(capture.statistics().unwrap(), expected, "reading does not change them");
    });
}

#[test]
fn packets_that_do_not_fit_the_ring_are_counted_as_dropped() {
    with_pair("drops", || {
        const COUNT: u32 = 5000;
        let small = LiveOptions { block_len: 4096, blocks: 4, ..options("right") };
        let mut capture = LiveCapture::open(&small).unwrap();
        send_all("left", &numbered(COUNT));
        let given = drain(&mut capture).len();
        let statistics = capture.statistics().unwrap();
        assert!(statistics.dropped > 0 && given > 0, "{statistics:?}, {given} given");
        assert_eq!(statistics.received, given as u64);
        assert_eq!(statistics.received + statistics.dropped, u64::from(COUNT));
        assert!(statistics.freezes > 0);
    });
}

#[test]
fn time_is_that_of_the_system_clock() {
    with_pair("time", || {
        let mut capture = LiveCapture::open(&options("right")).unwrap();
        let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
        let before = now();
        send_all("left", &numbered(1));
        let packets = drain(&mut capture);
        let after = now();
        assert!((before..=after).contains(&packets[0].timestamp_ns));
    });
}

#[test]
fn a_snapshot_length_cuts_packets_and_counts_them() {
    with_pair("snap", || {
        let cut = LiveOptions { snapshot_len: Some(40), ..options("right") };
        let mut capture = LiveCapture::open(&cut).unwrap();
        send_all("left", &numbered(3));
        let packets = drain(&mut capture);
        assert_eq!(packets.len(), 3);
        for (number, packet) in (0..).zip(&packets) {
            assert_eq!(packet.bytes, &frame(number)[..40]);
            assert_eq!(packet.wire_len as usize, frame(number).len());
        }
        assert_eq!(capture.statistics().unwrap().cut_short, 3);
    });
}

#[test]
fn a_vlan_tag_that_the_kernel_took_off_is_given() {
    with_pair("vlan", || {
        let mut capture = LiveCapture::open(&options("right")).unwrap();
        let mut tagged = frame(7);
        tagged.splice(12..12, [0x81, 0x00, 0x60, 0x2a]);
        send_all("left", &[tagged]);
        let packets = drain(&mut capture);
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].bytes, frame(7));
        assert_eq!(packets[0].vlan, Some((0x8100, 0x602a)));
    });
}

#[test]
fn a_packet_on_loopback_is_given_once() {
    with_pair("lo", || {
        let mut capture = LiveCapture::open(&options("lo")).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            socket.send_to(b"once", socket.local_addr().unwrap()).unwrap();
        }
        let packets = drain(&mut capture);
        assert_eq!(packets.len(), 10);
        assert!(packets.iter().all(|packet| packet.link_type == LinkType::ETHERNET));
        assert!(packets.iter().all(|packet| packet.bytes.ends_with(b"once")));
        assert_eq!(capture.statistics().unwrap().loopback_copies, 10);
    });
}

#[test]
fn any_sees_all_interfaces_and_outgoing_packets_unless_they_are_ignored() {
    with_pair("any", || {
        let mut both = LiveCapture::open(&LiveOptions::new(Interface::Any)).unwrap();
        let incoming =
            LiveOptions { outgoing: Outgoing::Ignored, ..LiveOptions::new(Interface::Any) };
        let mut incoming = LiveCapture::open(&incoming).unwrap();
        send_with("left", &numbered(20), QueueDiscipline::Used);
        let directions = |packets: &[Owned]| {
            let mut directions: HashMap<_, usize> = HashMap::new();
            for packet in packets {
                *directions.entry((packet.outgoing, packet.interface)).or_default() += 1;
            }
            let mut directions: Vec<_> = directions.into_iter().collect();
            directions.sort_unstable();
            directions
        };
        let (left, right) = (interface("left"), interface("right"));
        assert_eq!(directions(&drain(&mut incoming)), [((false, right), 20)]);
        assert_eq!(directions(&drain(&mut both)), [((false, right), 20), ((true, left), 20)]);
    });
}

#[test]
fn both_directions_of_a_flow_go_to_one_worker() {
    with_pair("group", || {
        const FLOWS: u16 = 64;
        let workers = NonZeroUsize::new(2).unwrap();
        let mut captures = LiveCapture::open_group(&options("right"), workers).unwrap();
        let frames: Vec<_> = (0..FLOWS)
            .flat_map(|flow| {
                let there = udp([192, 0, 2, 1], [192, 0, 2, 2], 1000 + flow, 443, b"there");
                let back = udp([192, 0, 2, 2], [192, 0, 2, 1], 443, 1000 + flow, b"back ");
                [there, back]
            })
            .collect();
        send_all("left", &frames);
        let shares: Vec<_> = captures.iter_mut().map(drain).collect();
        assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), frames.len());
        assert!(shares.iter().all(|share| !share.is_empty()));
        for share in &shares {
            let mut flows: HashMap<u16, usize> = HashMap::new();
            for packet in share {
                let ports =
                    [34, 36].map(|at| u16::from_be_bytes([packet.bytes[at], packet.bytes[at + 1]]));
                *flows.entry(ports[0].max(ports[1])).or_default() += 1;
            }
            assert!(flows.values().all(|count| *count == 2), "{flows:?}");
        }
        let statistics = captures
            .iter_mut()
            .map(|capture| capture.statistics().unwrap())
            .fold(Statistics::default(), Statistics::plus);
        assert_eq!(statistics.received, frames.len() as u64);
    });
}

#[test]
fn an_interface_that_goes_down_is_an_error_and_capturing_goes_on_when_it_is_up() {
    with_pair("down", || {
        let mut capture = LiveCapture::open(&options("right")).unwrap();
        ip("link set right down");
        assert!(matches!(first_error(&mut capture), LiveError::Down { .. }));
        assert!(matches!(LiveCapture::open(&options("right")), Err(LiveError::Down { .. })));
        ip("link set right up");
        send_all("left", &numbered(1));
        assert_eq!(drain(&mut capture).len(), 1);
        ip("link del left");
        let error = first_error(&mut capture);
        assert!(matches!(error, LiveError::Removed { .. }), "{error:?}");
        assert_eq!(error.to_string(), "right: the interface was removed");
    });
}

#[test]
fn what_cannot_be_opened_is_said() {
    with_pair("errors", || {
        let error = |options: &LiveOptions| {
            LiveCapture::open(options).err().expect("it must not open").to_string()
        };
        assert!(error(&options("absent")).starts_with("absent: no such interface"));
        assert!(error(&options("a\0b")).starts_with("a\0b: no such interface"));
        let odd = LiveOptions { block_len: 1000, ..options("right") };
        assert!(error(&odd).starts_with("right: no ring of 64 blocks of 1000 bytes"));
        let huge = LiveOptions { block_len: 1 << 31, blocks: u32::MAX, ..options("right") };
        assert!(error(&huge).starts_with("right: no ring of"));

        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_RAW);
        set_capabilities(None, sets).unwrap();
        let refused = error(&options("right"));
        assert!(refused.contains("CAP_NET_RAW") && refused.contains("setcap"), "{refused}");
        let refused = PacketSender::open("right", QueueDiscipline::Used).err().unwrap();
        assert!(matches!(refused, LiveError::Permission { .. }));
    });
}

#[test]
fn an_idle_interface_gives_nothing_within_the_time() {
    with_pair("idle", || {
        let mut capture = LiveCapture::open(&options("right")).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(100) {
            let block = capture.poll(Duration::from_millis(100)).unwrap();
            assert!(block.is_none_or(|block| block.is_empty()));
        }
        assert_eq!(capture.statistics().unwrap(), Statistics::default());
    });
}

struct Owned {
    timestamp_ns: i64,
    link_type: LinkType,
    wire_len: u32,
    bytes: Vec<u8>,
    vlan: Option<(u16, u16)>,
    interface: u32,
    outgoing: bool,
}

fn options(interface: &str) -> LiveOptions {
    LiveOptions { blocks: 64, ..LiveOptions::new(Interface::from_name(interface)) }
}

/// All packets until there have been none for longer than a block is kept open.
fn drain(capture: &mut LiveCapture) -> Vec<Owned> {
    let mut packets = Vec::new();
    let mut quiet = 0;
    while quiet < 3 {
        let Some(block) = capture.poll(TICK).unwrap() else {
            quiet += 1;
            continue;
        };
        packets.extend(block.live_packets().map(|live| Owned {
            timestamp_ns: live.packet.timestamp_ns,
            link_type: live.packet.link_type,
            wire_len: live.packet.wire_len,
            bytes: live.packet.bytes.to_vec(),
            vlan: live.vlan.map(|tag| (tag.protocol, tag.control)),
            interface: live.interface,
            outgoing: live.outgoing,
        }));
    }
    packets
}

fn first_error(capture: &mut LiveCapture) -> LiveError {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match capture.poll(TICK) {
            Ok(block) => drop(block),
            Err(error) => return error,
        }
    }
    panic!("no error within {PATIENCE:?}");
}

fn send_all(interface: &str, frames: &[Vec<u8>]) {
    send_with(interface, frames, QueueDiscipline::Bypassed);
}

fn send_with(interface: &str, frames: &[Vec<u8>], queue: QueueDiscipline) {
    let mut sender = PacketSender::open(interface, queue).unwrap();
    let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
    let mut rest = frames.as_slice();
    while !rest.is_empty() {
        let sent = sender.send(rest).unwrap();
        assert!(sent <= PacketSender::MAX_BATCH);
        rest = &rest[sent..];
    }
}

fn numbered(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(frame).collect()
}

fn frame(number: u32) -> Vec<u8> {
    let padding = vec![0xaa; (number % 1400) as usize];
    udp([192, 0, 2, 1], [192, 0, 2, 2], 1234, 5678, &[&number.to_be_bytes(), &*padding].concat())
}

fn udp(from: [u8; 4], to: [u8; 4], from_port: u16, to_port: u16, payload: &[u8]) -> Vec<u8> {
    let udp_len = u16::try_from(8 + payload.len()).unwrap();
    let ip_len = 20 + udp_len;
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0];
    frame.extend(ip_len.to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(from.iter().chain(&to));
    for field in [from_port, to_port, udp_len, 0] {
        frame.extend(field.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

fn interface(name: &str) -> u32 {
    rustix::net::netdevice::name_to_index(
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
            .unwrap(),
        name,
    )
    .unwrap()
}

const TICK: Duration = Duration::from_millis(50);

/// Far longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
