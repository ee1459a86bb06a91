//! What the process is told, read once when it begins.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::{env, ptr};

use courier::Courier;
use handover::{Settings, VARIABLE};

/// The courier; null where nothing is handed over.
static COURIER: AtomicPtr<Courier> = AtomicPtr::new(ptr::null_mut());

/// Who takes secrets to the agent, if the settings name one.
pub(crate) fn courier() -> Option<&'static Courier> {
    // SAFETY: it is null, or came out of a box that is never freed.
    unsafe { COURIER.load(Ordering::Acquire).as_ref() }
}

/// Called by the loader before the program begins.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // SAFETY: it only reads what the kernel has told the process.
    let is_other_user = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if is_other_user {
        return;
    }
    // A program may clear its environment later.
    let settings = env::var(VARIABLE).ok().and_then(|text| text.parse::<Settings>().ok());
    if let Some(settings) = settings {
        COURIER.store(Box::into_raw(Box::new(Courier::new(settings))), Ordering::Release);
    }
}
