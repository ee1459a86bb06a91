//! How long a session waits for its secrets to arrive.

use std::time::Duration;

/// How far secrets have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Somebody other than the process has them.
    Received,
    /// All monitors that are there have them.
    Live,
    /// They survive a crash.
    Durable,
}

/// Whether a session waits, and what happens if it waits in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What is waited for; nothing, if it is `None`.
    pub wait: Option<Reached>,
    /// How long each message is waited for.
    pub deadline: Duration,
    /// What happens then.
    pub on_deadline: OnDeadline,
    /// After how many deadlines in a row nobody waits any longer; never, if it is 0.
    pub breaker: u32,
    /// How long after that one session tries again.
    pub pause: Duration,
    /// What happens to sessions meanwhile.
    pub on_trip: OnTrip,
}

/// What happens to a session whose deadline is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadline {
    /// It goes on. That it did is counted and told.
    Open,
    /// It is aborted before one byte goes out that is protected by its secrets.
    Abort,
}

/// What happens to sessions while nobody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrip {
    /// They go on, and are counted.
    Open,
    /// They are aborted at once.
    Refuse,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            wait: None,
            deadline: Duration::from_millis(5),
            on_deadline: OnDeadline::Open,
            breaker: 5,
            pause: Duration::from_secs(1),
            on_trip: OnTrip::Open,
        }
    }
}

impl Reached {
    /// Each, with its name.
    pub const NAMES: [(Self, &str); 3] =
        [(Self::Received, "received"), (Self::Live, "live"), (Self::Durable, "durable")];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Received => 1,
            Self::Live => 2,
            Self::Durable => 3,
        }
    }

    pub(crate) const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Received),
            2 => Some(Self::Live),
            3 => Some(Self::Durable),
            _ => None,
        }
    }
}
