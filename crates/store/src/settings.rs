//! How the store keeps.

/// How the store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How long, and how much.
    pub retention: Retention,
    /// What survives what.
    pub durability: Durability,
}

/// How long, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after which what was seen is forgotten.
    pub days: u32,
    /// Bytes on disk at which the oldest sessions are forgotten.
    pub max_bytes: u64,
}

/// What survives what. A process that is killed at any moment loses nothing that it acknowledged, with
/// either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power may take the last second or so of what was acknowledged
    /// (`synchronous=NORMAL`); the file stays whole.
    #[default]
    Process,
    /// A loss of power takes nothing either: each commit waits for the disk (`synchronous=FULL`).
    Power,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 30, max_bytes: 10 << 30 }
    }
}

/// Days for which counts of minutes are kept: those of an interface are a large part of what is stored.
pub(crate) const MINUTE_DAYS: u32 = 2;

/// Days for which counts of hours are kept: a window of a month begins at any hour.
pub(crate) const HOUR_DAYS: u32 = 32;
