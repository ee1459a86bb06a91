//! Says what processes could not hand over: some lines a second, because each session may cause one.

use std::time::{Duration, Instant};

use endpoint::Peer;
use handover::Tallies;

use crate::message;

/// What was said this second.
pub(super) struct Missed {
    since: Instant,
    lines: u32,
    unsaid: u64,
}

impl Missed {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), lines: 0, unsaid: 0 }
    }

    /// Says what one process missed, or counts it.
    pub(super) fn say(&mut self, peer: &Peer, tallies: &Tallies) {
        if self.since.elapsed() >= Duration::from_secs(1) {
            self.say_the_rest();
            (self.since, self.lines) = (Instant::now(), 0);
        }
        let name = match peer.pid {
            Some(pid) => format!("{} ({pid})", peer.command),
            None => peer.command.to_string(),
        };
        for (count, what) in in_words(tallies).into_iter().filter(|(count, _)| *count > 0) {
            if self.lines < MAX_LINES_A_SECOND {
                self.lines = self.lines.saturating_add(1);
                message::error(&format!("{name}: {count} {what}"));
            } else {
                self.unsaid = self.unsaid.saturating_add(1);
            }
        }
    }

    fn say_the_rest(&mut self) {
        if self.unsaid > 0 {
            message::error(&format!("{} more lines like these", self.unsaid));
            self.unsaid = 0;
        }
    }
}

impl Drop for Missed {
    fn drop(&mut self) {
        self.say_the_rest();
    }
}

/// The counts of what was missed, and what they are of.
const fn in_words(tallies: &Tallies) -> [(u32, &'static str); 5] {
    [
        (tallies.lost, "messages could not be sent: their secrets are lost"),
        (tallies.opened, "messages were not answered in time: their sessions went on"),
        (tallies.aborted, "messages were not answered in time: their sessions were aborted"),
        (tallies.refused, "sessions were aborted because those before had waited in vain"),
        (tallies.denied, "messages were held back: no rule allows them"),
    ]
}

/// What an operator reads; the sums at the end have all of it.
const MAX_LINES_A_SECOND: u32 = 8;
