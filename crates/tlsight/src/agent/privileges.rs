//! Keeps of all privileges only those that are still needed.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::capabilities::{ALL, Held, Need};

/// What is captured, and so what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// Sockets.
    Sockets,
    /// An interface.
    Interface,
}

/// The capabilities that are missing, with what that costs.
pub(super) fn missing(captured: Captured) -> Vec<String> {
    let needs: &[Need] = match captured {
        Captured::Sockets => &[Need::Sockets, Need::Details],
        Captured::Interface => &[Need::Interfaces],
    };
    let missing = Held::own().missing(needs);
    missing.map(|missing| format!("{missing} is missing: {}", missing.cost)).collect()
}

/// Gives up all capabilities but those that a running capture needs, for ever. Threads that are
/// there already keep theirs, so this comes before the first.
///
/// # Errors
/// What the system reports.
pub(super) fn drop_unneeded(captured: Captured) -> io::Result<()> {
    let kept = match captured {
        Captured::Sockets => ALL
            .iter()
            .filter(|capability| capability.is_kept)
            .fold(CapabilitySet::empty(), |set, capability| set | capability.bit),
        Captured::Interface => CapabilitySet::empty(),
    };
    set_no_new_privs(true)?;
    clear_ambient_capability_set()?;
    let held = capabilities(None)?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().difference(kept).iter() {
            // Those that this kernel does not know are not held either.
            remove_capability_from_bounding_set(capability).ok();
        }
    }
    let left = held.permitted.intersection(kept);
    let sets =
        CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    Ok(())
}
