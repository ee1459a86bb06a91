//! What a certificate costs: parsed anew and found in the cache.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rcgen::{CertificateParams, DnType, KeyPair};
use tls::certificate::{CertificateCache, Settings, parse};

fn certificates(criterion: &mut Criterion) {
    let der = leaf();
    let settings = Settings::default();
    criterion.bench_function("certificate/parse", |bencher| {
        bencher.iter(|| parse(black_box(&der), &settings));
    });
    let mut cache = CertificateCache::new(settings, 1);
    criterion.bench_function("certificate/cache_hit", |bencher| {
        bencher.iter(|| cache.certificate(black_box(&der)));
    });
}

#[expect(clippy::expect_used, reason = "a benchmark without its certificate measures nothing")]
fn leaf() -> Vec<u8> {
    let names: Vec<_> = (0..20).map(|index| format!("host{index}.example.com")).collect();
    let mut params = CertificateParams::new(names).expect("names are DNS names");
    params.distinguished_name.push(DnType::CommonName, "host0.example.com");
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CountryName, "US");
    let key = KeyPair::generate().expect("the default algorithm is supported");
    params.self_signed(&key).expect("the parameters are valid").der().to_vec()
}

criterion_group!(benches, certificates);
criterion_main!(benches);
