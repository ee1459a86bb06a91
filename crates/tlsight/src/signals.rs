//! Ctrl-C and `kill`: the first asks to finish, the second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that each SIGHUP sets.
///
/// # Errors
/// What the system reports.
pub(crate) fn reload_on_request() -> io::Result<Arc<AtomicBool>> {
    let reload = Arc::new(AtomicBool::new(false));
    flag::register(SIGHUP, Arc::clone(&reload))?;
    Ok(reload)
}

/// Sets `stop` when the program is asked to end.
///
/// # Errors
/// What the system reports.
pub(crate) fn stop_on_request(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset.
        flag::register_conditional_default(signal, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

/// A flag for each signal that is passed on to a program which is run.
///
/// # Errors
/// What the system reports.
pub(crate) fn pass_on() -> io::Result<[(i32, Arc<AtomicBool>); 3]> {
    let signals = [SIGHUP, SIGINT, SIGTERM].map(|signal| (signal, Arc::default()));
    for (signal, flag) in &signals {
        flag::register(*signal, Arc::clone(flag))?;
    }
    Ok(signals)
}
