//! Each target with every input of its corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

macro_rules! replayed {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                for input in files(&Path::new("corpus").join(stringify!($target))) {
                    println!("{}", input.display());
                    tlsight_fuzz::$target(&fs::read(input).unwrap());
                }
            }
        )*

        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
    };
}

replayed! {
    capture_file certificate certificate_message client_hello compressed_certificate dtls
    escrow_beacon escrow_frames escrow_records escrow_statement flow_engine forge handover headers hpack http2 key_log
    queued_packets quic quic_frames quic_protected sealed_records server_hello server_messages session
    socket_records sslv2 tls_record tunnel_frames tunnel_records
}

#[test]
fn every_target_and_every_corpus_is_replayed() {
    let replayed: BTreeSet<_> = REPLAYED.iter().map(|&name| name.to_owned()).collect();
    for folder in ["corpus", "libfuzzer/fuzz_targets"] {
        let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let there: BTreeSet<_> = files(Path::new(folder)).iter().map(stem).collect();
        assert_eq!(there, replayed, "{folder}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}
