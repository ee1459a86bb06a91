//! A wait inside of a job of OpenSSL (ASYNC_start_job(3)): the thread goes on with what else the program has to
//! do, and comes back when there is an answer.

use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd as _;
use std::ptr;

use courier::Waiting;

use crate::library::Library;
use crate::openssl::{
    AsyncClearFd, AsyncPause, AsyncSetFd, MODE_ASYNC, Ssl, WaitContext, ask_for_mode,
};

/// The job that this thread is in.
pub(crate) struct Job {
    context: *mut WaitContext,
    set_fd: AsyncSetFd,
    clear_fd: AsyncClearFd,
    pause: AsyncPause,
}

impl Job {
    /// The job, if the program has said that it can wait for one (`SSL_MODE_ASYNC`), and is in one.
    pub(crate) fn current(library: &Library, ssl: *const Ssl) -> Option<Self> {
        let functions = library.asynchronous.as_ref()?;
        // SAFETY: OpenSSL gave the connection; asked to set no mode, it gives those that are set.
        let mode = unsafe { ask_for_mode(functions.ctrl, ssl) };
        if mode & MODE_ASYNC == 0 {
            return None;
        }
        // SAFETY: it takes nothing, and may be called by any thread.
        let job = unsafe { (functions.current_job)() };
        if job.is_null() {
            return None;
        }
        // SAFETY: OpenSSL gave the job.
        let context = unsafe { (functions.wait_context)(job) };
        let (set_fd, clear_fd, pause) = (functions.set_fd, functions.clear_fd, functions.pause);
        (!context.is_null()).then_some(Self { context, set_fd, clear_fd, pause })
    }

    /// Leaves the thread to the program until the wait is over.
    ///
    /// A program may free the connection meanwhile. Then this does not return: OpenSSL forgets the stack that it
    /// runs on, and calls [`free`].
    pub(crate) fn wait(&self, waiting: Box<Waiting>) -> Box<Waiting> {
        let waiting = Box::into_raw(waiting);
        if self.announce(waiting) {
            let mut in_vain = 0_u32;
            // SAFETY: it came out of a box, and who else frees it does not let this go on.
            while !unsafe { (*waiting).is_over() } {
                if in_vain >= MOST_IN_VAIN {
                    // SAFETY: as above.
                    unsafe { (*waiting).doze() };
                }
                in_vain = in_vain.saturating_add(1);
                // SAFETY: it takes nothing; outside of a job it would return at once.
                if unsafe { (self.pause)() } != 1 {
                    break;
                }
            }
        }
        self.withdraw();
        // SAFETY: as above.
        let mut waiting = unsafe { Box::from_raw(waiting) };
        // Where a job cannot be left, its thread waits.
        while !waiting.is_over() {
            waiting.doze();
        }
        waiting
    }

    /// Tells the program what becomes readable when it is to come back.
    fn announce(&self, waiting: *mut Waiting) -> bool {
        // SAFETY: the caller has it out of a box.
        let [answer, deadline] = unsafe { (*waiting).descriptors() };
        let (Some(answer), Some(deadline)) = (answer, deadline) else { return false };
        let set = |key: &'static u8, descriptor, data, cleanup| {
            // SAFETY: the context is that of the job. The key lives for ever; the data lives until it is freed
            // by `free`, or withdrawn.
            unsafe {
                (self.set_fd)(self.context, ptr::from_ref(key).cast(), descriptor, data, cleanup)
                    == 1
            }
        };
        set(&ANSWER, answer.as_raw_fd(), waiting.cast(), Some(free))
            && set(&DEADLINE, deadline.as_raw_fd(), ptr::null_mut(), None)
    }

    /// Takes that back; what was announced is not freed then.
    fn withdraw(&self) {
        for key in [&ANSWER, &DEADLINE] {
            // SAFETY: the context is that of the job; of a key that it does not know it says so.
            unsafe { (self.clear_fd)(self.context, ptr::from_ref::<u8>(key).cast()) };
        }
    }
}

/// Called with a wait that is not over when its connection is freed.
unsafe extern "C" fn free(
    _context: *mut WaitContext,
    _key: *const c_void,
    _descriptor: c_int,
    waiting: *mut c_void,
) {
    // SAFETY: `announce` gave what came out of a box, and what has waited for it is gone.
    drop(unsafe { Box::from_raw(waiting.cast::<Waiting>()) });
}

/// What descriptors are announced by: two addresses.
static ANSWER: u8 = 1;
static DEADLINE: u8 = 2;

/// After so many returns to a wait that is not over, its thread sleeps a little before each: a program comes
/// back without being asked to, or must not leave its jobs (ASYNC_block_pause(3)).
const MOST_IN_VAIN: u32 = 1000;
