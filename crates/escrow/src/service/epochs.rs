//! The epochs that are sealed to: looked for again and again, because others make them.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::clock::now_ms;
use crate::keys::{Epoch, Signed, read_statements};
use crate::store::{remove_segments, segments};

/// Looks for epochs until the end.
pub(super) fn run(shared: &Arc<Shared>) {
    while !shared.is_over() {
        shared.wake.wait(EVERY);
        load(shared);
        remove_old(shared);
    }
}

/// Takes the epochs of the folder.
pub(super) fn load(shared: &Shared) {
    let signed = match read_statements(&shared.settings.epochs) {
        Ok(signed) => signed,
        Err(error) => return shared.auditor.teller().say(&error.to_string()),
    };
    let now = now_ms();
    let is_of_use = |epoch: &Epoch| {
        let end = epoch.ends_ms.saturating_add(LATE_MS);
        epoch.begins_ms <= now.saturating_add(LATE_MS) && now < end
    };
    let mut epochs: Vec<Signed> = Vec::new();
    for statement in signed {
        match shared.settings.trust.epoch(&statement) {
            Ok(epoch) if is_of_use(epoch) => epochs.push(statement),
            Ok(_) => {}
            Err(error) => shared.auditor.teller().say(&format!("an epoch is passed over: {error}")),
        }
    }
    shared.hub.set_epochs(epochs, now);
}

/// Removes segments whose keys are destroyed.
fn remove_old(shared: &Shared) {
    let (Ok(names), Ok(signed)) =
        (segments(&shared.settings.store), read_statements(&shared.settings.epochs))
    else {
        return;
    };
    let now = now_ms();
    let is_over = |number: u64| {
        signed.iter().filter_map(|it| shared.settings.trust.epoch(it).ok()).any(|epoch| {
            epoch.number == number && epoch.destroyed_ms.saturating_add(LATE_MS) <= now
        })
    };
    let mut old: Vec<u64> =
        names.iter().map(|name| name.epoch).filter(|number| is_over(*number)).collect();
    old.dedup();
    match remove_segments(&shared.settings.store, &old) {
        Ok(events) => events.into_iter().for_each(|event| shared.auditor.tell(event)),
        Err(error) => shared.auditor.teller().say(&error.to_string()),
    }
}

const EVERY: Duration = Duration::from_secs(2);

/// What agents sealed while they could not reach the service still comes, and their clocks may be ahead.
const LATE_MS: u64 = 3_600_000;
