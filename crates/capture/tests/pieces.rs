//! Reading the pieces of a file by the side of each other.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod captures;

use std::path::PathBuf;

use capture::{Block, FileReader, More, ReadError};
use captures::{
    Order, Owned, block, drain, enhanced, interface, open, pcap_header, pcap_record, section,
    small_pcap,
};

#[test]
fn a_file_gives_what_a_stream_gives() {
    for (name, bytes) in [("a.pcap", pcap()), ("a.pcapng", pcapng())] {
        for cut in [0, 1, 7, 5000, 700_000] {
            let bytes = &bytes[..bytes.len() - cut];
            let path = file(&format!("{cut}-{name}"), bytes);
            let (packets, error) = drain(&mut open(bytes).unwrap());
            let told = error.map(told);
            assert_eq!(told.is_some(), cut > 0, "{told:?}");
            let (whole, error) = drain(&mut FileReader::open(&path).unwrap());
            assert!(whole == packets && error.map(self::told) == told, "{name} but {cut}");
            for ahead in [1, 2, 5] {
                let (pieces, error) = drain_pieces(&path, ahead);
                assert!(pieces == packets && error.map(self::told) == told, "{name} but {cut}");
            }
        }
    }
}

#[test]
fn what_is_damaged_is_told_behind_the_packets_before_it() {
    let (mut bytes, starts) = small_pcap();
    let place = starts.last().unwrap() + 8;
    bytes[place..place + 4].fill(0xff);
    let path = file("damaged.pcap", &bytes);
    let (packets, error) = drain_pieces(&path, 3);
    let (expected, damage) = drain(&mut open(&bytes).unwrap());
    assert_eq!((packets, error.map(told)), (expected, damage.map(told)));
}

#[test]
fn pipes_and_compressed_files_have_no_pieces() {
    let (bytes, _) = small_pcap();
    assert!(open(&bytes).unwrap().next_piece().is_none());
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zipped, &bytes).unwrap();
    let path = file("small.pcap.gz", &zipped.finish().unwrap());
    let mut reader = FileReader::open(&path).unwrap();
    assert!(reader.next_piece().is_none());
    assert_eq!(drain(&mut reader).0.len(), 4);
}

/// Reads a file by pieces, some of them claimed ahead and filled the last first.
fn drain_pieces(path: &std::path::Path, ahead: usize) -> (Vec<Owned>, Option<ReadError>) {
    let mut reader = FileReader::open(path).unwrap();
    let mut blocks: Vec<Block> = (0..ahead).map(|_| Block::new()).collect();
    let (mut packets, mut ended) = (Vec::new(), false);
    while !ended {
        let pieces: Vec<_> = (0..ahead).map(|_| reader.next_piece().expect("a piece")).collect();
        let filled = pieces.into_iter().zip(&mut blocks).rev();
        let mut filled: Vec<_> = filled.map(|(piece, block)| piece.read(block)).collect();
        for block in &mut blocks {
            assert!(block.is_empty(), "there are packets before they are framed");
            match reader.frame(filled.pop().unwrap(), block) {
                Ok(More::Packets) => assert!(!ended),
                Ok(More::End) => ended = true,
                Err(error) => {
                    assert!(block.is_empty());
                    return (packets, Some(error));
                }
            }
            packets.extend(block.packets().map(|packet| {
                let link_type = packet.link_type.0;
                captures::packet(packet.timestamp_ns, link_type, packet.wire_len, packet.bytes)
            }));
        }
    }
    (packets, None)
}

/// Short packets, and some that are longer than a piece.
fn lens() -> impl Iterator<Item = usize> {
    (0..6000).map(|number| match number {
        2000 | 2001 | 5999 => 900_000,
        3000 => 40_000,
        _ => number % 700,
    })
}

fn pcap() -> Vec<u8> {
    let mut bytes = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    for (number, len) in (0..).zip(lens()) {
        bytes.extend(pcap_record(Order::Little, number, 0, 0, &content(len)));
    }
    bytes
}

/// The same with blocks that are no packets between them, one of them of many pieces.
fn pcapng() -> Vec<u8> {
    let mut bytes = [section(Order::Big), interface(Order::Big, 1, 0, &[])].concat();
    for (number, len) in (0..).zip(lens()) {
        if number == 1000 {
            bytes.extend(block(Order::Big, 4, &content(5_000_000)));
        }
        bytes.extend(enhanced(Order::Big, 0, number, 0, &content(len)));
    }
    bytes
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|place| place.to_le_bytes()[0] ^ len.to_le_bytes()[0]).collect()
}

fn told(error: ReadError) -> (u64, String) {
    (error.offset, format!("{:?}", error.damage))
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
