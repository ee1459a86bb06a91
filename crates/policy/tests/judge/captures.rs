//! The recorded captures of the repository, as far as they are classic pcap files, as the lines that
//! tlsight writes.

use std::fs;
use std::path::{Path, PathBuf};

use flow::Limits;
use policy::Observation;
use serde_json::Value;
use session::{Analyzer, Settings};
use wire::{LinkType, Packet};

/// The lines of the sessions of a capture.
pub(crate) fn lines(name: &str) -> Vec<Value> {
    let bytes = fs::read(directory().join(name).join("input.pcap")).unwrap();
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(field(0), 0xa1b2_c3d4, "{name} is no pcap of this byte order with microseconds");
    let mut analyzer = Analyzer::new(Settings::default(), Limits::default());
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let len = field(at + 8) as usize;
        let Some(packet) = bytes.get(at + 16..at + 16 + len) else { break };
        let seconds = i64::from(field(at)) * 1_000_000_000;
        analyzer.handle_packet(&Packet {
            timestamp_ns: seconds + i64::from(field(at + 4)) * 1000,
            link_type: LinkType(field(20)),
            wire_len: field(at + 12),
            bytes: packet,
        });
        at += 16 + len;
    }
    analyzer.finish();
    let events = std::iter::from_fn(|| analyzer.poll_event());
    events.map(|event| serde_json::to_value(&event).unwrap()).collect()
}

/// The sessions of a capture.
pub(crate) fn observations(name: &str) -> Vec<Observation> {
    lines(name).iter().map(observation).collect()
}

/// The session with a number of a capture.
pub(crate) fn session(name: &str, index: usize) -> Observation {
    observations(name).remove(index)
}

/// What a line says.
pub(crate) fn observation(line: &Value) -> Observation {
    Observation::parse(line.to_string().as_bytes()).unwrap()
}

/// The names of all captures that can be read here.
pub(crate) fn all() -> Vec<String> {
    let names = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = names
        .filter(|folder| {
            let start = fs::read(folder.join("input.pcap")).unwrap_or_default();
            start.starts_with(&0xa1b2_c3d4_u32.to_le_bytes())
        })
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}
