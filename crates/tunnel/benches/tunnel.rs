//! What a byte of clear text costs on its way into a batch and out of it, beside copying it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "no part of the program")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use event::Timestamp;
use forge::{ConnectionId, Record, RecordKind, Side};
use tunnel::format::{MAX_BATCH_LEN, Packer, Records, Unpacker, put_record};

fn formats(criterion: &mut Criterion) {
    for (name, len, text) in [
        ("text_by_16_KiB", 16 << 10, text(MAX_BATCH_LEN)),
        ("text_by_256_bytes", 256, text(MAX_BATCH_LEN)),
        ("noise_by_16_KiB", 16 << 10, noise(MAX_BATCH_LEN)),
    ] {
        // As much as fits into a batch with what is around it.
        let records: Vec<_> = records(&text, len).take(MAX_BATCH_LEN / (len + 32)).collect();
        let bytes = records.len() * len;
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::ElementsAndBytes {
            elements: records.len() as u64,
            bytes: bytes as u64,
        });
        let mut copy = Vec::with_capacity(MAX_BATCH_LEN);
        group.bench_function("copy", |bencher| {
            bencher.iter(|| {
                copy.clear();
                for record in &records {
                    if let RecordKind::Data { bytes, .. } = record.kind {
                        copy.extend_from_slice(black_box(bytes));
                    }
                }
                black_box(copy.len())
            });
        });
        let mut batch = Vec::with_capacity(MAX_BATCH_LEN);
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                batch.clear();
                records.iter().for_each(|record| put_record(black_box(record), &mut batch));
                black_box(batch.len())
            });
        });
        let (mut packer, mut packed) = (Packer::new().unwrap(), Vec::new());
        group.bench_function("compress", |bencher| {
            bencher.iter(|| {
                packed.clear();
                packer.pack(black_box(&batch), &mut packed).unwrap();
                black_box(packed.len())
            });
        });
        let (mut unpacker, mut out) = (Unpacker::new().unwrap(), Vec::new());
        let batch_len = u32::try_from(batch.len()).unwrap();
        group.bench_function("decompress", |bencher| {
            bencher.iter(|| unpacker.unpack(black_box(&packed), batch_len, &mut out).unwrap());
        });
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                Records::new(black_box(&out))
                    .map(|record| record.unwrap().connection.0)
                    .sum::<u64>()
            });
        });
        println!("{name}: {} bytes compressed to {}", batch.len(), packed.len());
        group.finish();
    }
}

fn records(text: &[u8], len: usize) -> impl Iterator<Item = Record<'_>> {
    text.chunks_exact(len).zip(0_u64..).map(move |(bytes, number)| Record {
        connection: ConnectionId(number % 8),
        at: Timestamp::from_nanos(1_800_000_000_000_000_000),
        kind: RecordKind::Data {
            sender: if number % 2 == 0 { Side::Client } else { Side::Server },
            position: number * len as u64,
            bytes,
        },
    })
}

/// As web pages are: markup around what differs.
fn text(len: usize) -> Vec<u8> {
    let noise = noise(len);
    let mut text = Vec::new();
    for piece in noise.chunks(8) {
        text.extend_from_slice(b"<li class=\"result\"><a href=\"/item/");
        text.extend(piece.iter().map(|byte| b'a' + byte % 26));
        text.extend_from_slice(b"\">");
        text.extend(piece.iter().map(|byte| b'A' + byte % 26));
        text.extend_from_slice(b"</a></li>\n");
    }
    text.truncate(len);
    text
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

criterion_group!(benches, formats);
criterion_main!(benches);
