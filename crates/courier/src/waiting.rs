//! A wait that the caller does, because its thread has something else to do.

use std::os::fd::{AsFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_gettime, timerfd_settime,
};

use crate::connection::Connection;
use crate::{Delivery, Prepared, Verdict, now_ns};

/// What [`Courier::begin`](crate::Courier::begin) has come to.
pub enum Begun {
    /// The session need not wait.
    Over(Verdict),
    /// It is to wait.
    Waits(Box<Waiting>),
}

/// A session that waits.
pub struct Waiting {
    connection: Connection,
    timer: Timer,
    prepared: Prepared,
    delivery: Option<Delivery>,
}

/// What becomes readable at the deadline.
pub(crate) struct Timer {
    /// `None` once it is known to belong to the program.
    descriptor: Option<OwnedFd>,
    deadline_ns: u64,
}

impl Waiting {
    pub(crate) const fn new(connection: Connection, timer: Timer, prepared: Prepared) -> Self {
        Self { connection, timer, prepared, delivery: None }
    }

    /// What becomes readable when the answer comes, and at the deadline.
    #[must_use]
    pub fn descriptors(&self) -> [Option<BorrowedFd<'_>>; 2] {
        [self.connection.descriptor(), self.timer.descriptor.as_ref().map(OwnedFd::as_fd)]
    }

    /// Whether it has waited long enough. The program may have done anything meanwhile, also closed what it
    /// did not open.
    pub fn is_over(&mut self) -> bool {
        if self.delivery.is_none() {
            self.delivery = if !self.connection.is_own() || !self.timer.is_own() {
                Some(Delivery::Unanswered)
            } else {
                match self.connection.take_answer(&self.prepared.message) {
                    Ok(true) => Some(Delivery::Answered),
                    Ok(false) if now_ns() < self.prepared.deadline_ns => None,
                    Ok(false) | Err(_) => Some(Delivery::Unanswered),
                }
            };
        }
        self.delivery.is_some()
    }

    /// Has the thread sleep until it may be over, for a millisecond at most.
    pub fn doze(&self) {
        let [Some(answer), Some(deadline)] = self.descriptors() else { return };
        let mut ready = [answer, deadline].map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN));
        poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 })).ok();
    }

    pub(crate) fn into_parts(self) -> (Prepared, Delivery) {
        (self.prepared, self.delivery.unwrap_or(Delivery::Unanswered))
    }
}

impl Timer {
    pub(crate) fn new(deadline_ns: u64) -> Option<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags).ok()?;
        let at = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(deadline_ns / 1_000_000_000).unwrap_or(i64::MAX),
                // A time of 0 would be none.
                tv_nsec: i64::try_from(deadline_ns % 1_000_000_000).unwrap_or(0).max(1),
            },
        };
        timerfd_settime(&descriptor, TimerfdTimerFlags::ABSTIME, &at).ok()?;
        Some(Self { descriptor: Some(descriptor), deadline_ns })
    }

    /// Whether it is there: a timer that rings once, and when it is to. All timers have the same inode.
    fn is_own(&self) -> bool {
        let now = self.descriptor.as_ref().and_then(|it| timerfd_gettime(it).ok());
        now.is_some_and(|Itimerspec { it_interval, it_value }| {
            let seconds = u64::try_from(it_value.tv_sec).unwrap_or(u64::MAX);
            let left = self.deadline_ns.saturating_sub(now_ns()) / 1_000_000_000;
            (it_interval.tv_sec, it_interval.tv_nsec) == (0, 0) && seconds.abs_diff(left) <= 1
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if !self.is_own()
            && let Some(descriptor) = self.descriptor.take()
        {
            // The number is the program's, whatever it is used for.
            let _not_ours = descriptor.into_raw_fd();
        }
    }
}
