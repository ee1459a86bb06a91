//! Seals parts of sessions to one recipient key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use event::Timestamp;
use secrets::{Label, Origin, Secret};

use super::content::dangerous_bytes;
use super::context::ContextRecord;
use super::record::{HEADER_LEN, MAX_SEALED_LEN, SealedRecord};
use crate::hpke::{self, Context, HpkeError, PublicKey};
use crate::tier::{Facts, Part};

/// Seals parts of one kind to one key, from any number of threads.
pub struct Sealer {
    part: Part,
    recipient: PublicKey,
    id: [u8; 16],
    limits: SealerLimits,
    current: RwLock<Option<Arc<Current>>>,
}

/// How long a context is used. Whoever gets hold of one can open what was sealed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealerLimits {
    /// Most records.
    pub records: u64,
    /// Longest time between its first record and its last.
    pub age: Duration,
}

/// A context in use.
struct Current {
    name: [u8; 16],
    /// The [`ContextRecord`], as bytes.
    told: Arc<[u8]>,
    context: Context,
    next: AtomicU64,
    since: Timestamp,
}

impl Sealer {
    /// A sealer of one part to one key.
    #[must_use]
    pub fn new(part: Part, recipient: PublicKey, limits: SealerLimits) -> Self {
        let id = recipient.id();
        Self { part, recipient, id, limits, current: RwLock::new(None) }
    }

    /// The part that it seals.
    #[must_use]
    pub const fn part(&self) -> Part {
        self.part
    }

    /// Appends the sealed record to `out`; gives the context that whoever opens it needs, as the bytes of
    /// a [`ContextRecord`].
    ///
    /// # Errors
    /// The recipient's key is none, or the content too long.
    pub fn seal(
        &self,
        now: Timestamp,
        facts: &Facts,
        origin: Option<&Origin>,
        secrets: &[(Label, Secret)],
        out: &mut Vec<u8>,
    ) -> Result<Arc<[u8]>, HpkeError> {
        let (current, sequence) = self.current(now)?;
        let mut message = dangerous_bytes(self.part, facts, origin, secrets);
        let mut header = Vec::with_capacity(HEADER_LEN);
        let time_ms = u64::try_from(now.as_nanos() / 1_000_000).unwrap_or_default();
        let mut record = SealedRecord {
            part: self.part,
            stage: facts.stage,
            recipient: self.id,
            context: current.name,
            sequence,
            time_ms,
            sealed: &[],
        };
        record.put_header(&mut header);
        // The tag is appended: with room for it the clear text is not left elsewhere.
        message.reserve_exact(TAG_LEN);
        current.context.seal_at(sequence, &header, &mut message)?;
        if message.len() > MAX_SEALED_LEN {
            return Err(HpkeError);
        }
        record.sealed = &message;
        record.put(out);
        Ok(Arc::clone(&current.told))
    }

    /// The context to use, and a number that nobody else uses.
    fn current(&self, now: Timestamp) -> Result<(Arc<Current>, u64), HpkeError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(found) = current.and_then(|current| self.take(current, now)) {
            return Ok(found);
        }
        let mut slot = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = slot.clone().and_then(|current| self.take(current, now)) {
            return Ok(found);
        }
        let fresh = Arc::new(self.fresh(now)?);
        *slot = Some(Arc::clone(&fresh));
        Ok((fresh, 0))
    }

    fn take(&self, current: Arc<Current>, now: Timestamp) -> Option<(Arc<Current>, u64)> {
        let age = Duration::from_nanos(now.nanos_since(current.since));
        if age >= self.limits.age {
            return None;
        }
        let sequence = current.next.fetch_add(1, Ordering::Relaxed);
        (sequence < self.limits.records).then_some((current, sequence))
    }

    fn fresh(&self, now: Timestamp) -> Result<Current, HpkeError> {
        let mut name = [0; 16];
        rand::fill(&mut name).map_err(|_error| HpkeError)?;
        let info = ContextRecord::info(self.part, &self.id, &name);
        let (encapsulated, context) = hpke::sender(&self.recipient, &info)?;
        let mut told = Vec::new();
        let record = ContextRecord {
            kem: self.recipient.kem(),
            part: self.part,
            recipient: self.id,
            context: name,
            encapsulated: &encapsulated,
        };
        record.put(&mut told);
        Ok(Current { name, told: told.into(), context, next: AtomicU64::new(1), since: now })
    }
}

impl Default for SealerLimits {
    fn default() -> Self {
        Self { records: MAX_RECORDS, age: MAX_AGE }
    }
}

/// An operation of X-Wing for so many records adds a tenth of a microsecond to each.
const MAX_RECORDS: u64 = 1024;

/// What somebody who takes over this process may open of what it told before.
const MAX_AGE: Duration = Duration::from_secs(60);

const TAG_LEN: usize = 16;
