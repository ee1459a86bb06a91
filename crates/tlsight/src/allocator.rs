//! Where memory comes from, and when it goes back.
#![expect(unsafe_code, reason = "mimalloc's function has no safe name in Rust")]

use mimalloc::MiMalloc;

/// It asks for huge pages: the state of thousands of flows is more pages of the usual size than a
/// core has translations for, and a tenth to a fifth of the time went into looking those up.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Gives what is free back to the system, for after a task that took much and is done.
pub(crate) fn give_back() {
    unsafe extern "C" {
        /// Of mimalloc: "Eagerly free memory", of the calling thread and of those that have ended.
        safe fn mi_collect(force: bool);
    }
    mi_collect(true);
}
