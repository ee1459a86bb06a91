//! The records of one direction of TLS 1.3: which keys protect which is found out by trial.

use std::sync::Arc;

use tls::registry::CipherSuite;

use super::keys::{Sealed, TrafficKeys, next_secret};
use crate::secret::Secret;
use crate::suite::{Hash, Suite};

/// The traffic secrets of one direction that are known; of each kind there may be several, of which
/// one is right.
#[derive(Default)]
pub struct TrafficSecrets {
    /// Of early data; a server has none.
    pub early: Vec<Arc<Secret>>,
    /// Of the handshake.
    pub handshake: Vec<Arc<Secret>>,
    /// Of application data, the first generation that is known.
    pub application: Vec<Arc<Secret>>,
}

/// Opens the records of one direction of TLS 1.3.
///
/// Any part of the secrets opens what it protects. Records that none of them opens are passed over.
pub struct Tls13Opener {
    /// What may come, in its order; what has passed is dropped.
    candidates: Vec<Candidate>,
    current: Option<Current>,
    /// Records that may have been lost since the last that was opened.
    lost: u64,
    /// Trials in vain since a record was opened.
    trials: u32,
    /// Whether the handshake is over whose keys were in use.
    is_finished: bool,
}

/// What was in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls13Opened {
    /// What it carries.
    pub content_type: u8,
    /// Which secrets opened it.
    pub stage: Stage,
    /// Records that were lost in front of it.
    pub lost: u64,
}

/// What a traffic secret protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Early data.
    Early,
    /// The handshake.
    Handshake,
    /// Application data, and messages after the handshake.
    Application,
}

/// Keys that have opened nothing yet.
struct Candidate {
    stage: Stage,
    suite: Suite,
    secret: Arc<Secret>,
    keys: TrafficKeys,
}

/// Keys that have opened the last record.
struct Current {
    stage: Stage,
    suite: Suite,
    secret: Arc<Secret>,
    keys: TrafficKeys,
    /// Number of the next record.
    sequence: u64,
    /// Keys of the next generation, once they were asked for.
    next: Option<(Arc<Secret>, TrafficKeys)>,
}

impl Tls13Opener {
    /// An opener of what `secrets` protect with `suite`, the one that the server chose. Before it has,
    /// early data may be of any suite.
    #[must_use]
    pub fn new(suite: Option<Suite>, secrets: &TrafficSecrets) -> Self {
        let mut candidates = Vec::new();
        for secret in &secrets.early {
            for suite in suite.map_or_else(|| early_suites(secret), |suite| vec![suite]) {
                candidates.extend(Candidate::new(Stage::Early, suite, secret));
            }
        }
        if let Some(suite) = suite {
            let stages = [
                (Stage::Handshake, &secrets.handshake),
                (Stage::Application, &secrets.application),
            ];
            for (stage, secrets) in stages {
                candidates.extend(secrets.iter().filter_map(|it| Candidate::new(stage, suite, it)));
            }
        }
        Self { candidates, current: None, lost: 0, trials: 0, is_finished: false }
    }

    /// Takes over where an opener without the server's suite has come to.
    pub fn succeed(&mut self, earlier: Self) {
        self.current = earlier.current;
        self.lost = earlier.lost;
        self.is_finished = earlier.is_finished;
        if self.current.is_some() {
            self.candidates.retain(|candidate| candidate.stage > Stage::Early);
        }
    }

    /// Whether there are keys that may open records.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.candidates.is_empty() || self.is_in_use()
    }

    /// Whether the keys that opened the last record should open the next.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let is_over = |current: &Current| self.is_finished && current.stage == Stage::Handshake;
        self.current.as_ref().is_some_and(|current| !is_over(current))
    }

    /// Takes note that up to `records` records were lost.
    pub fn on_gap(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records).min(MAX_LOST);
    }

    /// Takes note of the sender's `Finished`: its next record is protected by other keys.
    pub const fn on_finished(&mut self) {
        self.is_finished = true;
    }

    /// Opens a record into `out`, without its padding; `None` if no keys do. What is in `out` then has
    /// no meaning.
    pub fn open(&mut self, header: &[u8], body: &[u8], out: &mut Vec<u8>) -> Option<Tls13Opened> {
        if self.trials >= MAX_TRIALS {
            return None;
        }
        let Some(lost) = self.try_all(Sealed { header, body }, out) else {
            // It may be a damaged one of the keys in use, and had a number as well.
            if self.current.as_ref().is_some_and(|current| current.stage == Stage::Application) {
                self.on_gap(1);
            }
            return None;
        };
        (self.trials, self.lost) = (0, 0);
        let stage = self.current.as_ref()?.stage;
        let content_type = take_content_type(out)?;
        Some(Tls13Opened { content_type, stage, lost })
    }

    fn try_all(&mut self, record: Sealed<'_>, out: &mut Vec<u8>) -> Option<u64> {
        let trials = &mut self.trials;
        let stage = self.current.as_ref().map(|current| current.stage);
        let is_over = self.is_finished && stage == Some(Stage::Handshake);
        if let Some(current) = self.current.as_mut().filter(|_| !is_over)
            && let Some(lost) = current.open(self.lost, record, out, trials)
        {
            return Some(lost);
        }
        for lost in 0..=self.lost {
            let opens = |candidate: &Candidate| {
                let is_later = stage.is_none_or(|stage| candidate.stage > stage);
                is_later && attempt(&candidate.keys, lost, record, out, trials)
            };
            if let Some(found) = self.candidates.iter().position(opens) {
                let Candidate { stage, suite, secret, keys } = self.candidates.swap_remove(found);
                self.candidates.retain(|candidate| candidate.stage > stage);
                let sequence = lost.saturating_add(1);
                self.current = Some(Current { stage, suite, secret, keys, sequence, next: None });
                return Some(lost);
            }
            if *trials >= MAX_TRIALS {
                return None;
            }
        }
        None
    }
}

/// Tries keys on a record, and counts if it is in vain.
fn attempt(
    keys: &TrafficKeys,
    sequence: u64,
    record: Sealed<'_>,
    out: &mut Vec<u8>,
    trials: &mut u32,
) -> bool {
    let is_opened = keys.open(sequence, record, out);
    *trials = trials.saturating_add(u32::from(!is_opened));
    is_opened
}

impl Candidate {
    fn new(stage: Stage, suite: Suite, secret: &Arc<Secret>) -> Option<Self> {
        let keys = TrafficKeys::derive(suite, secret.dangerous_bytes())?;
        Some(Self { stage, suite, secret: Arc::clone(secret), keys })
    }
}

impl Current {
    /// Opens the next record, one that others were lost in front of, or the first of the next
    /// generation of application data.
    fn open(
        &mut self,
        lost: u64,
        record: Sealed<'_>,
        out: &mut Vec<u8>,
        trials: &mut u32,
    ) -> Option<u64> {
        for lost in 0..=lost {
            let sequence = self.sequence.saturating_add(lost);
            if attempt(&self.keys, sequence, record, out, trials) {
                self.sequence = sequence.saturating_add(1);
                return Some(lost);
            }
            if *trials >= MAX_TRIALS {
                return None;
            }
        }
        if self.stage != Stage::Application {
            return None;
        }
        if self.next.is_none() {
            let secret = next_secret(self.suite, &self.secret)?;
            let keys = TrafficKeys::derive(self.suite, secret.dangerous_bytes())?;
            self.next = Some((Arc::new(secret), keys));
        }
        let (_, next) = self.next.as_ref()?;
        let lost = (0..=lost).find(|lost| attempt(next, *lost, record, out, trials))?;
        let (secret, keys) = self.next.take()?;
        (self.secret, self.keys, self.sequence) = (secret, keys, lost.saturating_add(1));
        Some(lost)
    }
}

/// Suites that early data under a secret of this length may have.
fn early_suites(secret: &Secret) -> Vec<Suite> {
    let values: &[u16] = if secret.len() == Hash::Sha384.digest_len() {
        &[0x1302]
    } else {
        &[0x1301, 0x1303, 0x1304, 0x1305]
    };
    values.iter().filter_map(|value| Suite::of(CipherSuite(*value))).collect()
}

/// Takes the padding and the content type off the end (RFC 9846 section 5.4).
fn take_content_type(out: &mut Vec<u8>) -> Option<u8> {
    let last = out.iter().rposition(|byte| *byte != 0)?;
    let content_type = *out.get(last)?;
    out.truncate(last);
    Some(content_type)
}

/// Records that may be lost in front of one that is to be opened: those of two windows of 8 MiB. Each
/// costs a trial.
const MAX_LOST: u64 = 1024;

/// Trials in vain after which no more are made. Where the secrets of a server's handshake are missing,
/// each record of it costs one: this is for certificates of 1 MiB in records of 512 bytes.
const MAX_TRIALS: u32 = 2048;
