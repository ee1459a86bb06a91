//! The keys that are sealed to: as the service told them, and as the authority signed them.

use std::sync::Arc;

use event::Timestamp;
use secrets::{Label, Origin, Secret};

use crate::hpke::{HpkeError, PublicKey};
use crate::keys::{Epoch, NotTrusted, Signed, Trust};
use crate::malformed::Malformed;
use crate::seal::{Sealer, SealerLimits};
use crate::tier::{Facts, Part};
use crate::wire::Announcement;

/// Whom to seal to.
#[derive(Default)]
pub(super) struct Recipients {
    limits: SealerLimits,
    epochs: Vec<Arc<EpochKeys>>,
    monitors: Vec<Arc<MonitorKeys>>,
}

/// The keys of an epoch.
pub(super) struct EpochKeys {
    epoch: Epoch,
    sealers: Vec<Sealer>,
}

/// The keys of a monitor: one, for each part that it may have.
pub(super) struct MonitorKeys {
    key: PublicKey,
    not_after_ms: u64,
    sealers: Vec<Sealer>,
}

impl Recipients {
    pub(super) fn new(limits: SealerLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// What an announcement says, with the sealers of `before` for keys that it had. Gives the statements
    /// that are not believed.
    pub(super) fn announced(
        before: &Self,
        bytes: &[u8],
        trust: &Trust,
        now_ms: u64,
    ) -> Result<(Self, Vec<NotTrusted>), Malformed> {
        let told = Announcement::parse(bytes)?;
        let mut next = Self::new(before.limits);
        let mut refused = Vec::new();
        for text in &told.epochs {
            let signed = Signed::parse(text).map_err(|_error| Malformed::Value)?;
            match trust.epoch(&signed) {
                Ok(epoch) => next.add_epoch(before, epoch),
                Err(error) => refused.push(error),
            }
        }
        // A service that tells none, or that somebody has taken over, does not take them away.
        for known in &before.epochs {
            let is_there = next.epochs.iter().any(|it| it.epoch == known.epoch);
            if !is_there && now_ms < known.epoch.ends_ms {
                next.epochs.push(Arc::clone(known));
            }
        }
        for (grant, key) in told.monitors.iter().take(MAX_MONITORS) {
            let parse = |text| Signed::parse(text).map_err(|_error| Malformed::Value);
            let (grant, key) = (parse(grant)?, parse(key)?);
            match trust.monitor(&grant, &key, now_ms) {
                Ok((monitor, tier, key)) => {
                    next.add_monitor(before, key, tier.parts(), monitor.not_after_ms);
                }
                Err(error) => refused.push(error),
            }
        }
        Ok((next, refused))
    }

    /// Takes epochs that were given.
    pub(super) fn set_epochs(
        &mut self,
        epochs: &[Signed],
        trust: &Trust,
    ) -> Result<(), NotTrusted> {
        let nobody = Self::default();
        for signed in epochs {
            self.add_epoch(&nobody, trust.epoch(signed)?);
        }
        Ok(())
    }

    fn add_epoch(&mut self, before: &Self, epoch: &Epoch) {
        let known = before.epochs.iter().find(|it| it.epoch == *epoch);
        let keys = known.map(Arc::clone).unwrap_or_else(|| {
            let sealer = |part| Some(Sealer::new(part, epoch.key(part)?, self.limits));
            let sealers = Part::ALL.into_iter().filter_map(sealer).collect();
            Arc::new(EpochKeys { epoch: epoch.clone(), sealers })
        });
        self.epochs.push(keys);
    }

    fn add_monitor(&mut self, before: &Self, key: PublicKey, parts: &[Part], not_after_ms: u64) {
        let known =
            before.monitors.iter().find(|it| it.key == key && it.sealers.len() == parts.len());
        let keys = known.map(Arc::clone).unwrap_or_else(|| {
            let sealer = |part: &Part| Sealer::new(*part, key.clone(), self.limits);
            let sealers = parts.iter().map(sealer).collect();
            Arc::new(MonitorKeys { key, not_after_ms, sealers })
        });
        self.monitors.push(keys);
    }

    /// The epoch to seal to at this time.
    pub(super) fn epoch(&self, now_ms: u64) -> Option<&EpochKeys> {
        self.epochs.iter().find(|keys| keys.epoch.covers(now_ms)).map(|keys| &**keys)
    }

    pub(super) fn has_epoch(&self, now_ms: u64) -> bool {
        self.epoch(now_ms).is_some()
    }

    pub(super) const fn monitors(&self) -> usize {
        self.monitors.len()
    }

    /// The monitors whose keys may be sealed to.
    pub(super) fn each_monitor(&self, now_ms: u64) -> impl Iterator<Item = &MonitorKeys> {
        self.monitors.iter().filter(move |keys| now_ms < keys.not_after_ms).map(|keys| &**keys)
    }
}

impl EpochKeys {
    pub(super) fn seal(
        &self,
        part: Part,
        now: Timestamp,
        facts: &Facts,
        origin: Option<&Origin>,
        secrets: &[(Label, Secret)],
        out: &mut Vec<u8>,
    ) -> Result<Arc<[u8]>, HpkeError> {
        let sealer = self.sealers.iter().find(|sealer| sealer.part() == part).ok_or(HpkeError)?;
        sealer.seal(now, facts, origin, secrets, out)
    }
}

impl MonitorKeys {
    /// `None` if the monitor may not have this part.
    pub(super) fn seal(
        &self,
        part: Part,
        now: Timestamp,
        facts: &Facts,
        origin: Option<&Origin>,
        secrets: &[(Label, Secret)],
        out: &mut Vec<u8>,
    ) -> Option<Result<Arc<[u8]>, HpkeError>> {
        let sealer = self.sealers.iter().find(|sealer| sealer.part() == part)?;
        Some(sealer.seal(now, facts, origin, secrets, out))
    }
}

/// Each of them costs a seal for each part.
const MAX_MONITORS: usize = 32;
