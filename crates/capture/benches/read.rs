//! What reading a capture and touching each packet costs, from memory.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "no part of the program")]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use capture::{Block, FileReader, More, PcapWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wire::{LinkType, Packet};

fn read(criterion: &mut Criterion) {
    let file: Arc<[u8]> = capture_file().into();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("pcap", |bencher| {
        let mut block = Block::new();
        bencher.iter(|| {
            let input = Cursor::new(Arc::clone(&file));
            black_box(first_bytes(FileReader::from_reader(Box::new(input), "memory"), &mut block))
        });
    });
    group.finish();
}

fn first_bytes<E: std::fmt::Debug>(reader: Result<FileReader, E>, block: &mut Block) -> u64 {
    let mut reader = reader.unwrap();
    let mut sum = 0;
    while reader.read_block(block).unwrap() == More::Packets {
        for packet in block.packets() {
            sum += packet.bytes.first().map_or(0, |byte| u64::from(*byte));
        }
    }
    sum
}

/// 64 MiB of packets whose lengths are those of handshakes: half are acknowledgements.
fn capture_file() -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    let bytes = [0x45; 1514];
    let mut written = 0;
    for number in 0_usize.. {
        let len = if number.is_multiple_of(2) { 66 } else { 100 + (number * 97) % 1414 };
        written += len + 16;
        if written > 64 << 20 {
            break;
        }
        let packet = Packet {
            timestamp_ns: 0,
            link_type: LinkType::ETHERNET,
            wire_len: 1514,
            bytes: &bytes[..len],
        };
        writer.write(&packet).unwrap();
    }
    writer.finish().unwrap()
}

criterion_group!(benches, read);
criterion_main!(benches);
