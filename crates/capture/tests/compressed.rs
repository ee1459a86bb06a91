//! Captures compressed with gzip and Zstandard.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod captures;

use std::io::Write;

use capture::{Damage, Stream};
use captures::{Order, drain, open, open_trickling, pcap_header, pcap_record, read, small_pcapng};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

#[test]
fn compressed_captures_are_read_as_plain_ones() {
    for plain in [large_pcap(), small_pcapng().0] {
        let packets = read(&plain);
        for compressed in [gzip(&plain), zstd(&plain)] {
            let mut reader = open(&compressed).unwrap();
            let (again, error) = drain(&mut reader);
            assert!(error.is_none(), "{error:?}");
            assert!(again == packets);
            assert_eq!(reader.position(), compressed.len() as u64);
        }
    }
}

#[test]
fn members_and_frames_one_after_another_are_one_capture() {
    let plain = large_pcap();
    let packets = read(&plain);
    for compress in [gzip, zstd] {
        let parts: Vec<u8> = plain.chunks(100_001).flat_map(compress).collect();
        assert!(read(&parts) == packets);
    }
}

#[test]
fn skippable_frames_are_passed_over() {
    let plain = large_pcap();
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"notes"].concat();
    let (first, second) = plain.split_at(1000);
    let file = [&*skippable, &zstd(first), &*skippable, &zstd(second), &*skippable].concat();
    assert!(read(&file) == read(&plain));
}

#[test]
fn a_cut_stream_gives_what_is_in_it_and_says_where_it_ends() {
    let plain = large_pcap();
    let packets = read(&plain);
    for compressed in [gzip(&plain), zstd(&plain)] {
        let cut = &compressed[..compressed.len() / 2];
        let (given, error) = drain(&mut open(cut).unwrap());
        assert!(given.len() > packets.len() / 4, "{} of {}", given.len(), packets.len());
        assert!(given == packets[..given.len()]);
        let error = error.unwrap();
        assert_eq!(error.stream, Stream::Decompressed);
        let given_len: usize = given.iter().map(|packet| packet.bytes.len() + 16).sum();
        assert!(error.offset >= 24 + given_len as u64);
        assert!(error.to_string().contains(" of the decompressed data"), "{error}");
        let Damage::Decompress { compressed_offset, .. } = error.damage else {
            panic!("{error}");
        };
        assert_eq!(compressed_offset, cut.len() as u64);
    }
}

#[test]
fn a_capture_cut_before_it_was_compressed_is_a_cut_capture() {
    let mut plain = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    plain.extend(&pcap_record(Order::Little, 0, 0, 9, b"a packet!")[..20]);
    for compressed in [gzip(&plain), zstd(&plain)] {
        let (_, error) = drain(&mut open(&compressed).unwrap());
        assert_eq!(
            error.unwrap().to_string(),
            "test: truncated in the middle of a packet, 4 of 9 bytes, at offset 24 of the \
             decompressed data"
        );
    }
}

#[test]
fn a_wrong_checksum_is_an_error_behind_the_packets() {
    let plain = large_pcap();
    let packets = read(&plain);
    for (mut compressed, from_end) in [(gzip(&plain), 5), (zstd(&plain), 1)] {
        let at = compressed.len() - from_end;
        compressed[at] ^= 1;
        let (given, error) = drain(&mut open(&compressed).unwrap());
        assert!(given == packets);
        assert!(matches!(error.unwrap().damage, Damage::Decompress { .. }));
    }
}

#[test]
fn what_is_compressed_but_no_capture_is_refused() {
    for compress in [gzip, zstd] {
        let refusal = |bytes: &[u8]| open(bytes).err().unwrap().to_string();
        assert_eq!(
            refusal(&compress(b"some text")),
            "test: neither pcap nor pcapng: begins with \"some text\" of the decompressed data"
        );
        assert_eq!(refusal(&compress(b"")), "test: empty of the decompressed data");
        let cut = refusal(&compress(b"some text")[..6]);
        assert!(cut.starts_with("test: cannot be decompressed: "), "{cut}");
    }
}

#[test]
fn a_window_past_the_limit_is_refused_before_it_is_allocated() {
    // No single segment, no checksum; a window of 2 to the power of 31.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0];
    let refusal = open(&frame).err().unwrap().to_string();
    assert!(refusal.starts_with("test: cannot be decompressed: "), "{refusal}");
}

proptest! {
    #[test]
    fn arbitrary_compressed_bytes_never_panic(bytes: Vec<u8>, at: usize, value: u8) {
        let (plain, _) = small_pcapng();
        for compress in [gzip, zstd] {
            let whole = compress(&plain);
            let mut changed = whole.clone();
            let at = at % changed.len();
            changed[at] = value;
            for file in [[&whole[..10], &*bytes].concat(), [&*whole, &*bytes].concat(), changed] {
                if let Ok(mut reader) = open(&file) {
                    drain(&mut reader);
                }
            }
        }
    }

    #[test]
    fn how_the_bytes_come_makes_no_difference(step in 1_usize..300) {
        let (plain, _) = small_pcapng();
        for compressed in [gzip(&plain), zstd(&plain)] {
            let (packets, error) = drain(&mut open_trickling(&compressed, step).unwrap());
            prop_assert!(error.is_none());
            prop_assert_eq!(packets, read(&plain));
        }
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    compress_to_vec(plain, CompressionLevel::Fastest)
}

/// More than one block of packets that do not compress to nothing.
fn large_pcap() -> Vec<u8> {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    let mut state = 1_u32;
    for number in 0..2000 {
        let data: Vec<u8> = (0..700)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b"0123456789abcdef"[(state >> 28) as usize]
            })
            .collect();
        file.extend(pcap_record(Order::Little, number, 0, 1400, &data));
    }
    file
}
