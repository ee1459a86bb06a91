//! Forged frames on interfaces.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and skips aloud"
)]
#![cfg(target_os = "linux")]

mod namespace;

use std::time::{Duration, Instant};

use capture::{
    FrameSink, Interface, InterfaceSink, LiveCapture, LiveError, LiveOptions, SinkError, TapSink,
};
use event::Timestamp;
use forge::{ConnectionId, Forger, Frames, Mtu, Opened, Record, RecordKind, Settings, Side};
use namespace::{ip, with_pair};

#[test]
fn frames_leave_an_interface_in_order_and_whole() {
    with_pair("sink", || {
        let mut sink = InterfaceSink::open("left").unwrap();
        assert_eq!(sink.mtu(), Some(1500));
        assert_arrive(&mut sink, "right", Mtu::ETHERNET);
        assert_eq!(sink.counters().interface_dropped_frames, Some(0));
    });
}

#[test]
fn the_mtu_is_that_of_the_interface() {
    with_pair("mtu", || {
        ip("link set left mtu 9000");
        ip("link set right mtu 9000");
        let mut sink = InterfaceSink::open("left").unwrap();
        assert_eq!(sink.mtu(), Some(9000));
        assert_arrive(&mut sink, "right", Mtu::JUMBO);
    });
}

#[test]
fn frames_that_are_too_long_are_dropped_and_counted_and_others_are_sent() {
    with_pair("long", || {
        let mut sink = InterfaceSink::open("left").unwrap();
        let frames = frames(Mtu::JUMBO);
        let too_long = frames.iter().filter(|frame| frame.bytes.len() > 1514);
        let (count, len) =
            too_long.fold((0, 0), |(count, len), frame| (count + 1, len + frame.bytes.len()));
        assert!(count > 0 && count < frames.len());
        sink.send(&frames).unwrap();
        let counters = sink.counters();
        assert_eq!(
            (counters.impossible_frames, counters.dropped_frames),
            (count as u64, count as u64)
        );
        assert_eq!(counters.dropped_bytes, len as u64);
        assert_eq!(counters.frames, (frames.len() - count) as u64);
        assert_eq!(counters.bytes + counters.dropped_bytes, frames.total_len() as u64);
    });
}

#[test]
fn an_interface_that_is_down_is_an_error_and_may_come_back() {
    with_pair("updown", || {
        let mut sink = InterfaceSink::open("left").unwrap();
        let frames = frames(Mtu::ETHERNET);
        ip("link set left down");
        let error = sink.send(&frames).unwrap_err();
        assert!(matches!(error, SinkError::Interface(LiveError::Down { .. })), "{error}");
        assert_eq!(sink.counters().dropped_frames, frames.len() as u64);
        ip("link set left up");
        sink.send(&frames).unwrap();
        assert_eq!(sink.counters().frames, frames.len() as u64);
        assert!(InterfaceSink::open("absent").is_err());
    });
}

#[test]
fn a_tap_interface_is_made_and_ends_with_its_sink() {
    with_pair("tap", || {
        let mut sink = TapSink::create("tap7", Mtu::RECORD).unwrap();
        assert_eq!(sink.mtu(), Some(16_500));
        assert_arrive(&mut sink, "tap7", Mtu::RECORD);
        let busy = TapSink::create("tap7", Mtu::ETHERNET).err().unwrap().to_string();
        assert!(busy.starts_with("tap7: making a TAP interface failed"), "{busy}");
        drop(sink);
        assert!(matches!(
            LiveCapture::open(&options("tap7")),
            Err(LiveError::NoSuchInterface { .. })
        ));
        for name in ["", "a-name-that-is-too-long", "a\0b"] {
            assert!(TapSink::create(name, Mtu::ETHERNET).is_err(), "{name:?}");
        }
    });
}

/// What is sent arrives at `interface`, in order and whole.
fn assert_arrive(sink: &mut impl FrameSink, interface: &str, mtu: Mtu) {
    let mut capture = LiveCapture::open(&options(interface)).unwrap();
    let frames = frames(mtu);
    let (len, bytes) = (frames.len(), frames.total_len());
    assert!(len > 64, "more than one call");
    sink.send(&frames).unwrap();
    sink.flush().unwrap();
    let mut expected = frames.iter();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut seen = 0;
    while seen < len && Instant::now() < deadline {
        let Some(block) = capture.poll(Duration::from_millis(20)).unwrap() else { continue };
        for live in block.live_packets() {
            assert_eq!(Some(live.packet.bytes), expected.next().map(|frame| frame.bytes));
            seen += 1;
        }
    }
    assert_eq!(seen, len);
    let counters = sink.counters();
    assert_eq!((counters.frames, counters.bytes), (len as u64, bytes as u64));
    assert_eq!((counters.dropped_frames, counters.impossible_frames), (0, 0));
}

fn options(interface: &str) -> LiveOptions {
    LiveOptions { blocks: 64, ..LiveOptions::new(Interface::from_name(interface)) }
}

/// Those of a connection that carries much.
fn frames(mtu: Mtu) -> Frames {
    let mut forger = Forger::new(Settings { mtu, ..Settings::default() });
    let mut frames = Frames::new();
    let opened = Opened {
        client: "192.0.2.1:5000".parse().unwrap(),
        server: "192.0.2.2:443".parse().unwrap(),
        is_late: false,
        origin: None,
    };
    let data = vec![7; 1 << 20];
    let write = RecordKind::Data { sender: Side::Server, position: 0, bytes: &data };
    for kind in [RecordKind::Opened(Box::new(opened)), write] {
        let at = Timestamp::from_nanos(1);
        forger.handle(&Record { connection: ConnectionId(1), at, kind }, &mut frames);
    }
    frames
}
