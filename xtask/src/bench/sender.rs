//! The sending side: a capture, loaded into memory, at a rate.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use capture::{Block, FileReader, More, PacketSender, QueueDiscipline};

use crate::Outcome;

/// Sends the capture at `path` once on `interface` and prints how many packets went out.
pub(super) fn run(interface: &str, rate: f64, path: &Path) -> Result<Outcome> {
    let blocks = load(path)?;
    let packets: Vec<&[u8]> =
        blocks.iter().flat_map(|block| block.packets().map(|packet| packet.bytes)).collect();
    let mut sender = PacketSender::open(interface, QueueDiscipline::Bypassed)?;
    let begin = Instant::now();
    let mut sent = 0;
    while let Some(rest) = packets.get(sent..).filter(|rest| !rest.is_empty()) {
        let ahead = Duration::from_secs_f64(sent as f64 / rate).saturating_sub(begin.elapsed());
        if ahead > SLACK {
            std::thread::sleep(ahead.saturating_sub(SLACK / 2));
            continue;
        }
        let batch = rest.get(..BATCH).unwrap_or(rest);
        sent += sender.send(batch)?;
    }
    println!("{sent}");
    Ok(Outcome::Clean)
}

fn load(path: &Path) -> Result<Vec<Block>> {
    let mut reader = FileReader::open(path)?;
    let mut blocks = Vec::new();
    loop {
        let mut block = Block::new();
        match reader.read_block(&mut block).context("the capture is damaged")? {
            More::Packets => blocks.push(block),
            More::End => return Ok(blocks),
        }
    }
}

/// Packets handed to the kernel at a time.
const BATCH: usize = 32;

/// How far the sender may be ahead before it sleeps.
const SLACK: Duration = Duration::from_micros(100);
