//! Records written as JSON, beside what `serde_json` needs for the same ones.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use event::{HexBytes, Mac, Timestamp, ToJson};
use serde::Serialize;

/// The kinds of fields that a session has, about as many of each.
#[derive(Serialize, ToJson)]
struct Record {
    timestamp: Timestamp,
    kind: &'static str,
    parties: [Party; 4],
    random: HexBytes,
    session_id: HexBytes,
    ciphers: Vec<&'static str>,
    groups: Vec<&'static str>,
    resumed: bool,
    established: bool,
    subject: String,
    issuer: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

#[derive(Clone, Serialize, ToJson)]
struct Party {
    ip: &'static str,
    port: u16,
    mac: Mac,
    domain: Option<&'static str>,
    bytes: u64,
    packets: u64,
}

fn json(criterion: &mut Criterion) {
    let party = Party {
        ip: "198.51.100.234",
        port: 44_321,
        mac: Mac([2, 0, 0, 0, 1, 0x28]),
        domain: Some("www.example.com"),
        bytes: 31_337,
        packets: 12,
    };
    let record = Record {
        timestamp: Timestamp::from_nanos(1_795_267_800_123_456_000),
        kind: "tls",
        parties: [0; 4].map(|_: u8| party.clone()),
        random: HexBytes::new(&[0xab; 32]),
        session_id: HexBytes::new(&[0xcd; 32]),
        ciphers: vec!["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"; 16],
        groups: vec!["X25519MLKEM768"; 6],
        resumed: false,
        established: true,
        subject: "CN=www.example.com,O=Example,C=US".to_owned(),
        issuer: "CN=Example \"Issuing\" CA,O=Example,C=US".to_owned(),
        not_before: Timestamp::from_nanos(1_795_267_800_000_000_000),
        not_after: Timestamp::from_nanos(1_805_267_800_000_000_000),
    };
    let mut out = Vec::with_capacity(8 << 10);
    let mut group = criterion.benchmark_group("record");
    group.bench_function("write_json", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&record).write_json(&mut out);
        });
    });
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| {
            out.clear();
            serde_json::to_writer(&mut out, black_box(&record))
        });
    });
    group.finish();
}

criterion_group!(benches, json);
criterion_main!(benches);
