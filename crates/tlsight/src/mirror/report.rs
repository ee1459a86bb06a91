//! What became of each byte of a run.

use std::fmt;

use capture::SinkCounters;
use forge::StageCounters;
use probe::{Account, ClearTextCounts, ProcessAccount, Uncovered};

/// The totals.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) account: Account,
    pub(crate) counts: ClearTextCounts,
    pub(crate) forged: forge::Counters,
    pub(crate) translated: StageCounters,
    pub(crate) sent: SinkCounters,
    /// Bytes of secrets overwritten.
    pub(crate) overwritten: u64,
    pub(crate) processes: Vec<ProcessAccount>,
    /// Processes with TLS of which nothing is copied, and why.
    pub(crate) uncovered: Vec<Uncovered>,
}

impl Report {
    /// What became of the bytes seen, by name. The sum is [`Account::seen`].
    pub(crate) const fn parts(&self) -> [(&'static str, u64); 8] {
        let account = &self.account;
        [
            ("delivered", account.delivered.saturating_sub(self.forge_dropped())),
            ("ring_dropped", account.ring_full),
            ("fault", account.fault),
            ("unmapped", account.unmapped),
            ("filtered", account.filtered),
            ("duplicate", account.duplicate),
            ("pending", account.pending),
            ("forge_dropped", self.forge_dropped()),
        ]
    }

    const fn forge_dropped(&self) -> u64 {
        self.forged.dropped_bytes().saturating_add(self.translated.out_of_order_bytes)
    }

    /// Whether each byte is accounted for.
    pub(crate) fn is_balanced(&self) -> bool {
        self.parts().iter().map(|(_, bytes)| bytes).sum::<u64>() == self.account.seen
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_balanced() { "=" } else { "IS NOT" };
        let parts = self.parts();
        let parts = parts.iter().filter(|(name, bytes)| *bytes > 0 || *name != "pending");
        let sum: Vec<_> = parts.map(|(name, bytes)| format!("{bytes} {name}")).collect();
        write!(f, "bytes: {} seen {sign} {}", self.account.seen, sum.join(" + "))?;
        write!(
            f,
            "; {} connections, {} of both ends; {} frames sent, {} dropped; {} bytes overwritten",
            self.counts.streams.connections,
            self.counts.streams.both_ends,
            self.sent.frames,
            self.sent.dropped_frames,
            self.overwritten,
        )
    }
}
