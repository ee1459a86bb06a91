//! What frames a forger makes of records.

use event::Timestamp;
use forge::{Counters, Ending, Mtu, PortMap, RecordKind, Settings, Side};
use wire::TcpFlags;

use crate::read::{Segment, Teller, opened, origin};

#[test]
fn a_session_is_whole_from_syn_to_fin() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    teller.now += 10;
    teller.data(1, Side::Client, 0, b"ping");
    teller.data(1, Side::Server, 0, b"pong!");
    teller.close(1, Ending::Finished);
    let segments = teller.segments();
    let (client, server) = (segments[0].sequence, segments[1].sequence);
    let shown: Vec<_> = segments.iter().map(|each| shown(each, client, server)).collect();
    let expected = [
        ("client", "S", 0, 0, 0),
        ("server", "SA", 0, 1, 0),
        ("client", "A", 1, 1, 0),
        ("client", "PA", 1, 1, 4),
        ("server", "A", 1, 5, 0),
        ("server", "PA", 1, 5, 5),
        ("client", "A", 5, 6, 0),
        ("client", "FA", 5, 6, 0),
        ("server", "FA", 6, 6, 0),
        ("client", "A", 6, 7, 0),
    ];
    assert_eq!(shown, expected.map(|(who, flags, s, a, len)| (who, flags.to_owned(), s, a, len)));
    assert_eq!(segments[3].data, b"ping");
    assert_eq!(segments[5].data, b"pong!");
    assert_eq!((segments[0].at, segments[3].at), (nanos(1_000), nanos(1_010)));
    let counters = *teller.forger.counters();
    let expected = Counters {
        frames: 10,
        frame_bytes: counters.frame_bytes,
        delivered_bytes: 9,
        opened: 1,
        finished: 1,
        ..Counters::default()
    };
    assert_eq!(counters, expected);
    assert_eq!(teller.forger.open_connections(), 0);
}

#[test]
fn syns_tell_the_longest_segment_of_the_mtu_and_the_largest_window() {
    for (mtu, server, len) in [
        (Mtu::ETHERNET, SERVER, 1460),
        (Mtu::ETHERNET, "[2001:db8::2]:443", 1440),
        (Mtu::JUMBO, SERVER, 8960),
        (Mtu::RECORD, SERVER, 16_460),
        (Mtu::MIN, SERVER, 536),
        (Mtu::new(u16::MAX).unwrap(), SERVER, 65_495),
    ] {
        let mut teller = Teller::new(Settings { mtu, ..Settings::default() });
        let client = if server == SERVER { CLIENT } else { "[2001:db8::1]:5000" };
        teller.open(1, client, server);
        teller.data(1, Side::Server, 0, &vec![b'x'; 70_000]);
        let segments = teller.segments();
        for syn in &segments[..2] {
            let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
            assert_eq!(syn.options, [2, 4, high, low, 1, 3, 3, 14]);
            assert_eq!(syn.window, u16::MAX);
        }
        let longest = segments.iter().map(|segment| segment.data.len()).max();
        assert_eq!(longest, Some(len));
        assert!(segments.iter().all(|segment| segment.ip_len <= usize::from(mtu.bytes())));
    }
    assert_eq!(Mtu::new(575), None);
}

#[test]
fn a_write_is_acknowledged_once_and_a_long_one_now_and_then() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    teller.segments();
    teller.data(1, Side::Client, 0, &[7; 16_384]);
    let segments = teller.segments();
    assert_eq!(segments.iter().filter(|segment| segment.data.is_empty()).count(), 1);
    let pushes = segments.iter().filter(|segment| segment.flags.contains(TcpFlags::PSH));
    assert_eq!(pushes.count(), 1);
    teller.data(1, Side::Client, 16_384, &[7; 200_000]);
    assert_eq!(teller.segments().iter().filter(|segment| segment.data.is_empty()).count(), 4);
}

#[test]
fn a_hole_is_a_jump_that_the_receiver_acknowledges() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    let isn = teller.segments()[1].sequence;
    teller.data(1, Side::Server, 0, b"abc");
    teller.missing(1, Side::Server, 3, 5000);
    teller.data(1, Side::Server, 5003, b"def");
    let segments = teller.segments();
    let shown: Vec<_> = segments
        .iter()
        .map(|each| {
            let place = if each.data.is_empty() { each.acknowledgment } else { each.sequence };
            (each.data.clone(), place.wrapping_sub(isn))
        })
        .collect();
    let none = Vec::new();
    let expected = [
        (b"abc".to_vec(), 1),
        (none.clone(), 4),
        (none.clone(), 5004),
        (b"def".to_vec(), 5004),
        (none, 5007),
    ];
    assert_eq!(shown, expected);
    assert_eq!(teller.forger.counters().missing_bytes, 5000);
    assert_eq!(teller.forger.counters().delivered_bytes, 6);
}

#[test]
fn the_sequence_follows_the_position_beyond_4_gib() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    let isn = teller.segments()[0].sequence;
    let mut position = 0_u64;
    for len in [1, 1 << 20, 700 << 20, u64::from(u32::MAX), 1 << 32, (5 << 32) + 3, 1 << 40] {
        teller.missing(1, Side::Client, position, len);
        position += len;
        let acks = teller.segments();
        assert!((1..=16).contains(&acks.len()), "{} for a hole of {len}", acks.len());
        let mut last = acks[0].acknowledgment;
        for ack in &acks[1..] {
            let step = ack.acknowledgment.wrapping_sub(last);
            assert!((1..=512 << 20).contains(&step), "a step that the window allows");
            last = ack.acknowledgment;
        }
        teller.data(1, Side::Client, position, b"data");
        let segments = teller.segments();
        let expected = u32::try_from((u64::from(isn) + 1 + position) % (1 << 32)).unwrap();
        assert_eq!(segments[0].sequence, expected, "at {position}");
        position += 4;
    }
}

#[test]
fn places_that_are_over_are_refused_and_jumps_that_nobody_announced_are_holes() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    teller.data(1, Side::Client, 0, b"0123456789");
    teller.segments();
    teller.data(1, Side::Client, 0, b"0123456789");
    teller.data(1, Side::Client, 9, b"9abc");
    teller.missing(1, Side::Client, 5, 100);
    teller.missing(1, Side::Client, u64::MAX, 1);
    teller.data(1, Side::Client, u64::MAX - 1, b"abc");
    assert_eq!(teller.segments(), []);
    let counters = *teller.forger.counters();
    assert_eq!((counters.out_of_order_bytes, counters.refused_records), (17, 5));
    assert_eq!((counters.missing_unshown_bytes, counters.missing_bytes), (101, 0));

    teller.data(1, Side::Client, 12, b"c");
    teller.missing(1, Side::Client, 20, 2);
    assert_eq!(teller.forger.counters().unannounced_bytes, 2 + 7);
    assert_eq!(teller.forger.counters().missing_bytes, 2);
    assert_eq!(teller.segments().len(), 4);
}

#[test]
fn what_is_said_of_unknown_connections_is_counted() {
    let mut teller = Teller::new(Settings::default());
    teller.data(1, Side::Client, 0, b"lost");
    teller.missing(1, Side::Client, 4, 6);
    teller.close(1, Ending::Finished);
    teller.open(1, CLIENT, SERVER);
    teller.open(1, CLIENT, "192.0.2.9:443");
    teller.close(1, Ending::Reset);
    teller.data(1, Side::Client, 0, b"more");
    let counters = *teller.forger.counters();
    assert_eq!((counters.unknown_connection_bytes, counters.missing_unshown_bytes), (8, 6));
    assert_eq!((counters.refused_records, counters.dropped_bytes()), (5, 8));
    assert_eq!((counters.opened, counters.reset), (1, 1));
}

#[test]
fn connections_that_are_broken_off_end_with_rst() {
    for ending in [Ending::Reset, Ending::Abandoned] {
        let mut teller = Teller::new(Settings::default());
        teller.open(1, CLIENT, SERVER);
        teller.segments();
        teller.close(1, ending);
        let segments = teller.segments();
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].flags, TcpFlags::RST | TcpFlags::ACK);
    }
}

#[test]
fn the_connection_that_was_silent_longest_makes_room() {
    let mut teller = Teller::new(Settings { max_connections: 2, ..Settings::default() });
    teller.open(1, "192.0.2.1:1", SERVER);
    teller.open(2, "192.0.2.1:2", SERVER);
    teller.data(1, Side::Client, 0, b"x");
    teller.segments();
    teller.open(3, "192.0.2.1:3", SERVER);
    let segments = teller.segments();
    assert_eq!((segments[0].source.port(), segments[0].flags), (2, TcpFlags(0x14)));
    assert_eq!(segments.len(), 4);
    assert_eq!((teller.forger.counters().evicted, teller.forger.open_connections()), (1, 2));
}

#[test]
fn silent_connections_time_out() {
    let mut teller = Teller::new(Settings { idle_ns: 100, ..Settings::default() });
    teller.open(1, "192.0.2.1:1", SERVER);
    teller.now += 50;
    teller.open(2, "192.0.2.1:2", SERVER);
    teller.segments();
    assert_eq!(teller.forger.poll_timeout(), Some(nanos(1_100)));
    teller.forger.handle_timeout(nanos(1_099), &mut teller.frames);
    assert_eq!(teller.segments(), []);
    teller.forger.handle_timeout(nanos(1_100), &mut teller.frames);
    let segments = teller.segments();
    assert_eq!((segments.len(), segments[0].source.port()), (1, 1));
    assert_eq!((segments[0].flags, segments[0].at), (TcpFlags(0x14), nanos(1_100)));
    assert_eq!(teller.forger.counters().timed_out, 1);
    teller.forger.finish(nanos(1_110), &mut teller.frames);
    assert_eq!((teller.segments().len(), teller.forger.poll_timeout()), (1, None));
    assert_eq!(teller.forger.counters().abandoned, 1);
}

#[test]
fn many_ends_come_a_batch_at_a_time() {
    let mut teller = Teller::new(Settings { idle_ns: 100, ..Settings::default() });
    for port in 1..=1000 {
        teller.open(port, &format!("192.0.2.1:{port}"), SERVER);
    }
    teller.segments();
    let mut ends = 0;
    while teller.forger.poll_timeout().is_some_and(|at| at <= nanos(2_000)) {
        teller.forger.handle_timeout(nanos(2_000), &mut teller.frames);
        assert!(teller.frames.len() <= 64);
        ends += teller.segments().len();
    }
    assert_eq!((ends, teller.forger.counters().timed_out), (1000, 1000));
}

#[test]
fn connections_with_the_same_addresses_are_in_vlans_of_their_own() {
    let lanes = Some(100..=102);
    let mut teller = Teller::new(Settings { lanes, vlan: Some(101), ..Settings::default() });
    for id in 1..=3 {
        teller.open(id, CLIENT, SERVER);
    }
    let vlans = |teller: &mut Teller| -> Vec<_> {
        let syns = teller.segments().into_iter().filter(|each| each.flags == TcpFlags::SYN);
        syns.map(|segment| segment.vlan.unwrap()).collect()
    };
    assert_eq!(vlans(&mut teller), [101, 100, 102]);
    // There are no more: the oldest goes.
    teller.open(4, CLIENT, SERVER);
    let segments = teller.segments();
    assert_eq!((segments[0].vlan, segments[0].flags), (Some(101), TcpFlags(0x14)));
    assert_eq!((segments[1].vlan, segments[1].flags), (Some(101), TcpFlags::SYN));
    teller.data(1, Side::Client, 0, b"of the oldest");
    let counters = teller.forger.counters();
    assert_eq!((counters.replaced, counters.in_lanes, counters.dropped_bytes()), (1, 2, 13));
}

#[test]
fn addresses_and_ports_rest_for_a_minute() {
    let mut teller = Teller::new(Settings::default());
    let mut vlan_of_next = |id: u64, wait: i64| {
        teller.now += wait;
        teller.open(id, CLIENT, SERVER);
        teller.close(id, Ending::Finished);
        teller.segments()[0].vlan
    };
    assert_eq!(vlan_of_next(1, 0), None);
    assert_eq!(vlan_of_next(2, 1_000), Some(2));
    assert_eq!(vlan_of_next(3, 59_000_000_000), Some(3));
    assert_eq!(vlan_of_next(4, 60_000_000_000), None);
}

#[test]
fn without_lanes_the_older_connection_is_reset() {
    let mut teller = Teller::new(Settings { lanes: None, ..Settings::default() });
    teller.open(1, CLIENT, SERVER);
    let first = teller.segments()[0].sequence;
    teller.open(2, CLIENT, SERVER);
    let segments = teller.segments();
    assert_eq!(segments[0].flags, TcpFlags(0x14));
    assert_eq!((segments[1].flags, segments[1].vlan), (TcpFlags::SYN, None));
    assert_ne!(segments[1].sequence, first, "another connection has another sequence");
}

#[test]
fn settings_are_kept_to() {
    let macs = ([2, 0, 0, 0, 0, 8], [2, 0, 0, 0, 0, 9]);
    let ports = PortMap::new([(443, 8080), (443, 80), (8443, 81)]);
    let mut teller = Teller::new(Settings { macs, ports, vlan: Some(7), ..Settings::default() });
    teller.open(1, "192.0.2.1:443", SERVER);
    let segments = teller.segments();
    assert_eq!(segments[0].macs, macs);
    assert_eq!(segments[1].macs, (macs.1, macs.0));
    assert_eq!((segments[0].source.port(), segments[0].destination.port()), (443, 80));
    assert!(segments.iter().all(|segment| segment.vlan == Some(7)));
}

#[test]
fn sequences_depend_on_the_key_and_the_connection() {
    let first = |key, id| {
        let mut teller = Teller::new(Settings { key, ..Settings::default() });
        teller.open(id, CLIENT, SERVER);
        let segments = teller.segments();
        assert_ne!(segments[0].sequence, segments[1].sequence);
        segments[0].sequence
    };
    assert_eq!(first(1, 1), first(1, 1));
    assert_ne!(first(1, 1), first(2, 1));
    assert_ne!(first(1, 1), first(1, 2));
}

#[test]
fn mapped_addresses_are_ipv4() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, "[::ffff:192.0.2.1]:5000", "[::ffff:198.51.100.2]:443");
    teller.open(2, CLIENT, SERVER);
    let segments = teller.segments();
    assert_eq!(segments[0].source.to_string(), CLIENT);
    assert_eq!(segments[3].vlan, Some(2), "they are the same addresses");
    teller.open(3, "192.0.2.1:1", "[2001:db8::2]:443");
    assert_eq!(teller.segments()[0].source.to_string(), "[::ffff:192.0.2.1]:1");
}

#[test]
fn the_first_frame_tells_whose_clear_text_it_is() {
    let mut teller = Teller::new(Settings::default());
    let late = forge::Opened { is_late: true, ..opened(CLIENT, SERVER) };
    let known = forge::Opened { origin: Some(origin()), ..opened("192.0.2.1:1", SERVER) };
    for (id, opened) in [(1, late), (2, known), (3, opened("192.0.2.1:2", SERVER))] {
        teller.tell(id, RecordKind::Opened(Box::new(opened)));
    }
    let comments: Vec<_> =
        teller.segments().into_iter().map(|segment| segment.comment.unwrap_or_default()).collect();
    let known = "client: process curl, pid 123, container 0123abcd";
    assert_eq!(comments, ["joined late", "", "", known, "", "", "", "", ""]);
}

#[test]
fn the_time_of_a_connection_never_goes_back() {
    let mut teller = Teller::new(Settings::default());
    teller.open(1, CLIENT, SERVER);
    teller.now += 500;
    teller.data(1, Side::Client, 0, b"a");
    teller.now -= 100;
    teller.data(1, Side::Server, 0, b"b");
    let times: Vec<_> = teller.segments().iter().map(|each| each.at.as_nanos()).collect();
    assert_eq!(times, [1_000, 1_000, 1_000, 1_500, 1_500, 1_500, 1_500]);
}

fn shown(segment: &Segment, client: u32, server: u32) -> (&'static str, String, u32, u32, usize) {
    let from_client = segment.source.to_string() == CLIENT;
    let (who, own, other) =
        if from_client { ("client", client, server) } else { ("server", server, client) };
    let names = [(TcpFlags::SYN, 'S'), (TcpFlags::FIN, 'F'), (TcpFlags::PSH, 'P')];
    let mut flags: String = names
        .iter()
        .filter_map(|(flag, name)| segment.flags.contains(*flag).then_some(*name))
        .collect();
    let has_ack = segment.flags.contains(TcpFlags::ACK);
    flags.extend(has_ack.then_some('A'));
    let acknowledged = if has_ack { segment.acknowledgment.wrapping_sub(other) } else { 0 };
    (who, flags, segment.sequence.wrapping_sub(own), acknowledged, segment.data.len())
}

fn nanos(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

const CLIENT: &str = "192.0.2.1:5000";
const SERVER: &str = "198.51.100.2:443";
