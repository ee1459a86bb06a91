//! What a user may choose of decryption.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use secrets::KeyStore;

/// Decryption with the secrets of a store.
#[derive(Clone)]
pub struct Decryption {
    /// The secrets that are known. More may be added while the analysis is under way.
    pub keys: Arc<KeyStore>,
    /// How far sessions are followed whose secrets are known.
    pub extent: Extent,
    /// How long records wait for secrets; none if all that will come are there.
    pub patience: Option<Patience>,
}

/// How far a session is followed whose secrets are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// To its first application data.
    Handshake,
    /// To its end.
    Session,
}

/// How long records wait for secrets that come late.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Most bytes that wait in one session.
    pub max_bytes: usize,
    /// How long they wait, in nanoseconds.
    pub max_ns: u64,
    /// What all sessions together may keep.
    pub budget: Arc<Budget>,
}

/// Bytes that may be kept, by whoever shares them, and what came of those that were.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    left: AtomicUsize,
    least_left: AtomicUsize,
    waited: AtomicU64,
    longest_ns: AtomicU64,
    in_vain: AtomicU64,
    no_room: AtomicU64,
}

/// What waited for secrets, since the start. Records of sessions of which no secret came are not among those
/// that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Records that waited, and were opened when their secrets came.
    pub records: u64,
    /// The longest of their waits, in nanoseconds of the capture's clock.
    pub longest_ns: u64,
    /// Most bytes that waited at a time, of all sessions.
    pub most_bytes: usize,
    /// Records whose secrets did not come in time.
    pub in_vain: u64,
    /// Records that found no room.
    pub no_room: u64,
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            left: AtomicUsize::new(bytes),
            least_left: AtomicUsize::new(bytes),
            waited: AtomicU64::new(0),
            longest_ns: AtomicU64::new(0),
            in_vain: AtomicU64::new(0),
            no_room: AtomicU64::new(0),
        }
    }

    /// Bytes that are not kept.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// What waited.
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits {
            records: self.waited.load(Ordering::Relaxed),
            longest_ns: self.longest_ns.load(Ordering::Relaxed),
            most_bytes: self.bytes.saturating_sub(self.least_left.load(Ordering::Relaxed)),
            in_vain: self.in_vain.load(Ordering::Relaxed),
            no_room: self.no_room.load(Ordering::Relaxed),
        }
    }

    /// Takes `len` bytes, if there are so many.
    pub(super) fn take(&self, len: usize) -> bool {
        let less = |left: usize| left.checked_sub(len);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if let Ok(before) = taken {
            self.least_left.fetch_min(before.saturating_sub(len), Ordering::Relaxed);
        }
        taken.is_ok()
    }

    pub(super) fn give(&self, len: usize) {
        self.left.fetch_add(len, Ordering::Relaxed);
    }

    pub(super) fn count_opened(&self, waited_ns: u64) {
        self.waited.fetch_add(1, Ordering::Relaxed);
        self.longest_ns.fetch_max(waited_ns, Ordering::Relaxed);
    }

    pub(super) fn count_in_vain(&self) {
        self.in_vain.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_no_room(&self) {
        self.no_room.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Patience {
    fn default() -> Self {
        let budget = Arc::new(Budget::new(MAX_WAITING_BYTES));
        Self { max_bytes: MAX_BYTES, max_ns: MAX_NS, budget }
    }
}

impl fmt::Debug for Decryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryption").field("extent", &self.extent).finish_non_exhaustive()
    }
}

/// What a client sends before an answer: an initial window is 14,600 bytes (RFC 6928), and four times
/// that for a server that answers early.
const MAX_BYTES: usize = 64 << 10;

/// Agents tell secrets within a few milliseconds, and 40 ms have been found to do for 99.99 % of
/// connections; this is for those that were busy.
const MAX_NS: u64 = 200_000_000;

/// A thousand sessions whose secrets are late at a time.
const MAX_WAITING_BYTES: usize = 64 << 20;
