//! What a user may choose of decryption.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Bytes that may be kept, by whoever shares them.
#[derive(Debug)]
pub struct Budget(AtomicUsize);

impl Budget {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Bytes that are not kept.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes `len` bytes, if there are so many.
    pub(super) fn take(&self, len: usize) -> bool {
        let taken =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(len));
        taken.is_ok()
    }

    pub(super) fn give(&self, len: usize) {
        self.0.fetch_add(len, Ordering::Relaxed);
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
