//! Decryption of a large capture by one thread, beside what the AEAD alone costs on this machine and
//! beside tshark with the same keys, all in one run.
//!
//! `TLSIGHT_BENCH_MIB` is the size of the capture, 500 by default.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

mod sessions;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use flow::Limits;
use forge::RecordKind;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rustls::CipherSuite;
use secrets::{KeyLogReader, KeyStore};
use session::{Analyzer, Decryption, Extent, Settings};
use wire::{LinkType, Packet};

use crate::sessions::{Made, PCAP_HEADER_LEN, RECORD_HEADER_LEN};

fn main() {
    let mib = std::env::var("TLSIGHT_BENCH_MIB").map_or(500, |it| it.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("tlsight-decrypt-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for suite in [CipherSuite::TLS13_AES_128_GCM_SHA256, CipherSuite::TLS13_AES_256_GCM_SHA384] {
        for record_len in [16_384, 1400] {
            measure(&folder, suite, record_len, mib << 20);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn measure(folder: &Path, suite: CipherSuite, record_len: usize, len: usize) {
    let (capture, log) = (folder.join("input.pcap"), folder.join("keys.log"));
    let made = sessions::make(suite, record_len, len);
    std::fs::write(&capture, &made.capture).unwrap();
    std::fs::write(&log, &made.key_log).unwrap();
    let megabytes = made.text_len as f64 / 1e6;
    let ours = best(|| decrypt(&made));
    let plain = best(|| observe(&made));
    let limit = best(|| aead(suite, record_len, made.text_len));
    println!(
        "{suite:?}, records of {record_len} bytes, {megabytes:.0} MB of text in {} sessions:",
        made.sessions
    );
    let gigabits = |seconds: f64| megabytes * 8.0 / 1000.0 / seconds;
    println!("  tlsight with keys  {ours:8.3} s CPU  {:6.2} Gbit/s", gigabits(ours));
    println!("  tlsight without    {plain:8.3} s CPU");
    println!("  AEAD alone         {limit:8.3} s CPU  {:6.2} Gbit/s", gigabits(limit));
    println!("  of the AEAD's speed: {:.0} %", limit / ours * 100.0);
    match tshark(&capture, &log) {
        Some(seconds) => {
            println!("  tshark with keys   {seconds:8.3} s CPU  {:6.2} Gbit/s", gigabits(seconds));
            println!("  times as fast as tshark: {:.0}", seconds / ours);
        }
        None => println!("  tshark is not installed"),
    }
}

/// Opens all records, and counts their text.
fn decrypt(made: &Made) -> u64 {
    let keys = Arc::new(KeyStore::default());
    let mut reader = KeyLogReader::new();
    reader.feed(&made.key_log, &mut |entry| keys.add(entry));
    let decryption = Decryption { keys, extent: Extent::Session, patience: None };
    let settings = Settings { decryption: Some(decryption), ..Settings::default() };
    let mut analyzer = Analyzer::new(settings, Limits::default());
    let told = Arc::new(AtomicU64::new(0));
    let sink = Arc::clone(&told);
    analyzer.set_text_sink(Box::new(move |record| {
        if let RecordKind::Data { bytes, .. } = &record.kind {
            sink.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }));
    let events = analyse(&mut analyzer, &made.capture);
    let told = told.load(Ordering::Relaxed);
    assert_eq!((told, events), (made.text_len, made.sessions), "all of it is opened");
    told
}

/// The same without keys.
fn observe(made: &Made) -> u64 {
    let mut analyzer = Analyzer::new(Settings::default(), Limits::default());
    let events = analyse(&mut analyzer, &made.capture);
    assert_eq!(events, made.sessions);
    events
}

fn analyse(analyzer: &mut Analyzer, capture: &[u8]) -> u64 {
    let mut rest = &capture[PCAP_HEADER_LEN..];
    let (mut number, mut events) = (0, 0);
    while let Some((header, after)) = rest.split_first_chunk::<RECORD_HEADER_LEN>() {
        let &[.., l0, l1, l2, l3, _, _, _, _] = header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        let (bytes, next) = after.split_at(len as usize);
        analyzer.handle_packet(&Packet {
            timestamp_ns: 1_790_000_000_000_000_000 + number * 1000,
            link_type: LinkType::ETHERNET,
            wire_len: len,
            bytes,
        });
        events += u64::from(analyzer.poll_event().is_some());
        (rest, number) = (next, number + 1);
    }
    analyzer.finish();
    events + std::iter::from_fn(|| analyzer.poll_event()).count() as u64
}

/// Opens as much text in records of this length, and does nothing else.
fn aead(suite: CipherSuite, record_len: usize, text_len: u64) -> u64 {
    let algorithm =
        if suite == CipherSuite::TLS13_AES_128_GCM_SHA256 { &AES_128_GCM } else { &AES_256_GCM };
    let key = vec![7; algorithm.key_len()];
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap());
    let nonce = || Nonce::assume_unique_for_key([1; 12]);
    let mut sealed = vec![5; record_len + 1];
    let tag = key.seal_in_place_separate_tag(nonce(), Aad::from([0; 5]), &mut sealed).unwrap();
    let mut out = vec![0; sealed.len()];
    let records = text_len / record_len as u64;
    for _ in 0..records {
        let aad = Aad::from([0; 5]);
        key.open_separate_gather(nonce(), aad, &sealed, tag.as_ref(), &mut out).unwrap();
        std::hint::black_box(&mut out);
    }
    records
}

/// What tshark needs to dissect all of it with the keys.
fn tshark(capture: &Path, log: &Path) -> Option<f64> {
    let before = cpu_seconds(UsageWho::RUSAGE_CHILDREN);
    let mut keys = std::ffi::OsString::from("tls.keylog_file:");
    keys.push(log);
    let fields = ["-Y", "tls.alert_message", "-T", "fields", "-e", "frame.number"];
    let status = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .arg("-o")
        .arg(keys)
        .args(fields)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    assert!(status.success(), "tshark failed");
    Some(cpu_seconds(UsageWho::RUSAGE_CHILDREN) - before)
}

/// The least CPU time of three runs.
fn best(mut run: impl FnMut() -> u64) -> f64 {
    let runs = (0..3).map(|_| {
        let before = cpu_seconds(UsageWho::RUSAGE_SELF);
        std::hint::black_box(run());
        cpu_seconds(UsageWho::RUSAGE_SELF) - before
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn cpu_seconds(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}
