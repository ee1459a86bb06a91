//! The recorded captures of the repository, as far as they are classic pcap files.

use std::fs;
use std::path::{Path, PathBuf};

use event::TlsEvent;
use wire::{LinkType, Packet};

use crate::analysis::Analysis;

/// A capture read into memory.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) packets: Vec<Captured>,
    link_type: LinkType,
}

/// One packet.
#[derive(Clone)]
pub(crate) struct Captured {
    timestamp_ns: i64,
    wire_len: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Captured {
    /// The same with other bytes, which are all of it.
    pub(crate) fn with(&self, bytes: Vec<u8>) -> Self {
        Self { wire_len: u32::try_from(bytes.len()).unwrap(), bytes, ..*self }
    }
}

impl Capture {
    pub(crate) fn named(name: &str) -> Self {
        Self::read(&directory().join(name)).unwrap()
    }

    /// All captures, by name.
    pub(crate) fn all() -> Vec<Self> {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders.iter().filter_map(|folder| Self::read(folder)).collect()
    }

    /// How many sessions the capture's expectations tell of.
    pub(crate) fn expected_sessions(&self) -> usize {
        let path = directory().join(&self.name).join("expect.toml");
        fs::read_to_string(path).unwrap().lines().filter(|line| *line == "[[session]]").count()
    }

    pub(crate) fn events(&self) -> Vec<TlsEvent> {
        let mut analysis = Analysis::new();
        for packet in &self.packets {
            analysis.packet(&self.view(packet));
        }
        analysis.finish()
    }

    /// One of its packets as an analyzer takes it.
    pub(crate) fn view<'a>(&self, packet: &'a Captured) -> Packet<'a> {
        Packet {
            timestamp_ns: packet.timestamp_ns,
            link_type: self.link_type,
            wire_len: packet.wire_len,
            bytes: &packet.bytes,
        }
    }

    /// The key log of its sessions.
    pub(crate) fn key_log(&self) -> String {
        fs::read_to_string(directory().join(&self.name).join("keys.log")).unwrap()
    }

    #[track_caller]
    pub(crate) fn one(&self) -> TlsEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "events of {}", self.name);
        events.remove(0)
    }

    /// Reads a classic pcap file of this machine's byte order with microseconds.
    fn read(folder: &Path) -> Option<Self> {
        const MAGIC: u32 = 0xa1b2_c3d4;
        let bytes = fs::read(folder.join("input.pcap")).ok()?;
        let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        if field(0) != MAGIC {
            return None;
        }
        let (mut at, mut packets) = (24, Vec::new());
        while at + 16 <= bytes.len() {
            let len = field(at + 8) as usize;
            let Some(data) = bytes.get(at + 16..at + 16 + len) else { break };
            packets.push(Captured {
                timestamp_ns: i64::from(field(at)) * 1_000_000_000
                    + i64::from(field(at + 4)) * 1000,
                wire_len: field(at + 12),
                bytes: data.to_vec(),
            });
            at += 16 + len;
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Some(Self { name, packets, link_type: LinkType(field(20)) })
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}
