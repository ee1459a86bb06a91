//! What the first datagrams of a connection cost.

#[expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    reason = "packets that the benchmark makes for itself"
)]
#[path = "../tests/sealed/mod.rs"]
mod sealed;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use quic::{Connections, Scratch, Way, looks_like_quic};
use sealed::{Initial, Keys};

fn initial(criterion: &mut Criterion) {
    let mut payload = sealed::crypto(0, &[1; 300]);
    payload.resize(1162, 0);
    let client = Initial::client(&payload).seal(&Keys::client());
    let server = Initial::server(&sealed::crypto(0, &[2; 90])).seal(&Keys::server());
    let short = [0x40; 1200];
    let mut scratch = Scratch::default();

    criterion.bench_function("recognise_client_initial", |bencher| {
        bencher.iter(|| looks_like_quic(black_box(&client)));
    });
    criterion.bench_function("client_and_server_initial", |bencher| {
        bencher.iter_batched_ref(
            Connections::new,
            |connections| {
                connections.handle(Way::Forward, &client, &mut scratch, &mut |_| {});
                connections.handle(Way::Backward, &server, &mut scratch, &mut |_| {});
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("short_header", |bencher| {
        let mut connections = Connections::new();
        bencher.iter(|| {
            connections.handle(Way::Forward, black_box(&short), &mut scratch, &mut |_| {});
        });
    });
}

criterion_group!(benches, initial);
criterion_main!(benches);
