//! Lines on their way to the spool, and batches as they are in it.

use std::sync::Arc;
use std::time::Duration;

use spool::{Entry, NotKept};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::intake::Made;
use super::{Host, Shared, add, wall_clock};
use crate::batch::compress;
use crate::v1::Batch;

/// Puts lines into the spool, some time after the first of them came or when they are enough for a batch.
pub(super) struct Spooling {
    pub(super) shared: Arc<Shared>,
    pub(super) host: Arc<dyn Host>,
    pub(super) flush_after: Duration,
    /// Something is in the spool.
    pub(super) stored: Arc<Notify>,
    pub(super) is_failing: bool,
}

impl Spooling {
    /// Works until the uplink is to end.
    pub(super) async fn run(mut self) {
        let mut end = self.shared.end.subscribe();
        loop {
            tokio::select! {
                () = self.shared.intake.some.notified() => {}
                _ = end.changed() => break,
            }
            let until = Instant::now() + self.flush_after;
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.shared.intake.full.notified() => {}
                _ = end.changed() => break,
            }
            self.store();
        }
        self.store();
    }

    /// Puts all lines that were handed in into the spool.
    pub(super) fn store(&mut self) {
        for Made { lines, sessions } in self.shared.intake.take() {
            let stored = encode(&lines)
                .map_err(NotKept::Disk)
                .and_then(|bytes| self.shared.spool().push(wall_clock(), sessions, &bytes));
            match stored {
                Ok(()) if self.is_failing => {
                    self.is_failing = false;
                    self.host.tell("the spool works again");
                }
                Ok(()) => {}
                Err(error) => {
                    add(&mut self.shared.counters().unspooled_sessions, sessions);
                    if !self.is_failing {
                        self.is_failing = true;
                        self.host.tell(&format!(
                            "the spool does not work: {error}; sessions are lost and counted until it does"
                        ));
                    }
                }
            }
        }
        self.shared.look_at_spool();
        self.stored.notify_one();
    }
}

/// Lines as they are in the spool: their length, then themselves, compressed.
fn encode(lines: &[u8]) -> std::io::Result<Vec<u8>> {
    let len = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    Ok([len.to_le_bytes().as_slice(), &compress(lines)?].concat())
}

/// The batch that an entry of the spool is; none if an entry is too short to be one.
pub(super) fn batch(entry: Entry) -> Option<Batch> {
    let (len, lines) = entry.bytes.split_first_chunk()?;
    Some(Batch {
        segment: entry.id.segment.0.to_vec(),
        number: entry.id.number,
        lines: lines.to_vec(),
        lines_len: u32::from_le_bytes(*len),
    })
}
