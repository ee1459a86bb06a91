//! Takes secrets from a process to the agent of its host, and waits for the answer.
//!
//! It runs in programs of others. It starts no thread, never waits for a lock, and may be used before and
//! after a fork. A descriptor that the program has closed behind its back is found out, and is not written to.

mod connection;
mod counts;
mod waiting;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use handover::{
    Admission, Breaker, Fact, Message, OnDeadline, OnTrip, Session, Settings, Subject, Tallies,
    Text, Told,
};
use rustix::time::{ClockId, clock_gettime};

use connection::{Connection, Failure};
use counts::Counts;
use waiting::Timer;
pub use waiting::{Begun, Waiting};

/// What a session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// It is to be aborted before a byte goes out that its secrets protect.
    Abort,
}

/// Takes secrets of one process to the agent.
#[derive(Debug)]
pub struct Courier {
    settings: Settings,
    executable: Option<PathBuf>,
    connections: [Mutex<Option<Connection>>; MAX_CONNECTIONS],
    breaker: Breaker,
    sequence: AtomicU64,
    counts: Counts,
}

impl Courier {
    /// One that has not spoken yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            executable: std::fs::read_link("/proc/self/exe").ok(),
            connections: [const { Mutex::new(None) }; MAX_CONNECTIONS],
            breaker: Breaker::new(),
            sequence: AtomicU64::new(0),
            counts: Counts::default(),
        }
    }

    /// Hands over secrets if the policy allows that, and waits as long as the settings say.
    pub fn hand_over(&self, session: Session, told: Told) -> Verdict {
        match self.prepare(session, told) {
            Ok(prepared) => {
                let delivery = self.deliver(&prepared.message, prepared.deadline_ns);
                self.conclude(prepared, delivery)
            }
            Err(verdict) => verdict,
        }
    }

    /// The same, but does not wait: if the session is to, the caller does, and then calls [`Self::end`].
    pub fn begin(&self, session: Session, told: Told) -> Begun {
        let prepared = match self.prepare(session, told) {
            Ok(prepared) => prepared,
            Err(verdict) => return Begun::Over(verdict),
        };
        if prepared.message.wait.is_none() {
            let delivery = self.deliver(&prepared.message, prepared.deadline_ns);
            return Begun::Over(self.conclude(prepared, delivery));
        }
        // A connection of its own: whoever else waits meanwhile must not take the answer.
        let Ok(connection) = Connection::open(&self.settings.socket) else {
            return Begun::Over(self.conclude(prepared, Delivery::Lost));
        };
        if connection.send(&prepared.message, now_ns()).is_err() {
            return Begun::Over(self.conclude(prepared, Delivery::Lost));
        }
        match Timer::new(prepared.deadline_ns) {
            Some(timer) => Begun::Waits(Box::new(Waiting::new(connection, timer, prepared))),
            None => Begun::Over(self.conclude(prepared, Delivery::Unanswered)),
        }
    }

    /// What the session does, when its wait is over.
    pub fn end(&self, waiting: Waiting) -> Verdict {
        let (prepared, delivery) = waiting.into_parts();
        self.conclude(prepared, delivery)
    }

    /// What is to be sent; a verdict if nothing is.
    fn prepare(&self, mut session: Session, told: Told) -> Result<Prepared, Verdict> {
        self.counts.begin_anew_after_fork();
        if !self.allows(&session) {
            self.counts.denied.add();
            return Err(Verdict::GoOn);
        }
        let executable = self.executable.as_deref().and_then(Path::to_str);
        session.executable = executable.and_then(|path| Text::from(path).ok());
        let hold = &self.settings.hold;
        let now = now_ns();
        let admission = hold.wait.map(|_| self.breaker.admit(hold.breaker, hold.pause, now));
        let on_trip = (admission == Some(Admission::Tripped)).then(|| self.trip());
        let message = Message {
            sequence: self.next_sequence(),
            wait: hold.wait.filter(|_| admission == Some(Admission::Wait)),
            tallies: self.counts.take(),
            session,
            stage: told.stage,
            secrets: told.secrets,
        };
        let deadline_ns = now.saturating_add(nanoseconds(hold.deadline));
        Ok(Prepared { message, on_trip, deadline_ns })
    }

    fn conclude(&self, prepared: Prepared, delivery: Delivery) -> Verdict {
        let Prepared { message, on_trip, .. } = prepared;
        let hold = &self.settings.hold;
        if delivery == Delivery::Lost {
            self.counts.give_back(message.tallies);
            self.counts.lost.add();
        }
        if let Some(verdict) = on_trip {
            return verdict;
        }
        if message.wait.is_none() {
            return Verdict::GoOn;
        }
        if delivery == Delivery::Answered {
            self.breaker.succeed(hold.breaker);
            return Verdict::GoOn;
        }
        self.breaker.fail(hold.breaker, hold.pause, now_ns());
        self.give_up(message, delivery)
    }

    /// Takes note that a session went on which was to be aborted, and could not be.
    pub fn count_not_aborted(&self) {
        self.counts.opened.add();
    }

    /// What a session does that does not wait, because others waited in vain. It is told with its secrets.
    fn trip(&self) -> Verdict {
        match self.settings.hold.on_trip {
            OnTrip::Open => {
                self.counts.opened.add();
                Verdict::GoOn
            }
            OnTrip::Refuse => {
                self.counts.refused.add();
                Verdict::Abort
            }
        }
    }

    /// What a session does that has waited in vain. It is told at once, because its process may end.
    fn give_up(&self, mut message: Message, delivery: Delivery) -> Verdict {
        let (tallies, verdict) = match self.settings.hold.on_deadline {
            OnDeadline::Open => (Tallies { opened: 1, ..Tallies::default() }, Verdict::GoOn),
            OnDeadline::Abort => (Tallies { aborted: 1, ..Tallies::default() }, Verdict::Abort),
        };
        message.secrets.clear();
        (message.sequence, message.wait, message.tallies) = (self.next_sequence(), None, tallies);
        let is_lost = delivery == Delivery::Lost || self.deliver(&message, 0) == Delivery::Lost;
        if is_lost {
            self.counts.give_back(tallies);
        }
        verdict
    }

    fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    fn allows(&self, session: &Session) -> bool {
        let executable = self.executable.as_deref().map(|path| path.as_os_str().as_bytes());
        self.settings.policy.allows(&Subject {
            server_name: match &session.server_name {
                Fact::Known(name) => Fact::Known(name.as_str()),
                Fact::Absent => Fact::Absent,
                Fact::Unknown => Fact::Unknown,
            },
            peer: session.peer.map_or(Fact::Unknown, |peer| Fact::Known(peer.ip())),
            executable: executable.map_or(Fact::Unknown, Fact::Known),
            // A server that gave up its rights is another user than it was.
            user: Fact::Known(rustix::process::geteuid().as_raw()),
        })
    }

    /// Sends a message and waits for its answer if it asks for one.
    fn deliver(&self, message: &Message, deadline_ns: u64) -> Delivery {
        let free = self.connections.iter().find_map(|place| place.try_lock().ok());
        let (mut one_more, mut place) = (None, free);
        let place = place.as_deref_mut().unwrap_or(&mut one_more);
        // An agent that was started anew closed the connections to the one before.
        for _ in 0..2 {
            let connection = match place.take().filter(Connection::is_own) {
                Some(connection) => connection,
                None => match Connection::open(&self.settings.socket) {
                    Ok(connection) => connection,
                    Err(_) => break,
                },
            };
            match connection.send(message, deadline_ns) {
                Ok(()) => {
                    let answered = connection.wait(message, deadline_ns);
                    if answered != Err(Failure::Gone) {
                        *place = Some(connection);
                    }
                    return match answered {
                        Ok(()) => Delivery::Answered,
                        Err(_) => Delivery::Unanswered,
                    };
                }
                Err(Failure::Gone) => {}
                Err(Failure::Late) => {
                    *place = Some(connection);
                    break;
                }
            }
        }
        Delivery::Lost
    }
}

/// A message, and what its session does.
pub(crate) struct Prepared {
    pub(crate) message: Message,
    /// What it does without a wait, because others waited in vain.
    on_trip: Option<Verdict>,
    /// Until when it waits, if it does.
    pub(crate) deadline_ns: u64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was sent, and answered in time if it asks for an answer.
    Answered,
    /// It was sent, and not answered in time.
    Unanswered,
    /// It could not be sent.
    Lost,
}

fn now_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Threads that can speak at the same time without a connection of their own for each message.
const MAX_CONNECTIONS: usize = 16;
