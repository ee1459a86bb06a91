//! Reading and writing pcap, and refusing what is no capture.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod captures;

use std::io::Write;
use std::path::Path;

use capture::{Damage, FileReader, PcapWriter, ReadError, Stream};
use captures::{
    ORDERS, Order, drain, open, open_trickling, packet, pcap_header, pcap_record, read,
    read_damaged, refusal, small_pcap,
};
use proptest::prelude::*;
use wire::{LinkType, Packet};

#[test]
fn every_byte_order_and_resolution_is_read() {
    for order in ORDERS {
        for (magic, nanos) in [(0xa1b2_c3d4, 7000), (0xa1b2_3c4d, 7)] {
            let mut file = pcap_header(order, magic, 101);
            file.extend(pcap_record(order, 1_700_000_000, 7, 1500, b"cut short"));
            file.extend(pcap_record(order, u32::MAX, u32::MAX, 0, b""));
            let packets = read(&file);
            let first = packet(1_700_000_000_000_000_000 + nanos, 101, 1500, b"cut short");
            assert_eq!(packets[0], first, "{order:?} {magic:x}");
            let last = i64::from(u32::MAX) * (1_000_000_000 + nanos / 7);
            assert_eq!(packets[1], packet(last, 101, 0, b""));
        }
    }
}

#[test]
fn the_modified_format_with_longer_records_is_read() {
    for order in ORDERS {
        let mut file = pcap_header(order, 0xa1b2_cd34, 1);
        for data in [b"one", b"two"] {
            let mut record = pcap_record(order, 5, 6, 3, data);
            record.splice(16..16, [9; 8]);
            file.extend(record);
        }
        let packets = read(&file);
        let expected = [b"one", b"two"].map(|data| packet(5_000_006_000, 1, 3, data));
        assert_eq!(packets, expected);
    }
}

#[test]
fn lengths_in_the_old_order_are_turned_round() {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    file[6] = 2;
    let mut record = pcap_record(Order::Little, 0, 0, 0, b"data");
    record[8..16].copy_from_slice(&[60, 0, 0, 0, 4, 0, 0, 0]);
    file.extend(record);
    assert_eq!(read(&file), [packet(0, 1, 60, b"data")]);
}

#[test]
fn frame_check_and_reserved_bits_are_not_part_of_the_link_type() {
    let file = [
        pcap_header(Order::Big, 0xa1b2_c3d4, 0xf7ff_0001),
        pcap_record(Order::Big, 0, 0, 4, b"data"),
    ];
    assert_eq!(read(&file.concat())[0].link_type, 1);
}

#[test]
fn the_length_on_the_wire_is_never_less_than_that_captured() {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    file.extend(pcap_record(Order::Little, 0, 0, 2, b"data"));
    assert_eq!(read(&file)[0].wire_len, 4);
}

#[test]
fn every_prefix_gives_the_packets_before_the_cut_and_says_where_it_is() {
    let (file, starts) = small_pcap();
    let all = read(&file);
    for len in 24..file.len() {
        let mut reader = open(&file[..len]).unwrap();
        let (packets, error) = drain(&mut reader);
        let whole = starts.iter().skip(1).filter(|start| **start <= len).count();
        assert_eq!(packets, all[..whole], "prefix of {len} bytes");
        let Some(error) = error else {
            assert!(starts.contains(&len), "prefix of {len} bytes");
            continue;
        };
        let start = starts[whole];
        assert_eq!((error.offset, error.stream), (start as u64, Stream::File));
        if let Damage::RecordHeaderCut { have, need: 16 } = error.damage {
            assert_eq!(have, len - start);
        } else if let Damage::PacketCut { have, need } = error.damage {
            assert_eq!((have, need), (len - start - 16, all[whole].bytes.len()));
        } else {
            panic!("{error}");
        }
    }
}

#[test]
fn a_cut_is_told_in_words() {
    let (file, _) = small_pcap();
    let (_, error) = read_damaged(&file[..file.len() - 9]);
    let expected = "test: truncated in the middle of a packet, 12 of 21 bytes, at offset 93";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_absurd_length_is_damage_behind_the_good_packets() {
    let (mut file, _) = small_pcap();
    let end = file.len() as u64;
    file.extend(pcap_record(Order::Little, 0, 0, 0, &[0; (1 << 20) + 1]));
    let (packets, error) = read_damaged(&file);
    assert_eq!(packets.len(), 4);
    assert_eq!(error.offset, end);
    assert!(matches!(error.damage, Damage::PacketTooLong { len: 0x10_0001, max: 0x10_0000 }));
}

#[test]
fn the_longest_packet_is_read() {
    let data = vec![7; 1 << 20];
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    for _ in 0..3 {
        file.extend(pcap_record(Order::Little, 0, 0, 1 << 20, &data));
        file.extend(pcap_record(Order::Little, 0, 0, 5, b"small"));
    }
    let packets = read(&file);
    assert_eq!(packets.len(), 6);
    assert!(packets.iter().step_by(2).all(|packet| packet.bytes == data));
    assert!(packets.iter().skip(1).step_by(2).all(|packet| packet.bytes == b"small"));
}

#[test]
fn what_is_no_capture_is_refused_by_what_it_begins_with() {
    assert_eq!(refusal(b""), "test: empty");
    assert_eq!(
        refusal(b"Hello, world, this is text."),
        "test: neither pcap nor pcapng: begins with \"Hello, world, th\""
    );
    assert_eq!(refusal(b"\x7f\x00"), "test: neither pcap nor pcapng: begins with \"\\x7f\\x00\"");
    assert_eq!(
        refusal(&pcap_header(Order::Big, 0xa1b2_c3d4, 1)[..10]),
        "test: cut short inside the header of the capture: 10 of 24 bytes"
    );
    let mut future = pcap_header(Order::Big, 0xa1b2_c3d4, 1);
    future[5] = 3;
    assert_eq!(refusal(&future), "test: pcap version 3.4 is unknown; 2.0 to 2.4 are read");
    assert!(refusal(b"\xfd7zXZ\0 and more").starts_with("test: compressed with xz"));
    assert!(refusal(b"snoop\0\0\0\0\0\0\x02").starts_with("test: a snoop capture"));
}

#[test]
fn a_file_is_opened_by_its_path_and_tells_its_size() {
    let (file, _) = small_pcap();
    let path = std::env::temp_dir().join(format!("tlsight-{}.pcap", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(&file).unwrap();
    let mut reader = FileReader::open(&path).unwrap();
    assert_eq!(reader.size(), Some(file.len() as u64));
    let (packets, error) = drain(&mut reader);
    assert_eq!((packets.len(), error.is_none()), (4, true));
    assert_eq!(reader.position(), file.len() as u64);
    assert!(reader.secrets().is_empty());
    std::fs::remove_file(&path).unwrap();

    let error = FileReader::open(&path).err().unwrap().to_string();
    assert!(error.starts_with(&format!("{}: cannot be opened: ", path.display())), "{error}");
    let error = FileReader::open(Path::new("/")).err().unwrap().to_string();
    assert!(error.starts_with("/: cannot be read: "), "{error}");
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    let original = Packet {
        timestamp_ns: 1_700_000_000_123_456_789,
        link_type: LinkType::RAW,
        wire_len: 1500,
        bytes: b"the first bytes",
    };
    writer.write(&original).unwrap();
    for refused in [
        Packet { timestamp_ns: -1, ..original },
        Packet { timestamp_ns: i64::MAX, ..original },
        Packet { link_type: LinkType::ETHERNET, ..original },
        Packet { bytes: &[0; (1 << 20) + 1], ..original },
    ] {
        let error = writer.write(&refused).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
    let file = writer.finish().unwrap();
    assert_eq!(read(&file), [packet(1_700_000_000_123_456_789, 101, 1500, b"the first bytes")]);
}

#[test]
fn an_error_of_the_system_comes_behind_the_packets_before_it() {
    let (file, _) = small_pcap();
    let failing = std::io::Read::chain(std::io::Cursor::new(file.clone()), Broken);
    let mut reader = FileReader::from_reader(Box::new(failing), "test").unwrap();
    let (packets, error) = drain(&mut reader);
    assert_eq!(packets.len(), 4);
    let ReadError { offset, damage, .. } = error.unwrap();
    assert_eq!(offset, file.len() as u64);
    assert!(matches!(damage, Damage::Read(_)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, modified: bool) {
        let magic = if modified { 0xa1b2_cd34 } else { 0xa1b2_c3d4 };
        for head in [vec![], pcap_header(Order::Little, magic, 1)] {
            if let Ok(mut reader) = open(&[head, bytes.clone()].concat()) {
                drain(&mut reader);
            }
        }
    }

    #[test]
    fn how_the_bytes_come_makes_no_difference(
        lengths in prop::collection::vec(0_usize..3000, 0..40),
        step in 1_usize..5000,
    ) {
        let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
        for (number, len) in (0..).zip(lengths) {
            file.extend(pcap_record(Order::Little, number, 0, 4000, &vec![7; len]));
        }
        let (packets, error) = drain(&mut open_trickling(&file, step).unwrap());
        prop_assert!(error.is_none());
        prop_assert_eq!(packets, read(&file));
    }
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is on fire"))
    }
}
