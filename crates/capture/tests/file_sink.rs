//! Forged frames in pcapng files.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod captures;

use std::io::{self, Write};

use capture::{FileSink, FrameSink as _, PcapngWriter, SinkError};
use captures::{Order, enhanced, interface, option, packet, read, section};
use event::Timestamp;
use forge::{ConnectionId, Forger, Frames, Opened, Origin, Record, RecordKind, Settings, Side};
use wire::{LinkType, Packet};

#[test]
fn frames_are_read_back_with_their_times() {
    let frames = frames(1_700_000_000_123_456_789);
    let mut sink = FileSink::new(Vec::new(), "memory").unwrap();
    sink.send(&frames).unwrap();
    let counters = sink.counters();
    assert_eq!((counters.frames, counters.bytes), (frames.len() as u64, frames.total_len() as u64));
    assert_eq!((counters.dropped_frames, counters.interface_dropped_frames), (0, None));
    let file = sink.finish().unwrap();
    let expected: Vec<_> = frames
        .iter()
        .map(|frame| {
            let len = u32::try_from(frame.bytes.len()).unwrap();
            packet(frame.at.as_nanos(), 1, len, frame.bytes)
        })
        .collect();
    assert_eq!(read(&file), expected);
}

#[test]
fn blocks_and_options_are_those_of_the_format() {
    const LITTLE: Order = Order::Little;
    let mut writer = PcapngWriter::new(Vec::new(), LinkType::ETHERNET, "mirror").unwrap();
    for (bytes, comment) in [(&b"frame"[..], Some("curl, pid 1")), (b"next", None)] {
        writer.write(&ethernet(0x1_0000_0002, bytes), comment).unwrap();
    }
    let version = concat!("tlsight ", env!("CARGO_PKG_VERSION"));
    let end = option(LITTLE, 0, &[]);
    let application = [option(LITTLE, 4, version.as_bytes()), end.clone()].concat();
    let plain = section(LITTLE);
    let mut expected = plain[..plain.len() - 4].to_vec();
    expected.extend(application);
    expected.extend([0; 4]);
    let len = LITTLE.u32(u32::try_from(expected.len()).unwrap());
    expected[4..8].copy_from_slice(&len);
    let last = expected.len() - 4;
    expected[last..].copy_from_slice(&len);
    let options = [option(LITTLE, 2, b"mirror"), option(LITTLE, 9, &[9]), end.clone()].concat();
    expected.extend(interface(LITTLE, 1, 1 << 20, &options));
    let mut commented = enhanced(LITTLE, 0, 0x1_0000_0002, 5, b"frame");
    let comment = [option(LITTLE, 1, b"curl, pid 1"), end].concat();
    let at = commented.len() - 4;
    commented.splice(at..at, comment);
    let len = LITTLE.u32(u32::try_from(commented.len()).unwrap());
    commented[4..8].copy_from_slice(&len);
    let last = commented.len() - 4;
    commented[last..].copy_from_slice(&len);
    expected.extend(commented);
    expected.extend(enhanced(LITTLE, 0, 0x1_0000_0002, 4, b"next"));
    assert_eq!(writer.finish().unwrap(), expected);
}

#[test]
fn the_first_frame_of_a_connection_has_the_comment() {
    let mut sink = FileSink::new(Vec::new(), "memory").unwrap();
    sink.send(&frames(0)).unwrap();
    let file = sink.finish().unwrap();
    let comment = b"server: process nginx, pid 7";
    let places: Vec<_> = file.windows(comment.len()).filter(|window| window == comment).collect();
    assert_eq!(places.len(), 1);
}

#[test]
fn a_time_that_cannot_be_told_drops_the_frame() {
    let mut sink = FileSink::new(Vec::new(), "memory").unwrap();
    let frames = frames(-1);
    sink.send(&frames).unwrap();
    let counters = sink.counters();
    assert_eq!((counters.frames, counters.dropped_frames), (0, frames.len() as u64));
    assert_eq!(counters.impossible_frames, frames.len() as u64);
    assert!(read(&sink.finish().unwrap()).is_empty());
}

#[test]
fn a_full_disk_is_an_error_and_what_is_lost_is_counted() {
    let mut sink = FileSink::new(Full { room: 400 }, "full.pcapng").unwrap();
    let frames = frames(0);
    let error = sink.send(&frames).unwrap_err();
    assert!(matches!(&error, SinkError::File { path, .. } if &**path == "full.pcapng"), "{error}");
    let counters = sink.counters();
    assert_eq!(counters.frames + counters.dropped_frames, frames.len() as u64);
    assert!(counters.frames > 0 && counters.dropped_frames > 0);
}

#[test]
fn packets_that_the_file_cannot_hold_are_refused() {
    let mut writer = PcapngWriter::new(Vec::new(), LinkType::ETHERNET, "x").unwrap();
    let other = Packet { link_type: LinkType::RAW, ..ethernet(0, b"x") };
    let long = vec![0; (1 << 20) + 1];
    for packet in [other, ethernet(-1, b"x"), ethernet(0, &long)] {
        let error = writer.write(&packet, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    assert!(read(&writer.finish().unwrap()).is_empty());
    assert!(PcapngWriter::new(Vec::new(), LinkType::SOCKET, "x").is_err());
}

fn ethernet(timestamp_ns: i64, bytes: &[u8]) -> Packet<'_> {
    let wire_len = u32::try_from(bytes.len()).unwrap();
    Packet { timestamp_ns, link_type: LinkType::ETHERNET, wire_len, bytes }
}

/// Those of a connection with a write.
fn frames(at: i64) -> Frames {
    let mut forger = Forger::new(Settings::default());
    let mut frames = Frames::new();
    let origin = Origin { side: Side::Server, pid: 7, command: "nginx".into(), container: None };
    let opened = Opened {
        client: "192.0.2.1:5000".parse().unwrap(),
        server: "192.0.2.2:443".parse().unwrap(),
        is_late: false,
        origin: Some(origin),
    };
    let write = RecordKind::Data { sender: Side::Client, position: 0, bytes: &[7; 2001] };
    for kind in [RecordKind::Opened(Box::new(opened)), write] {
        let at = Timestamp::from_nanos(at);
        forger.handle(&Record { connection: ConnectionId(1), at, kind }, &mut frames);
    }
    frames
}

struct Full {
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(bytes.len()) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        self.room = room;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
