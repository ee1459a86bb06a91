//! What a `ClientHello` costs: to be read, to be found in the cache, to be named.

#[path = "../tests/messages/hello.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the builders are those of the tests")]
mod hello;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use event::Carrier;
use hello::ClientHelloBuilder;
use tls::handshake::ClientHello;
use tls::shape::{ClientHelloInfo, ShapeCache};

fn client_hello(criterion: &mut Criterion) {
    let body = ClientHelloBuilder::browser().build();
    criterion.bench_function("client_hello/parse", |bencher| {
        bencher.iter(|| ClientHello::parse(black_box(&body)).map(|hello| hello.random));
    });
    criterion.bench_function("client_hello/parse_and_look", |bencher| {
        bencher.iter(|| ClientHello::parse(black_box(&body)).map(|hello| look(&hello)));
    });
    let hello = ClientHello::parse(&body);
    let Ok(hello) = hello else { return };
    criterion.bench_function("client_hello/anomalies", |bencher| {
        bencher.iter(|| black_box(&hello).anomalies());
    });
    let mut cache = ShapeCache::new(7);
    criterion.bench_function("shape/hit", |bencher| {
        bencher.iter(|| cache.client(black_box(&hello), Carrier::Tcp));
    });
    criterion.bench_function("shape/miss", |bencher| {
        bencher.iter(|| ClientHelloInfo::new(black_box(&hello), Carrier::Tcp));
    });
    let info = ClientHelloInfo::new(&hello, Carrier::Tcp);
    criterion.bench_function("shape/detail", |bencher| {
        let name = Arc::from("example.com");
        bencher.iter(|| info.detail(black_box(&hello), Some(&name)));
    });
}

fn look(hello: &ClientHello<'_>) -> usize {
    let name = hello.server_name().map_or(0, |name| name.0.len());
    let shares = hello.key_shares().map_or(0, |shares| shares.groups().count());
    let version = usize::from(hello.highest_version().0);
    let flags = usize::from(hello.offers_early_data())
        + usize::from(hello.pre_shared_keys().is_some())
        + usize::from(hello.encrypted_client_hello().is_some())
        + usize::from(hello.session_ticket().is_some());
    name + shares + version + flags
}

criterion_group!(benches, client_hello);
criterion_main!(benches);
