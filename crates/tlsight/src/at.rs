//! The time at which something is judged or reported.

use event::Timestamp;

/// A time that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// At the time of the wall clock.
    Now,
    /// At this time.
    Time(Timestamp),
}

impl At {
    /// The time.
    pub(crate) fn time(self) -> Timestamp {
        match self {
            Self::Now => crate::watch::wall_clock(),
            Self::Time(time) => time,
        }
    }
}

impl std::str::FromStr for At {
    type Err = event::NotATime;

    fn from_str(text: &str) -> Result<Self, event::NotATime> {
        if text == "now" { Ok(Self::Now) } else { text.parse().map(Self::Time) }
    }
}
